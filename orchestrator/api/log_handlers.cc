#include "orchestrator/api/log_handlers.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/api/event_stream.h"
#include "orchestrator/api/log_cursor.h"
#include "orchestrator/api/log_follower.h"
#include "orchestrator/docker/timestamp.h"
#include "orchestrator/site/units.h"

namespace orchestrator::api {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr std::uint64_t kDefaultTail = 100;
constexpr std::string_view kDigits = "0123456789";

Failure BadQuery(const std::string& message) {
  return Failure(Error{ErrorKind::kInvalid, message, {}, {{"?", message}}});
}

// "10m" (ago), Unix seconds, or RFC 3339.
Result<std::string> ParseSince(std::string_view text) {
  if (text.empty()) return std::string();
  if (const auto ago = site::ParseDuration(text)) {
    const auto then = std::chrono::system_clock::now() - *ago;
    return std::to_string(
        std::chrono::duration_cast<std::chrono::seconds>(then.time_since_epoch()).count());
  }
  if (auto time = docker::ToUnixSeconds(text)) return *std::move(time);
  const std::size_t end = text.find_first_not_of(kDigits);
  const bool seconds = end == std::string_view::npos ||
                       (end > 0 && end + 1 < text.size() && text[end] == '.' &&
                        text.find_first_not_of(kDigits, end + 1) == std::string_view::npos);
  if (seconds) return std::string(text);
  return BadQuery(
      "since must be a time like 2026-01-31T12:00:00Z, Unix seconds, or how long ago, "
      "as in 10m");
}

Result<docker::LogQuery> ParseQuery(const Request& request) {
  docker::LogQuery query;
  query.tail = kDefaultTail;
  if (const auto text = request.Query("tail"); text == "all") {
    query.tail = kMostLogLines;
  } else if (!text.empty()) {
    std::uint64_t tail = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tail);
    if (error != std::errc{} || end != text.data() + text.size() || tail > kMostLogLines) {
      return BadQuery(fmt::format("tail must be from 0 to {}, or all", kMostLogLines));
    }
    query.tail = tail;
  }
  auto since = ParseSince(request.Query("since"));
  if (!since) return Failure(since.error());
  query.since = *std::move(since);
  const auto follow = request.Query("follow");
  if (!follow.empty() && follow != "true" && follow != "false") {
    return BadQuery("follow must be true or false");
  }
  query.follow = follow == "true";
  return query;
}

// Where a reader has been: as an event's id says, or a time (of earlier versions' ids), after which
// all is new.
Result<LogCursor> ParseLastEvent(std::string_view id) {
  if (auto cursor = LogCursor::Parse(id)) return *std::move(cursor);
  const auto since = ParseSince(id);
  if (!since) return Failure(since.error());
  const auto time = ParseUnixSeconds(*since);
  if (!time) return BadQuery("Last-Event-ID must be the id of an event of this log, or a time");
  return LogCursor(*time + std::chrono::nanoseconds(1));
}

}  // namespace

Response ShowLogs(const Services& services, const Request& request, site::SiteId id) {
  auto query = ParseQuery(request);
  if (!query) return Problem(query.error());
  const auto record = services.store.Find(id);
  if (!record) return Problem(record.error());
  if (!*record) return Problem(404, fmt::format("there is no site {}", id.value));
  if ((*record)->site.kind == site::Kind::kExternal) {
    return Problem(409, fmt::format("site {} is external: its logs are elsewhere", id.value));
  }
  if (!services.engine) return Problem(503, "no Docker engine is configured (docker.host)");
  const std::string service = site::ServiceName(id);
  if (WantsEvents(request) || query->follow) {
    std::optional<LogCursor> known;
    if (const auto last = request.Header("Last-Event-ID"); !last.empty()) {
      auto cursor = ParseLastEvent(last);
      if (!cursor) return Problem(cursor.error());
      known = *std::move(cursor);
    }
    return EventStream(request, services.stopping,
                       [&services, id, query = *query, known](EventWriter& writer) {
                         SendLog(services.store, *services.engine, id, query, known, writer);
                       });
  }
  const NewestLines newest = ReadNewestLines(*services.engine, service, *query, services.stopping);
  // A node that is away has its part of the log: the others' lines are better than none.
  if (!newest.read && newest.lines.empty()) return Problem(newest.read.error());
  std::string body = R"({"lines":[)";
  for (const docker::LogLine& line : newest.lines) {
    if (&line != &newest.lines.front()) body += ',';
    body += LogLineJson(line);
  }
  body += ']';
  if (!newest.read) {
    body += R"(,"problem":)" + Dump(Ordered(newest.read.error().message));
  }
  return Json(200, body + '}');
}

}  // namespace orchestrator::api
