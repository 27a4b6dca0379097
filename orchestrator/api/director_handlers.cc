#include "orchestrator/api/director_handlers.h"

#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/api/wait.h"
#include "orchestrator/deploy/service_merge.h"
#include "orchestrator/deploy/site_directory.h"
#include "orchestrator/director/site_info.h"
#include "orchestrator/files/site_files.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;
using Ordered = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr auto kDeployTime = 20s;
constexpr auto kRemovalTime = 30s;

Response DirectorJson(int status, const Ordered& value) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = Dump(value);
  return response;
}

Response Done() { return DirectorJson(200, Ordered::object()); }

Response Plain(int status, const char* detail) {
  return DirectorJson(status, {{"detail", detail}});
}

// The manager reads these members at the top; its own orchestrator sends them below "detail".
Response DirectorError(int status, bool user_error, const std::string& description,
                       const std::string& explanation) {
  Ordered body{
      {"user_error", user_error}, {"description", description}, {"explanation", explanation}};
  Ordered detail = body;
  body["detail"] = std::move(detail);
  return DirectorJson(status, body);
}

Response Refused(const director::InputError& error) {
  if (error.not_json) return Plain(400, "There was an error parsing the body");
  Ordered detail = Ordered::array();
  std::string explanation;
  for (const director::InputProblem& problem : error.problems) {
    Ordered location = Ordered::array();
    std::string place;
    for (const std::string& part : problem.location) {
      const bool index = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
      if (index) {
        location.push_back(std::stoll(part));
      } else {
        location.push_back(part);
      }
      if (part != "body") place += (place.empty() ? "" : ".") + part;
    }
    detail.push_back({{"type", problem.type},
                      {"loc", std::move(location)},
                      {"msg", problem.message},
                      {"input", Ordered::parse(problem.input)}});
    explanation += fmt::format("{}{}: {}", explanation.empty() ? "" : "; ", place, problem.message);
  }
  return DirectorJson(422, {{"detail", std::move(detail)},
                            {"user_error", true},
                            {"description", "The input is not valid"},
                            {"explanation", explanation}});
}

// `body` is what was sent.
Response Failed(const char* what, const Error& error, std::string_view body = {}) {
  if (error.kind == ErrorKind::kInvalid ||
      (error.kind == ErrorKind::kConflict && !error.fields.empty())) {
    return Refused({.not_json = false, .problems = director::FromFields(error.fields, body)});
  }
  const bool away = error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kStorage;
  return DirectorError(away ? 503 : 500, error.kind == ErrorKind::kConflict, what, error.message);
}

Response Update(const Services& services, const Request& request) {
  auto site = director::ReadSite(request.body, director::Need::kDeployment);
  if (!site) return Refused(site.error());
  const site::SiteId id = site->id;
  const auto written = services.commands.Deploy(*std::move(site));
  if (!written) return Failed("The site cannot be stored", written.error(), request.body);
  const std::string problem = services.reconciler.WaitApplied(
      id, written->record.revision, Clock::now() + kDeployTime, services.stopping);
  if (problem.empty()) return Done();
  const bool away = !services.reconciler.EngineProblem().empty();
  return DirectorError(away ? 503 : 500, false,
                       "The site is stored, but the swarm has not taken it yet", problem);
}

// The service that the manager's own orchestrator made for a site of this name, if it was not taken
// over: it is the manager's to remove.
Result<void> RemoveServiceOfOthers(const Services& services, site::SiteId id) {
  if (!services.engine) return {};
  const auto record = services.store.Find(id);
  if (!record) return Failure(record.error());
  if (*record) return {};  // made again meanwhile, which says whose the service is
  const auto service = services.engine->FindService(site::ServiceName(id), services.stopping);
  Result<void> removed = service ? Result<void>() : Failure(service.error());
  if (service && !deploy::IsMarked(service->spec)) {
    removed = services.engine->RemoveService(service->id, services.stopping);
  }
  return !removed && removed.error().kind == ErrorKind::kNotFound ? Result<void>() : removed;
}

Response Remove(const Services& services, const Request& request) {
  const auto site = director::ReadSite(request.body, director::Need::kIdentity);
  if (!site) return Refused(site.error());
  const auto removed = services.commands.Remove(site->id, {}, /*keep_image=*/true);
  if (!removed && removed.error().kind != ErrorKind::kNotFound) {
    return Failed("The site cannot be removed", removed.error());
  }
  const WaitResult gone =
      WaitGone(services, site->id, {.level = Level::kRunning, .timeout = kRemovalTime});
  if (!gone.reached) {
    return DirectorError(503, false, "The site is being removed, which takes longer", gone.reason);
  }
  const auto rest = RemoveServiceOfOthers(services, site->id);
  return rest ? Done() : Failed("The service cannot be removed", rest.error());
}

Response Build(const Services& services, const Request& request) {
  const auto call = director::ReadBuild(request.body);
  if (!call) return Refused(call.error());
  if (!services.builder) {
    return DirectorError(503, false, "No image can be built", "no Docker engine is configured");
  }
  // The manager builds before it creates the site.
  const auto started = services.builder->Start(call->id, {.dockerfile = {},
                                                          .memory_bytes = call->memory_bytes,
                                                          .swap_bytes = call->swap_bytes,
                                                          .before_creation = true});
  if (!started) return Failed("The image cannot be built", started.error());
  const image::BuildStatus status = services.builder->WaitFinished(call->id, services.stopping);
  if (status.is_unfinished()) {
    return DirectorError(503, false, "The image is not built yet", "the orchestrator is stopping");
  }
  if (status.state != image::BuildState::kBuilt) {
    const bool own_fault =
        status.state == image::BuildState::kFailed && status.kind == ErrorKind::kInvalid;
    return DirectorError(status.kind == ErrorKind::kUnavailable ? 503 : 500, own_fault,
                         "Error building the image", status.error);
  }
  Ordered messages = Ordered::array();
  for (const std::string& line : services.builder->KeptLog(call->id)) {
    Ordered message = Ordered::parse(line, nullptr, /*allow_exceptions=*/false);
    const bool of_the_engine = message.is_object() && !message.contains("state");
    if (of_the_engine) messages.push_back(std::move(message));
  }
  return DirectorJson(200, {{"build_stdout", std::move(messages)}});
}

Response DeleteImage(const Services& services, const Request& request) {
  const auto site = director::ReadSite(request.body, director::Need::kIdentity);
  if (!site) return Refused(site.error());
  if (!services.builder) return Done();
  const auto deleted = services.builder->Delete(site->id, services.stopping);
  return deleted ? Done() : Failed("The image cannot be removed", deleted.error());
}

Response DeleteFiles(const Services& services, const Request& request) {
  const auto site = director::ReadSite(request.body, director::Need::kIdentity);
  if (!site) return Refused(site.error());
  const auto files = files::SiteFiles::Open(deploy::SitePath(services.sites_directory, site->id),
                                            files::Options{});
  if (!files) {
    return files.error().kind == ErrorKind::kNotFound
               ? Done()
               : Failed("The files cannot be removed", files.error());
  }
  const auto removed = files->RemoveTree({}, services.stopping);
  return removed ? Done() : Failed("The files cannot be removed", removed.error());
}

// Databases are the business of the manager: as in its own orchestrator, nothing is done.
Response DeleteDatabase(const Services&, const Request& request) {
  const auto site = director::ReadSite(request.body, director::Need::kIdentity);
  return site ? Done() : Refused(site.error());
}

struct Call {
  std::string_view path;
  Response (*handle)(const Services&, const Request&);
};

constexpr Call kCalls[] = {
    {"/api/docker/service/update", Update}, {"/api/docker/service/remove", Remove},
    {"/api/docker/image/build", Build},     {"/api/docker/image/delete", DeleteImage},
    {"/api/files/delete-all", DeleteFiles}, {"/api/database/delete", DeleteDatabase},
};

}  // namespace

bool IsDirectorPath(std::string_view path) { return path == "/ping" || path.starts_with("/api/"); }

Response HandleDirector(const Services& services, const Request& request) {
  if (request.path == "/ping") {
    if (request.method != "GET") return Plain(405, "Method Not Allowed");
    const bool given = request.query.contains("message");
    return DirectorJson(200, {{"message", given ? request.Query("message") : "pong"}});
  }
  for (const Call& call : kCalls) {
    if (request.path != call.path) continue;
    if (request.method != "POST") return Plain(405, "Method Not Allowed");
    return call.handle(services, request);
  }
  return Plain(404, "Not Found");
}

}  // namespace orchestrator::api
