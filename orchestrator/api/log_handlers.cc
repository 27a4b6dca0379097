#include "orchestrator/api/log_handlers.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/api/event_stream.h"
#include "orchestrator/docker/timestamp.h"
#include "orchestrator/site/units.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;
using Ordered = nlohmann::ordered_json;

constexpr std::uint64_t kDefaultTail = 100;
constexpr std::uint64_t kMostLines = 10'000;
constexpr std::string_view kDigits = "0123456789";
constexpr auto kReconnect = 1s;  // while the engine is away

Ordered ToJson(const docker::LogLine& line) {
  return {{"time", line.time},
          {"task", line.task_id},
          {"stream", line.stream == docker::LogLine::Stream::kStdout ? "stdout" : "stderr"},
          {"text", line.text}};
}

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
    query.tail = kMostLines;
  } else if (!text.empty()) {
    std::uint64_t tail = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tail);
    if (error != std::errc{} || end != text.data() + text.size() || tail > kMostLines) {
      return BadQuery(fmt::format("tail must be from 0 to {}, or all", kMostLines));
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

struct Newest {
  std::vector<docker::LogLine> lines;  // by time
  Result<void> read;                   // whole, or why not
};

void KeepNewest(std::vector<docker::LogLine>& lines, std::size_t count) {
  std::ranges::stable_sort(lines, {}, &docker::LogLine::time);
  if (lines.size() <= count) return;
  lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
}

// The last lines of all tasks together: the engine counts them for each, and gives one task's after
// the other's.
Newest ReadNewest(docker::Engine& engine, const std::string& service, docker::LogQuery query,
                  const std::stop_token& stop) {
  Newest newest;
  const std::size_t count = query.tail.value_or(kMostLines);
  query.follow = false;
  const auto read = engine.ReadServiceLog(
      service, query,
      [&](const docker::LogLine& line) {
        newest.lines.push_back(line);
        if (newest.lines.size() >= count + kMostLines) KeepNewest(newest.lines, count);
        return true;
      },
      stop);
  newest.read = read;
  KeepNewest(newest.lines, count);
  return newest;
}

// Goes on after the engine was away, with what came after the `last` line (its time, or empty).
void Follow(docker::Engine& engine, const std::string& service, docker::LogQuery query,
            std::string last, EventWriter& writer) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  const auto pause = [&] {
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, writer.stop(), kReconnect, [] { return false; });
  };
  if (query.tail && (*query.tail > 0 || !query.follow)) {
    Newest newest = ReadNewest(engine, service, query, writer.stop());
    while (!newest.read && newest.lines.empty() && query.follow &&
           !writer.stop().stop_requested()) {
      pause();
      newest = ReadNewest(engine, service, query, writer.stop());
    }
    for (const docker::LogLine& line : newest.lines) {
      if (!writer.Send("line", Dump(ToJson(line)), line.time)) return;
      last = line.time;
    }
    if (!query.follow) {
      writer.Send("end", Dump({{"reason", newest.read ? "" : newest.read.error().message}}));
      return;
    }
    query.tail.reset();
  }
  while (!writer.stop().stop_requested()) {
    if (!last.empty()) {
      query.since = docker::ToUnixSeconds(last).value_or("");
      query.tail.reset();
    }
    const std::string known = last;
    const auto read = engine.ReadServiceLog(
        service, query,
        [&](const docker::LogLine& line) {
          // Tasks answer one after the other: only what was there before this connection is known.
          if (line.time <= known) return true;
          last = std::max(last, line.time);
          return writer.Send("line", Dump(ToJson(line)), line.time);
        },
        writer.stop());
    if (!query.follow) {
      writer.Send("end", Dump({{"reason", read ? "" : read.error().message}}));
      return;
    }
    pause();
  }
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
    const std::string last(request.Header("Last-Event-ID"));
    if (!last.empty()) {
      auto since = ParseSince(last);
      if (!since) return Problem(since.error());
      query->since = *std::move(since);
      query->tail.reset();
    }
    return EventStream(request, services.stopping,
                       [&services, service, query = *query, last](EventWriter& writer) {
                         Follow(*services.engine, service, query, last, writer);
                       });
  }
  const Newest newest = ReadNewest(*services.engine, service, *query, services.stopping);
  // A node that is away has its part of the log: the others' lines are better than none.
  if (!newest.read && newest.lines.empty()) return Problem(newest.read.error());
  Ordered list = Ordered::array();
  for (const docker::LogLine& line : newest.lines) list.push_back(ToJson(line));
  Ordered body{{"lines", std::move(list)}};
  if (!newest.read) body["problem"] = newest.read.error().message;
  return Json(200, Dump(body));
}

}  // namespace orchestrator::api
