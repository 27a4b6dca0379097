#include "tests/support/verdict_traefik.h"

#include <chrono>
#include <stdexcept>

#include <fmt/format.h>

#include "tests/support/eventually.h"
#include "tests/support/web.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kApiHost = "api.invalid";

// The route to Traefik's API, without which it could not be asked. It goes before all others.
json ApiRouter() {
  return {{"rule", "Host(`api.invalid`)"}, {"service", "api@internal"}, {"priority", 1'000'000}};
}

provider::http::ServerResponse Json(std::string body) {
  provider::http::ServerResponse response;
  response.content_type = "application/json";
  response.headers = {{"Api-Version", "1.44"}};
  response.body = std::move(body);
  return response;
}

json Mark(int number) {
  return {{"headers", {{"customResponseHeaders", {{"X-Mark", std::to_string(number)}}}}}};
}

}  // namespace

VerdictTraefik::VerdictTraefik()
    : server_([this](const provider::http::ServerRequest& request) { return Answer(request); },
              [](int status) {
                provider::http::ServerResponse response;
                response.status = status;
                return response;
              },
              {}) {
  const auto port = server_.Start({"127.0.0.1", 0, {}});
  if (!port) throw std::runtime_error(port.error());
  document_ = json{{"http", {{"routers", {{"api", ApiRouter()}}}}}}.dump();
  traefik_ = std::make_unique<TraefikProcess>(fmt::format(
      "api: {{}}\nlog: {{level: ERROR}}\nproviders:\n  providersThrottleDuration: 10ms\n"
      "  http: {{endpoint: \"http://127.0.0.1:{0}/configuration\", pollInterval: 20ms}}\n"
      "  swarm: {{endpoint: \"tcp://127.0.0.1:{0}\", refreshSeconds: 1}}\n",
      *port));
  if (!Eventually([&] { return RawData().is_object(); }, 20s)) {
    throw std::runtime_error("Traefik does not answer: " + Log());
  }
}

VerdictTraefik::~VerdictTraefik() {
  traefik_->Stop();
  server_.Stop();
}

provider::http::ServerResponse VerdictTraefik::Answer(
    const provider::http::ServerRequest& request) {
  if (request.path != "/configuration") return AnswerAsEngine(request.path);
  ++polls_;
  const std::lock_guard lock(mutex_);
  return Json(document_);
}

// What Traefik's swarm provider asks an engine for: "/v1.44/services" and the like.
provider::http::ServerResponse VerdictTraefik::AnswerAsEngine(const std::string& path) {
  if (path.ends_with("/services")) {
    const std::lock_guard lock(mutex_);
    return Json(services_);
  }
  if (path.ends_with("/networks")) {
    return Json(R"([{"Id": "net", "Name": "net", "Scope": "swarm", "Driver": "overlay"}])");
  }
  if (path.ends_with("/version")) return Json(R"({"Version": "27.0.0", "ApiVersion": "1.44"})");
  return Json("OK");
}

json VerdictTraefik::RawData() {
  const Visit visit = VisitSite(client_, traefik_->url(), kApiHost, "/api/rawdata");
  if (visit.status != 200) return {};
  return json::parse(visit.body);
}

std::size_t VerdictTraefik::Refusals() const {
  const std::string log = Log();
  std::size_t count = 0;
  for (std::size_t at = 0;
       (at = log.find("cannot decode configuration data", at)) != std::string::npos; ++at) {
    ++count;
  }
  return count;
}

bool VerdictTraefik::Takes(const std::string& text) {
  const std::size_t refusals = Refusals();
  std::size_t polls = 0;
  {
    const std::lock_guard lock(mutex_);
    document_ = text;
    polls = polls_;
  }
  // The one after the poll that got it: by then it has decided, and said so.
  const bool decided =
      Eventually([&] { return polls_ >= polls + 2 || Refusals() > refusals; }, 30s, 5ms);
  if (!decided) throw std::runtime_error("Traefik does not poll: " + Log());
  return Refusals() == refusals;
}

json VerdictTraefik::ViewOf(json document) {
  const int mark = ++marks_;
  document["http"]["routers"]["api"] = ApiRouter();
  document["http"]["middlewares"]["mark"] = Mark(mark);
  if (!Takes(document.dump())) return {};
  json view;
  const bool applied = Eventually(
      [&] {
        view = RawData();
        const json::json_pointer place(
            "/middlewares/mark@http/headers/customResponseHeaders/X-Mark");
        return view.is_object() && view.contains(place) && view.at(place) == std::to_string(mark);
      },
      60s, 50ms);
  if (!applied) throw std::runtime_error("Traefik does not apply the document: " + Log());
  return view;
}

json VerdictTraefik::ViewOf(
    const std::map<std::string, std::map<std::string, std::string>>& services) {
  const int mark = ++marks_;
  json list = json::array();
  const auto add = [&](const std::string& name, json labels) {
    labels["traefik.swarm.lbswarm"] = "true";
    list.push_back({{"ID", "id-" + name},
                    {"Spec",
                     {{"Name", name},
                      {"Labels", std::move(labels)},
                      {"Mode", {{"Replicated", {{"Replicas", 1}}}}},
                      {"EndpointSpec", {{"Mode", "vip"}}}}},
                    {"Endpoint",
                     {{"Spec", {{"Mode", "vip"}}},
                      {"VirtualIPs", {{{"NetworkID", "net"}, {"Addr", "10.9.8.7/24"}}}}}}});
  };
  for (const auto& [name, labels] : services) add(name, labels);
  const std::string mark_label =
      "traefik.http.middlewares.mark.headers.customresponseheaders.X-Mark";
  add("mark", {{mark_label, std::to_string(mark)},
               {"traefik.http.services.mark.loadbalancer.server.port", "80"}});
  {
    const std::lock_guard lock(mutex_);
    services_ = list.dump();
  }
  json view;
  const bool applied = Eventually(
      [&] {
        view = RawData();
        const json::json_pointer place(
            "/middlewares/mark@swarm/headers/customResponseHeaders/X-Mark");
        return view.is_object() && view.contains(place) && view.at(place) == std::to_string(mark);
      },
      60s, 100ms);
  if (!applied) throw std::runtime_error("Traefik does not apply the labels: " + Log());
  return view;
}

}  // namespace tests
