#include "traefik/document.h"

#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>

namespace traefik {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

Configuration SmallSite(const std::string& name) {
  Configuration configuration;
  configuration.routers[name].rule = "Host(`" + name + ".example`)";
  configuration.routers[name].service = name;
  configuration.routers[name].middlewares = {"limit"};
  configuration.services[name].server_urls = {"http://" + name};
  configuration.middlewares["limit"] = Buffering{10};
  return configuration;
}

std::string Render(const std::vector<Fragment>& fragments,
                   const std::optional<Certificate>& certificate = {}) {
  std::vector<const Fragment*> parts;
  for (const Fragment& fragment : fragments) parts.push_back(&fragment);
  return RenderDocument(parts, certificate);
}

std::string Routers(const Fragment& fragment) {
  std::string members;
  for (const RouterText& router : fragment.routers) AppendRouter(members, router);
  return members;
}

TEST_CASE("RenderDocument leaves out every section that would be empty") {
  struct Case {
    const char* sentence;
    std::vector<Fragment> fragments;
    const char* document;
  };
  Fragment router;
  router.routers.emplace_back().name = "a";
  Fragment service;
  service.services = R"("a":{})";
  Fragment middleware;
  middleware.middlewares["m"] = "{}";
  Fragment transport;
  transport.servers_transports = R"("t":{})";
  const Case cases[] = {
      {"should write no section for no fragment", {}, "{}"},
      {"should write no section for empty fragments", {{}, {}}, "{}"},
      {"should write routers alone", {{}, router}, R"({"http":{"routers":{"a":{}}}})"},
      {"should write services alone", {service, {}}, R"({"http":{"services":{"a":{}}}})"},
      {"should write middlewares alone", {middleware}, R"({"http":{"middlewares":{"m":{}}}})"},
      {"should write transports alone", {transport}, R"({"http":{"serversTransports":{"t":{}}}})"},
      {"should write all sections in one order",
       {middleware, service, router},
       R"({"http":{"middlewares":{"m":{}},"routers":{"a":{}},"services":{"a":{}}}})"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(Render(c.fragments) == c.document);
  }
}

TEST_CASE("RenderDocument names a shared middleware once") {
  // A key that is given twice makes Traefik refuse the whole document.
  const std::string text = Render({RenderFragment(SmallSite("a")), RenderFragment(SmallSite("b"))});
  CHECK(text.find("\"limit\":{") == text.rfind("\"limit\":{"));
  const json document = json::parse(text);
  CHECK(document["http"]["routers"].size() == 2);
  CHECK(document["http"]["services"]["b"]["loadBalancer"]["servers"][0]["url"] == "http://b");
  CHECK(document["http"]["middlewares"]["limit"]["buffering"]["maxRequestBodyBytes"] == 10);
}

TEST_CASE("RenderFragment writes every option") {
  Configuration configuration;
  Router& router = configuration.routers["r"];
  router.rule = "Host(`a.example`)";
  router.service = "s";
  router.entry_points = {"web", "websecure"};
  router.middlewares = {"m"};
  router.priority = -1000;
  router.tls = RouterTls{"le"};
  Service& service = configuration.services["s"];
  service.server_urls = {"http://a", "http://b"};
  service.servers_transport = "t";
  configuration.servers_transports["t"] = ServersTransport{1500ms, 10ms, 3};
  service.sticky = StickyCookie{"c"};
  service.health_check = HealthCheck{"/up", 500ms};
  configuration.middlewares["m"] = Headers{{{"X-A", "1"}}};

  const Fragment fragment = RenderFragment(configuration);
  CHECK(
      Routers(fragment) ==
      R"json("r":{"rule":"Host(`a.example`)","service":"s","priority":-1000,"middlewares":["m"],)json"
      R"("entryPoints":["web","websecure"],"tls":{"certResolver":"le"}})");
  CHECK(fragment.services ==
        R"("s":{"loadBalancer":{"servers":[{"url":"http://a"},{"url":"http://b"}],)"
        R"("serversTransport":"t",)"
        R"("sticky":{"cookie":{"name":"c"}},"healthCheck":{"path":"/up","interval":"500ms"}}})");
  CHECK(fragment.servers_transports ==
        R"("t":{"maxIdleConnsPerHost":3,"forwardingTimeouts":{"idleConnTimeout":"10ms",)"
        R"("dialTimeout":"1500ms"}})");
  CHECK(fragment.middlewares == std::map<std::string, std::string>{
                                    {"m", R"({"headers":{"customResponseHeaders":{"X-A":"1"}}})"}});
}

TEST_CASE("RenderFragment leaves out what is unset") {
  Configuration configuration;
  configuration.routers["r"].rule = "x";
  configuration.routers["r"].service = "s";
  configuration.routers["r"].tls = RouterTls{};
  CHECK(Routers(RenderFragment(configuration)) == R"("r":{"rule":"x","service":"s","tls":{}})");
  CHECK(RenderFragment(Configuration{}) == Fragment{});
}

TEST_CASE("A middleware without options is never an empty block") {
  // Traefik refuses the whole document for `headers: {}`.
  Configuration configuration;
  configuration.middlewares["m"] = Headers{};
  const Fragment fragment = RenderFragment(configuration);
  for (const auto& [name, text] : fragment.middlewares) {
    CHECK_THAT(text, !ContainsSubstring("{}"));
  }
}

TEST_CASE("The document holds the default certificate in its store") {
  const json document = json::parse(Render({}, Certificate{"CERT\n", "KEY\n"}));
  CHECK_FALSE(document.contains("http"));
  const json& certificate = document["tls"]["stores"]["default"]["defaultCertificate"];
  CHECK(certificate["certFile"] == "CERT\n");
  CHECK(certificate["keyFile"] == "KEY\n");
}

TEST_CASE("The probe answers the revision to whoever knows the secret") {
  const RevisionProbe probe{"probe.invalid", "X-Secret", "s3cret", "X-Revision"};
  const std::vector<std::string> entry_points{"web", "other"};
  const Configuration configuration = ProbeConfiguration(probe, 42, entry_points);
  REQUIRE(configuration.routers.size() == 1);
  const Router& router = configuration.routers.at("orchestrator-probe");
  CHECK(router.rule == "Host(`probe.invalid`) && Header(`X-Secret`, `s3cret`)");
  CHECK(router.service == "noop@internal");
  CHECK(router.entry_points == entry_points);
  CHECK(router.middlewares == std::vector<std::string>{"orchestrator-probe"});
  CHECK(configuration.services.empty());
  CHECK(configuration.middlewares.at("orchestrator-probe") ==
        Middleware(Headers{{{"X-Revision", "42"}}}));
}

TEST_CASE("Two revisions of a document differ in the probe only") {
  const RevisionProbe probe{"probe.invalid", "X-Secret", "s", "X-Revision"};
  const auto at = [&](std::uint64_t revision) {
    return Render(
        {RenderFragment(ProbeConfiguration(probe, revision, {})), RenderFragment(SmallSite("a"))});
  };
  CHECK(at(1) == at(1));
  std::string first = at(1);
  const std::string second = at(2);
  REQUIRE(first != second);
  first.replace(first.find(R"("X-Revision":"1")"), 16, R"("X-Revision":"2")");
  CHECK(first == second);
}

}  // namespace
}  // namespace traefik
