#include "orchestrator/docker/engine_client.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/docker/codec.h"
#include "orchestrator/docker/streams.h"

namespace orchestrator::docker {
namespace {

constexpr std::size_t kMostIdsAtOnce = 100;  // they stand in a URL

}  // namespace

EngineClient::EngineClient(provider::http::Client& client, EngineAddress address,
                           std::chrono::milliseconds timeout)
    : transport_(client, std::move(address), timeout) {}

Result<EngineInfo> EngineClient::Info(const std::stop_token& stop) {
  const auto body = transport_.Call("asking about the engine", "GET", "/info", "", stop);
  if (!body) return Failure(body.error());
  auto info = ReadInfo(*body);
  if (!info) return info;
  if (const auto version = transport_.ApiVersion(stop)) info->api_version = *version;
  return info;
}

Result<std::vector<Service>> EngineClient::ListServices(std::string_view prefix,
                                                        const std::stop_token& stop) {
  const std::string filter = prefix.empty() ? "" : "?filters=" + Escape(FilterJson("name", prefix));
  return Then(transport_.Call("listing services", "GET", "/services" + filter, "", stop),
              ReadServices);
}

Result<std::vector<Service>> EngineClient::ListServicesById(std::span<const std::string> ids,
                                                            const std::stop_token& stop) {
  std::vector<Service> services;
  while (!ids.empty()) {
    const auto some = ids.first(std::min(ids.size(), kMostIdsAtOnce));
    ids = ids.subspan(some.size());
    auto read =
        Then(transport_.Call("reading services", "GET",
                             "/services?filters=" + Escape(FilterJson("id", some)), "", stop),
             ReadServices);
    if (!read) return read;
    std::ranges::move(*read, std::back_inserter(services));
  }
  return services;
}

Result<Service> EngineClient::FindService(std::string_view name, const std::stop_token& stop) {
  return Then(transport_.Call(fmt::format("reading service {}", name), "GET",
                              fmt::format("/services/{}", Escape(name)), "", stop),
              ReadService);
}

Result<void> EngineClient::CreateService(const ServiceSpec& spec, const std::stop_token& stop) {
  return WithoutBody(transport_.Call(fmt::format("creating service {}", spec.name), "POST",
                                     "/services/create", ServiceToJson(spec), stop));
}

Result<void> EngineClient::UpdateService(const Service& current, const ServiceSpec& wanted,
                                         const std::stop_token& stop) {
  return WithoutBody(
      transport_.Call(fmt::format("updating service {}", wanted.name), "POST",
                      fmt::format("/services/{}/update?version={}", current.id, current.version),
                      MergedServiceJson(current, wanted), stop));
}

Result<void> EngineClient::RemoveService(std::string_view name, const std::stop_token& stop) {
  return WithoutBody(transport_.Call(fmt::format("removing service {}", name), "DELETE",
                                     fmt::format("/services/{}", Escape(name)), "", stop));
}

Result<std::vector<Task>> EngineClient::ListTasks(std::string_view service_name,
                                                  const std::stop_token& stop) {
  return Then(
      transport_.Call("listing tasks", "GET",
                      "/tasks?filters=" + Escape(FilterJson("service", service_name)), "", stop),
      ReadTasksWithTemplates);
}

Result<std::vector<Task>> EngineClient::ListTasksOfAll(std::string_view label,
                                                       const std::stop_token& stop) {
  return Then(transport_.Call("listing all tasks", "GET",
                              "/tasks?filters=" + Escape(FilterJson("label", label)), "", stop),
              ReadTasks);
}

Result<std::vector<Task>> EngineClient::ListWantedTasksOfAll(std::string_view label,
                                                             const std::stop_token& stop) {
  const std::string filter =
      FilterJson({{"label", std::string(label)}, {"desired-state", "running"}});
  return Then(transport_.Call("listing the tasks that are to run", "GET",
                              "/tasks?filters=" + Escape(filter), "", stop),
              ReadTasks);
}

Result<void> EngineClient::ReadLog(std::string_view what, std::string_view path,
                                   const LogQuery& query, const LogSink& sink,
                                   const std::stop_token& stop) {
  std::string target = fmt::format("{}/logs?stdout=1&stderr=1&timestamps=1&details=1&follow={}",
                                   path, query.follow ? 1 : 0);
  if (query.tail) target += fmt::format("&tail={}", *query.tail);
  if (!query.since.empty()) target += "&since=" + Escape(query.since);
  LogParser parser;
  bool wanted = true;
  auto done = transport_.Stream(what, "GET", target, "",
                                {.read_body = {},
                                 .on_body =
                                     [&](std::string_view bytes) {
                                       wanted = parser.Add(bytes, sink);
                                       return wanted;
                                     }},
                                stop);
  if (!wanted) return {};
  if (done && !parser.problem().empty()) {
    return Failure(Error{ErrorKind::kUnavailable, fmt::format("{}: {}", what, parser.problem())});
  }
  return done;
}

Result<void> EngineClient::ReadServiceLog(std::string_view service_name, const LogQuery& query,
                                          const LogSink& sink, const std::stop_token& stop) {
  return ReadLog(fmt::format("reading the log of {}", service_name),
                 fmt::format("/services/{}", Escape(service_name)), query, sink, stop);
}

Result<void> EngineClient::ReadTaskLog(std::string_view task_id, const LogQuery& query,
                                       const LogSink& sink, const std::stop_token& stop) {
  return ReadLog(fmt::format("reading the log of task {}", task_id),
                 fmt::format("/tasks/{}", Escape(task_id)), query, sink, stop);
}

Result<void> EngineClient::FollowServices(std::chrono::system_clock::time_point since,
                                          const std::function<void(const Event&)>& sink,
                                          const std::stop_token& stop) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(since.time_since_epoch()).count();
  LineSplitter lines;
  const auto on_body = [&](std::string_view bytes) {
    lines.Add(bytes, [&](std::string_view line) {
      if (const auto event = ReadEvent(line)) sink(*event);
    });
    return true;
  };
  return transport_.Stream(
      "following events", "GET",
      fmt::format("/events?since={}&filters={}", seconds, Escape(FilterJson("type", "service"))),
      "", {.read_body = {}, .on_body = on_body}, stop);
}

Result<std::string> EngineClient::EnsureOverlay(const Overlay& overlay,
                                                const std::stop_token& stop) {
  const std::string& name = overlay.name;
  const auto read_id = [&](const std::string& body) { return ReadNetworkId(body, name); };
  const auto find = [&] {
    return Then(transport_.Call(fmt::format("looking for network {}", name), "GET",
                                "/networks?filters=" + Escape(FilterJson("name", name)), "", stop),
                read_id);
  };
  auto found = find();
  if (!found || !found->empty()) return found;
  const auto created = transport_.Call(fmt::format("creating network {}", name), "POST",
                                       "/networks/create", OverlayNetworkJson(overlay), stop);
  if (created) return read_id(*created);
  // Someone else may have made it meanwhile.
  if (created.error().kind == ErrorKind::kConflict) found = find();
  if (found && !found->empty()) return found;
  return Failure(created.error());
}

}  // namespace orchestrator::docker
