#include "orchestrator/api/api_server.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "orchestrator/api/director_handlers.h"
#include "orchestrator/api/file_handlers.h"
#include "orchestrator/api/history_handlers.h"
#include "orchestrator/api/image_handlers.h"
#include "orchestrator/api/import_handlers.h"
#include "orchestrator/api/log_handlers.h"
#include "orchestrator/api/metrics.h"
#include "orchestrator/api/migration_handlers.h"
#include "orchestrator/api/routing_handlers.h"
#include "orchestrator/api/site_handlers.h"
#include "orchestrator/api/terminal_handlers.h"
#include "provider/base/secret.h"

namespace orchestrator::api {
namespace {

constexpr std::size_t kLargestBody = std::size_t{64} << 20;  // 10,000 sites fit into one batch
constexpr std::size_t kLargestSite = std::size_t{1} << 20;

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

std::optional<std::uint64_t> ParseId(std::string_view text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return id;
}

// Health checks need no token.
bool IsOpen(const Request& request) {
  return request.path == "/healthz" || request.path == "/readyz";
}

// A page in a browser may send a form to any address, but not JSON: so this keeps them out.
bool HasJsonBody(const Request& request) {
  std::string_view type = request.Header("Content-Type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return type == "application/json" || type == "application/merge-patch+json";
}

Response HandleSites(const Services& services, const Request& request,
                     const std::vector<std::string_view>& path) {
  const std::string_view method = request.method;
  if (path.size() == 2) {
    if (method == "GET") return ListSites(services, request);
    if (method == "POST") return CreateSite(services, request);
    return MethodNotAllowed("GET, POST");
  }
  if (path.size() == 3 && path[2] == "batch") {
    return method == "POST" ? ApplyBatch(services, request) : MethodNotAllowed("POST");
  }
  const auto number = ParseId(path[2]);
  if (!number || *number < 1 || *number > static_cast<std::uint64_t>(site::SiteId::kLargest)) {
    return Problem(404, fmt::format("'{}' is not the id of a site", path[2]));
  }
  const site::SiteId id{static_cast<std::int64_t>(*number)};
  if (path.size() == 3) {
    if (method == "GET") return ShowSite(services, request, id);
    if (method == "PUT") return ReplaceSite(services, request, id);
    if (method == "PATCH") return PatchSite(services, request, id);
    if (method == "DELETE") return RemoveSite(services, request, id);
    return MethodNotAllowed("GET, PUT, PATCH, DELETE");
  }
  if (path.size() == 4 && path[3] == "status") {
    return method == "GET" ? ShowSiteStatus(services, id) : MethodNotAllowed("GET");
  }
  if (path[3] == "files") {
    // As bytes, not as segments: what is empty or dotted is for the files to refuse.
    const std::string_view whole = request.path;
    return HandleFiles(services, request, id, whole.substr(whole.find("/files") + 6));
  }
  if (path[3] == "image") {
    const std::string_view whole = request.path;
    return HandleImage(services, request, id, whole.substr(whole.find("/image") + 6));
  }
  if (path.size() == 4 && path[3] == "terminals") {
    return method == "GET" ? ListTerminals(services, id) : MethodNotAllowed("GET");
  }
  if (path.size() == 4 && path[3] == "logs") {
    return method == "GET" ? ShowLogs(services, request, id) : MethodNotAllowed("GET");
  }
  if (path.size() == 4 && path[3] == "restart") {
    return method == "POST" ? RestartSite(services, request, id) : MethodNotAllowed("POST");
  }
  return Problem(404, "there is nothing at this address");
}

Response HandleRevisions(const Services& services, const routing::PoolRouting& pool,
                         const Request& request, const std::vector<std::string_view>& path) {
  const bool get = request.method == "GET";
  if (path.size() == 3) return get ? ListRevisions(pool) : MethodNotAllowed("GET");
  const auto number = ParseId(path[3]);
  const bool is_rollback = path.size() == 5 && path[4] == "rollback";
  if (is_rollback && (number || path[3] == "latest")) {
    return request.method == "POST" ? RollBack(services, pool, number) : MethodNotAllowed("POST");
  }
  if (!number) return Problem(404, fmt::format("'{}' is not the number of a revision", path[3]));
  if (path.size() == 4) return get ? ShowRevision(pool, *number) : MethodNotAllowed("GET");
  if (path.size() == 5 && path[4] == "diff") {
    return get ? ShowDifference(pool, request, *number) : MethodNotAllowed("GET");
  }
  return Problem(404, "there is nothing at this address");
}

// What each pool has for itself: that of ?pool=, or the default one.
Response HandlePool(const Services& services, const Request& request,
                    const std::vector<std::string_view>& path) {
  const std::string_view asked = request.Query("pool");
  const auto* const pool =
      routing::FindPool(services.pools, asked.empty() ? site::kDefaultPool : asked);
  if (!pool) {
    return Problem(
        404, fmt::format("there is no pool '{}' (routing.pools in the configuration)", asked));
  }
  if (path[2] == "revisions") return HandleRevisions(services, *pool, request, path);
  if (path.size() == 3 && path[2] == "document") {
    return request.method == "GET" ? ShowDocument(*pool) : MethodNotAllowed("GET");
  }
  if (path.size() == 3 && path[2] == "confirm") {
    return request.method == "POST" ? ConfirmLoss(services, *pool, request)
                                    : MethodNotAllowed("POST");
  }
  return Problem(404, "there is nothing at this address");
}

Response HandleRouting(const Services& services, const Request& request,
                       const std::vector<std::string_view>& path) {
  const bool get = request.method == "GET";
  if (path.size() == 2) return get ? ShowRouting(services) : MethodNotAllowed("GET");
  if (path.size() == 3 && path[2] == "instances") {
    return get ? ListInstances(services) : MethodNotAllowed("GET");
  }
  if (path[2] == "instances") {
    // All that follows is the name, which may have slashes.
    static constexpr std::string_view kInstances = "/v1/routing/instances/";
    return request.method == "DELETE"
               ? DeclareGone(services, request.path.substr(kInstances.size()))
               : MethodNotAllowed("DELETE");
  }
  if (path[2] == "document" || path[2] == "revisions" || path[2] == "confirm") {
    return HandlePool(services, request, path);
  }
  if (path[2] == "migrations") return HandleMigrations(services, request, path);
  if (path.size() == 3 && path[2] == "plan") {
    return request.method == "POST" ? PlanMigration(services, request) : MethodNotAllowed("POST");
  }
  return Problem(404, "there is nothing at this address");
}

}  // namespace

ApiServer::ApiServer(Services services, std::string token)
    : services_(std::move(services)),
      token_(std::move(token)),
      server_([this](const Request& request) { return Handle(request); }, ErrorPage,
              {.connections = 1024, .body_bytes = kLargestBody},
              {.admit = [this](const Request& request) { return Refuse(request); },
               .streams_body = IsFileUpload,
               .serve_socket =
                   [this](const Request& request, provider::http::Socket& socket) {
                     ServeSocket(request, socket);
                   }}) {}

bool ApiServer::IsAllowed(const Request& request) const {
  if (token_.empty()) return true;
  return provider::EqualSecrets(token_, provider::BearerToken(request.Header("Authorization")));
}

struct TerminalAddress {
  site::SiteId site;
  std::string session;  // empty: a new one
};

// /v1/sites/{id}/terminals and /v1/sites/{id}/terminals/{session}, the addresses with WebSockets.
std::optional<TerminalAddress> ParseTerminal(const Request& request) {
  const std::vector<std::string_view> path = Split(request.path);
  if (path.size() < 4 || path.size() > 5 || path[0] != "v1" || path[1] != "sites" ||
      path[3] != "terminals")
    return {};
  const auto number = ParseId(path[2]);
  if (!number || *number < 1 || *number > static_cast<std::uint64_t>(site::SiteId::kLargest)) {
    return {};
  }
  return TerminalAddress{{static_cast<std::int64_t>(*number)},
                         path.size() == 5 ? std::string(path[4]) : ""};
}

void ApiServer::ServeSocket(const Request& request, provider::http::Socket& socket) const {
  const auto address = ParseTerminal(request);
  if (address) {
    return ServeTerminal(services_, request, address->site, address->session, socket);
  }
  socket.Close(provider::http::Socket::CloseReason::kPolicyViolation,
               "there is no WebSocket at this address");
}

// Strangers are turned away before their bodies take memory.
std::optional<Response> ApiServer::Refuse(const Request& request) const {
  if (IsOpen(request)) {
    if (request.method == "GET" || request.method == "HEAD") return {};
    return MethodNotAllowed("GET");
  }
  if (!IsAllowed(request)) {
    Response response =
        Problem(401, "send the API's token as a bearer token (Authorization: Bearer …)");
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
  }
  // Browsers let any page open WebSockets to any address; without tokens nothing else keeps it out.
  if (token_.empty() && !request.Header("Upgrade").empty() && !request.Header("Origin").empty()) {
    return Problem(403, "pages in a browser may not open terminals while api.auth is none");
  }
  const bool has_body =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (has_body && !IsFileUpload(request) && !HasJsonBody(request)) {
    return Problem(415, "send JSON, and say so: Content-Type: application/json");
  }
  return {};
}

Response ApiServer::Handle(const Request& request) const {
  const std::vector<std::string_view> path = Split(request.path);
  if (request.path == "/healthz") return Json(200, R"({"status":"ok"})");
  if (request.path == "/readyz") return Ready();
  if (request.body.size() > kLargestSite && request.path != "/v1/sites/batch") {
    return Problem(413, fmt::format("the body has {} bytes; {} are allowed here",
                                    request.body.size(), kLargestSite));
  }
  if (request.path == "/metrics") {
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = RenderMetrics(services_);
    return response;
  }
  if (IsDirectorPath(request.path)) return HandleDirector(services_, request);
  if (path.size() >= 2 && path[0] == "v1" && path[1] == "sites") {
    return HandleSites(services_, request, path);
  }
  if (request.path == "/v1/import/swarm") {
    return request.method == "POST" ? ImportSwarm(services_, request) : MethodNotAllowed("POST");
  }
  if (request.path == "/v1/import/document") {
    return request.method == "POST" ? ImportDocument(services_, request) : MethodNotAllowed("POST");
  }
  if (request.path == "/v1/import/labels") {
    return request.method == "POST" ? ImportLabels(services_, request) : MethodNotAllowed("POST");
  }
  if (path.size() >= 2 && path[0] == "v1" && path[1] == "routing") {
    return HandleRouting(services_, request, path);
  }
  return Problem(404, "there is nothing at this address");
}

Response ApiServer::Ready() const {
  nlohmann::ordered_json checks;
  const auto counts = services_.store.Count();
  checks["store"] = counts ? "ok" : counts.error().message;
  bool all_serve = true;
  checks["document"] = "ok";
  for (const routing::PoolRouting& pool : services_.pools) {
    const auto snapshot = pool.traefiks.publisher.Current();
    const auto held = pool.document->held();
    const std::string state = !snapshot              ? "not published yet"
                              : snapshot->is_stale() ? "from before the start"
                              : held                 ? held->reason
                                                     : "ok";
    all_serve = all_serve && snapshot;
    if (state == "ok") continue;
    checks["document"] =
        pool.name() == site::kDefaultPool ? state : fmt::format("pool {}: {}", pool.name(), state);
    if (!snapshot) break;
  }
  const std::string engine = services_.engine ? services_.reconciler.EngineProblem() : "";
  checks["engine"] = !services_.engine ? "none configured" : engine.empty() ? "ok" : engine;
  // The engine may be away for a while without harm to the routes that are served.
  const bool ready = counts && all_serve;
  return Json(ready ? 200 : 503, Dump({{"ready", ready}, {"checks", checks}}));
}

}  // namespace orchestrator::api
