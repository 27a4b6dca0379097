#include "traefik/swarm/service_routes.h"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

namespace traefik::swarm {
namespace {

using nlohmann::json;
using Labels = std::map<std::string, std::string>;

const std::string kPort = "traefik.http.services.s.loadbalancer.server.port";

json RoutesJson(const Labels& labels, codec::Problems& problems,
                std::vector<std::string> addresses = {"10.0.0.1"}) {
  const ServiceRoutes routes = RoutesOf({"my_web", labels, std::move(addresses)}, {}, problems);
  return routes.configuration.is_set() ? json::parse(codec::ToJson(routes.configuration)) : json();
}

TEST_CASE("A service gets what its labels leave out") {
  codec::Problems problems;
  const json routes = RoutesJson({{kPort, "8080"}}, problems, {"10.0.0.1", "fd00::1"});
  CHECK(problems.errors.empty());
  CHECK(routes.at("http").at("routers") ==
        json({{"my-web", {{"rule", "Host(`my-web`)"}, {"service", "s"}}}}));
  const json& servers = routes.at("http").at("services").at("s").at("loadBalancer").at("servers");
  CHECK(servers.size() == 2);
  CHECK(servers.at(0).at("url") == "http://10.0.0.1:8080");
  CHECK(servers.at(1).at("url") == "http://[fd00::1]:8080");
}

TEST_CASE("A service of a compose project has the name of both") {
  codec::Problems problems;
  const json routes = RoutesJson(
      {{kPort, "80"}, {"com.docker.compose.project", "p"}, {"com.docker.compose.service", "web"}},
      problems);
  CHECK(routes.at("http").at("routers").contains("web-p"));
}

TEST_CASE("A TCP service alone gets no HTTP router") {
  codec::Problems problems;
  const json routes = RoutesJson({{"traefik.tcp.routers.r.rule", "HostSNI(`*`)"},
                                  {"traefik.tcp.services.t.loadbalancer.server.port", "5432"}},
                                 problems);
  CHECK(problems.errors.empty());
  CHECK(routes.at("tcp").at("routers").at("r").at("service") == "t");
  CHECK(routes.at("tcp")
            .at("services")
            .at("t")
            .at("loadBalancer")
            .at("servers")
            .at(0)
            .at("address") == "10.0.0.1:5432");
  CHECK_FALSE(routes.contains("http"));
}

TEST_CASE("Services that Traefik passes over say why") {
  struct Case {
    const char* sentence;
    Labels labels;
    const char* where;
  };
  const Case cases[] = {
      {"should need a port", {}, "traefik.http.services.my-web.loadbalancer.server.port"},
      {"should refuse a port beside a URL",
       {{"traefik.http.services.s.loadbalancer.server.url", "http://a"}, {kPort, "80"}},
       "traefik.http.services.s.loadbalancer.server.url"},
      {"should refuse a bad switch", {{"traefik.enable", "maybe"}}, "traefik.enable"},
      {"should refuse an unknown label about the service",
       {{"traefik.swarm.netwrok", "n"}},
       "traefik.swarm.netwrok"},
      {"should refuse labels of Docker and Swarm together",
       {{"traefik.swarm.network", "n"}, {"traefik.docker.network", "n"}},
       "traefik.docker"},
      {"should refuse what does not decode",
       {{"traefik.http.routers.a.rul", "x"}, {kPort, "80"}},
       "traefik.http.routers.a"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    codec::Problems problems;
    const json routes = RoutesJson(c.labels, problems);
    REQUIRE_FALSE(problems.errors.empty());
    INFO(problems.errors.front().pointer << " " << problems.errors.front().detail);
    CHECK(problems.errors.front().pointer.starts_with(c.where));
    CHECK(routes.is_null());
  }
  codec::Problems problems;
  RoutesJson({{kPort, "80"}}, problems, {});
  CHECK_FALSE(problems.errors.empty());
}

TEST_CASE("Routers that Traefik leaves out are warned of") {
  codec::Problems problems;
  const json routes = RoutesJson({{kPort, "80"},
                                  {"traefik.http.services.t.loadbalancer.server.port", "81"},
                                  {"traefik.http.routers.a.rule", "Host(`a`)"},
                                  {"traefik.http.routers.b.rule", "Host(`b`)"},
                                  {"traefik.http.routers.b.service", "t"}},
                                 problems);
  CHECK(problems.errors.empty());
  REQUIRE(problems.warnings.size() == 1);
  CHECK(problems.warnings.front().pointer == "traefik.http.routers.a.service");
  CHECK(routes.at("http").at("routers").size() == 1);
}

TEST_CASE("A service that is switched off has no routes") {
  codec::Problems problems;
  const Labels off{{kPort, "80"}, {"traefik.enable", "false"}};
  CHECK_FALSE(RoutesOf({"a", off, {"10.0.0.1"}}, {}, problems).enabled);
  CHECK(RoutesJson(off, problems).is_null());
  ProviderOptions hidden;
  hidden.exposed_by_default = false;
  CHECK_FALSE(RoutesOf({"a", {{kPort, "80"}}, {"10.0.0.1"}}, hidden, problems).enabled);
  CHECK(RoutesOf({"a", {{kPort, "80"}, {"traefik.enable", "TRUE"}}, {"10.0.0.1"}}, hidden, problems)
            .enabled);
  const ServiceRoutes routes =
      RoutesOf({"a",
                {{kPort, "80"}, {"traefik.swarm.network", "n"}, {"traefik.Swarm.LBSwarm", "1"}},
                {"10.0.0.1"}},
               hidden, problems);
  CHECK(problems.errors.empty());
  CHECK(routes.network == "n");
}

}  // namespace
}  // namespace traefik::swarm
