#include "orchestrator/api/waiting_server.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace orchestrator::api {

WaitingServer::WaitingServer()
    : server_([this](const Request& request) { return Handle(request); }, ErrorPage,
              {.connections = 256, .body_bytes = 1 << 20}) {}

void WaitingServer::SetProblem(std::string problem) {
  const std::lock_guard lock(mutex_);
  problem_ = std::move(problem);
}

Response WaitingServer::Handle(const Request& request) const {
  if (request.path == "/healthz") return Json(200, R"({"status":"ok"})");
  const std::lock_guard lock(mutex_);
  if (request.path == "/readyz") {
    return Json(503, Dump({{"ready", false}, {"checks", {{"store", problem_}}}}));
  }
  return Problem(503, fmt::format("nothing can be read or changed yet: {}. What was served before "
                                  "is served until then",
                                  problem_));
}

}  // namespace orchestrator::api
