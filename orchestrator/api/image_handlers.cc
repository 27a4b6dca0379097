#include "orchestrator/api/image_handlers.h"

#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/api/event_stream.h"
#include "orchestrator/json/reader.h"
#include "orchestrator/site/units.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;
using Ordered = nlohmann::ordered_json;

constexpr std::int64_t kLeastMemory = std::int64_t{4} << 20;  // the engine refuses less

Ordered ToJson(const image::BuildStatus& status) {
  return {{"state", image::Name(status.state)},
          {"error", status.error},
          {"image", status.image_id.empty() ? Ordered() : Ordered(status.image_id)}};
}

void ReadBytes(json::ObjectReader& reader, std::string_view key, std::int64_t least,
               std::optional<std::int64_t>& out) {
  const auto* value = reader.Find(key);
  if (!value) return;
  if (value->is_string()) {
    const auto bytes = site::ParseBytes(value->get<std::string>());
    if (!bytes) return reader.Fail(key, bytes.error());
    out = bytes->count;
  } else {
    out = reader.Integer(key);
  }
  if (out && *out < least) reader.Fail(key, fmt::format("must be at least {} bytes", least));
}

Result<image::BuildOrder> ReadOrder(const Request& request) {
  image::BuildOrder order;
  if (request.body.empty()) return order;
  const auto value = json::Parse(request.body);
  if (!value) return Failure(value.error());
  std::vector<FieldProblem> problems;
  json::ObjectReader reader(*value, "", problems);
  order.dockerfile = reader.String("dockerfile");
  ReadBytes(reader, "memory", kLeastMemory, order.memory_bytes);
  ReadBytes(reader, "swap", -1, order.swap_bytes);
  reader.RefuseUnknown();
  if (problems.empty()) return order;
  const std::string message =
      fmt::format("{} {}", problems.front().pointer, problems.front().detail);
  return Failure(Error{ErrorKind::kInvalid, message, {}, std::move(problems)});
}

// The first line after the event that Last-Event-ID names, "build:line"; all where that was of
// another build.
std::size_t FirstLine(const Request& request, const image::BuildLog& log) {
  const std::string_view last = request.Header("Last-Event-ID");
  const std::size_t colon = last.find(':');
  if (colon == std::string_view::npos || last.substr(0, colon) != log.build()) return 0;
  const std::string_view text = last.substr(colon + 1);
  std::size_t line = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), line);
  return error == std::errc{} && end == text.data() + text.size() ? line + 1 : 0;
}

// Every message as an event, from the one after Last-Event-ID on; then how this build ended.
Response FollowLog(const Services& services, const Request& request, site::SiteId id) {
  const auto log = services.builder->LogOf(id);
  const std::size_t first = log ? FirstLine(request, *log) : 0;
  return EventStream(request, services.stopping, [log, first](EventWriter& writer) {
    image::BuildStatus status;
    std::size_t next = first;
    while (log && !writer.stop().stop_requested()) {
      const auto more = log->Wait(next, std::chrono::steady_clock::now() + 5s, writer.stop());
      for (const std::string& line : more.lines) {
        if (!writer.Send("build", line, fmt::format("{}:{}", log->build(), next++))) return;
      }
      status = more.status;
      if (more.finished) break;
    }
    writer.Send("end", Dump(ToJson(status)));
  });
}

Response ShowLog(const Services& services, const Request& request, site::SiteId id) {
  if (WantsEvents(request)) return FollowLog(services, request, id);
  std::string body = "[";
  for (const std::string& line : services.builder->KeptLog(id)) {
    if (!nlohmann::json::accept(line)) continue;  // cut by a crash or a full disk
    if (body.size() > 1) body += ',';
    body += line;
  }
  return Json(200, body + "]");
}

Response StartBuild(const Services& services, const Request& request, site::SiteId id) {
  auto order = ReadOrder(request);
  if (!order) return Problem(order.error());
  const auto started = services.builder->Start(id, *std::move(order));
  if (!started) return Problem(started.error());
  if (WantsEvents(request)) return FollowLog(services, request, id);
  Response response = Json(202, Dump(ToJson(services.builder->StatusOf(id))));
  response.headers.emplace_back("Location", fmt::format("/v1/sites/{}/image", id.value));
  return response;
}

}  // namespace

Response HandleImage(const Services& services, const Request& request, site::SiteId id,
                     std::string_view rest) {
  if (!services.builder) return Problem(503, "no Docker engine is configured (docker.host)");
  if (rest == "/log") {
    return request.method == "GET" ? ShowLog(services, request, id) : MethodNotAllowed("GET");
  }
  if (rest == "/cancel") {
    if (request.method != "POST") return MethodNotAllowed("POST");
    const auto cancelled = services.builder->Cancel(id);
    return cancelled ? Json(202, Dump(ToJson(services.builder->StatusOf(id))))
                     : Problem(cancelled.error());
  }
  if (!rest.empty()) return Problem(404, "there is nothing at this address");
  if (request.method == "GET") return Json(200, Dump(ToJson(services.builder->StatusOf(id))));
  if (request.method == "POST") return StartBuild(services, request, id);
  if (request.method == "DELETE") {
    const auto deleted = services.builder->Delete(id, services.stopping);
    return deleted ? Json(200, R"({"state":"none"})") : Problem(deleted.error());
  }
  return MethodNotAllowed("GET, POST, DELETE");
}

}  // namespace orchestrator::api
