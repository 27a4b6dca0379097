#include "orchestrator/adopt/label_import.h"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "orchestrator/adopt/document_import.h"

namespace orchestrator::adopt {
namespace {

using nlohmann::json;

constexpr const char* kStack = R"(
services:
  web:
    image: web
    deploy:
      labels:
        traefik.enable: true
        traefik.http.routers.shop.rule: Host(`a.example`)
        traefik.http.routers.shop.middlewares: auth
        traefik.http.middlewares.auth.basicauth.users: u:$$apr1$$x
        traefik.http.services.shop.loadbalancer.server.port: 8080
  api:
    labels:
      - traefik.http.routers.api.rule=Host(`b.example`)
      - traefik.http.services.api.loadbalancer.server.port=81
  job: {image: job}
  broken:
    labels: [traefik.http.routers.broken.rule=Host(`c.example`)]
  one:
    labels:
      traefik.http.routers.two.rule: Host(`d.example`)
      traefik.http.services.one.loadbalancer.server.port: "1"
  other:
    labels:
      traefik.http.routers.two.rule: Host(`e.example`)
      traefik.http.services.other.loadbalancer.server.port: "1"
)";

TEST_CASE("The labels of a stack file are what Traefik would make of them") {
  const auto services = ReadStackFile(kStack, "shop");
  REQUIRE(services);
  CHECK(services->size() == 6);
  const LabelRoutes routes = RoutesOfLabels(*services, traefik::schema::kNewest);
  const json http = json::parse(traefik::codec::ToJson(routes.configuration)).at("http");
  CHECK(http.at("routers").size() == 2);
  CHECK(http.at("routers").at("shop").at("service") == "shop");
  const auto url = [&](const char* service) {
    return http.at("services").at(service).at("loadBalancer").at("servers").at(0).at("url");
  };
  CHECK(url("shop") == "http://shop_web:8080");
  CHECK(url("api") == "http://shop_api:81");
  CHECK(http.at("middlewares").at("auth").at("basicAuth").at("users") == json({"u:$apr1$x"}));
  REQUIRE(routes.remarks.size() == 4);
  CHECK(routes.remarks[0].starts_with("shop_job: passed over"));
  CHECK(routes.remarks[1].starts_with("shop_broken: "));
  CHECK(routes.remarks[1].contains("port"));
  CHECK(routes.remarks[2].starts_with("shop_one: left out: http.routers.two"));
  CHECK(routes.remarks[3].starts_with("shop_other: left out: http.routers.two"));
}

TEST_CASE("Labels are read as the target's version reads them") {
  const traefik::schema::Version old = traefik::schema::Version::kV3_2;
  const auto services = ReadStackFile(R"(
services:
  a:
    labels:
      traefik.http.routers.a.rule: Host(`a.example`)
      traefik.http.services.a.loadbalancer.server.port: "1"
  new:
    labels:
      traefik.http.routers.new.rule: Host(`b.example`)
      traefik.http.services.new.loadbalancer.server.port: "1"
      traefik.http.services.new.loadbalancer.strategy: p2c
)",
                                      "");
  REQUIRE(services);
  const LabelRoutes routes = RoutesOfLabels(*services, old);
  REQUIRE(routes.remarks.size() == 1);
  CHECK(routes.remarks[0].contains("needs Traefik 3.4"));
  routing::RouteOptions options{{"web"}, "net", {"probe.invalid", "X-Secret", "s", "X-Revision"}};
  options.version = old;
  const auto import = ImportConfiguration(routes.configuration, {1}, options);
  REQUIRE(import);
  CHECK(import->left_over.empty());
  REQUIRE(import->routers.size() == 1);
  CHECK(import->routers[0].site.routing.extra.empty());
}

TEST_CASE("Stack files that cannot be read say where") {
  struct Case {
    const char* sentence;
    const char* text;
    const char* says;
  };
  const Case cases[] = {
      {"should refuse broken YAML", "services: [", "line"},
      {"should refuse a file without services", "version: 3", "no services"},
      {"should refuse a service that is no map", "services:\n  a: 1\n", "line 2"},
      {"should refuse labels that are a text", "services:\n  a:\n    labels: x\n", "line 3"},
      {"should refuse a variable", "services: {a: {labels: {x: '${Y}'}}}", "variable"},
      {"should refuse a merge", "x: &x {}\nservices: {a: {<<: *x}}", "merge"},
      {"should refuse a label that is a list", "services: {a: {labels: {x: []}}}", "label"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto services = ReadStackFile(c.text, "");
    REQUIRE_FALSE(services.has_value());
    INFO(services.error().message);
    CHECK(services.error().message.contains(c.says));
  }
}

TEST_CASE("Of a running swarm, services of sites are passed over") {
  docker::Service own;
  own.spec.name = "site_0001";
  docker::Service other;
  other.spec.name = "shop_web";
  other.spec.labels["traefik.enable"] = "true";
  const auto services = LabelledServices({own, other});
  REQUIRE(services.size() == 1);
  CHECK(services[0].addresses == std::vector<std::string>{"shop_web"});
}

}  // namespace
}  // namespace orchestrator::adopt
