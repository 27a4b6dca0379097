#include "traefik/labels.h"

#include <chrono>
#include <string>

#include <catch2/catch_test_macros.hpp>

namespace traefik {
namespace {

using namespace std::chrono_literals;

TEST_CASE("EncodeLabels writes every option of a router, a service and the middlewares") {
  Configuration configuration;
  Router& router = configuration.routers["site_0001"];
  router.rule = "Host(`a.example`)";
  router.service = "site_0001";
  router.entry_points = {"web", "websecure"};
  router.middlewares = {"limit", "marker"};
  router.priority = -5;
  router.tls = RouterTls{"letsencrypt"};
  Service& service = configuration.services["site_0001"];
  service.server_port = 80;
  service.sticky = StickyCookie{"cookie"};
  service.health_check = HealthCheck{"/up", 1500ms};
  configuration.middlewares["limit"] = Buffering{2097152};
  configuration.middlewares["marker"] = Headers{{{"X-A", "1"}, {"X-B", "2"}}};

  const Labels expected{
      {"traefik.enable", "true"},
      {"traefik.swarm.network", "overlay"},
      {"traefik.http.routers.site_0001.rule", "Host(`a.example`)"},
      {"traefik.http.routers.site_0001.service", "site_0001"},
      {"traefik.http.routers.site_0001.entrypoints", "web,websecure"},
      {"traefik.http.routers.site_0001.middlewares", "limit,marker"},
      {"traefik.http.routers.site_0001.priority", "-5"},
      {"traefik.http.routers.site_0001.tls", "true"},
      {"traefik.http.routers.site_0001.tls.certresolver", "letsencrypt"},
      {"traefik.http.services.site_0001.loadbalancer.server.port", "80"},
      {"traefik.http.services.site_0001.loadbalancer.sticky.cookie.name", "cookie"},
      {"traefik.http.services.site_0001.loadbalancer.healthcheck.path", "/up"},
      {"traefik.http.services.site_0001.loadbalancer.healthcheck.interval", "1500ms"},
      {"traefik.http.middlewares.limit.buffering.maxRequestBodyBytes", "2097152"},
      {"traefik.http.middlewares.marker.headers.customresponseheaders.X-A", "1"},
      {"traefik.http.middlewares.marker.headers.customresponseheaders.X-B", "2"},
  };
  CHECK(EncodeLabels(configuration, "overlay") == expected);
}

TEST_CASE("EncodeLabels leaves out what is unset") {
  Configuration configuration;
  configuration.routers["a"].rule = "Host(`a.example`)";
  configuration.routers["a"].service = "a";
  configuration.routers["a"].tls = RouterTls{};
  configuration.services["a"].health_check = HealthCheck{"/", 0ms};

  const Labels expected{
      {"traefik.enable", "true"},
      {"traefik.swarm.network", "n"},
      {"traefik.http.routers.a.rule", "Host(`a.example`)"},
      {"traefik.http.routers.a.service", "a"},
      {"traefik.http.routers.a.tls", "true"},
      {"traefik.http.services.a.loadbalancer.healthcheck.path", "/"},
  };
  CHECK(EncodeLabels(configuration, "n") == expected);
}

TEST_CASE("DisabledLabels say false and nothing else") {
  CHECK(DisabledLabels() == Labels{{"traefik.enable", "false"}});
}

TEST_CASE("BelongsTo tells our labels from those of others") {
  struct Case {
    const char* sentence;
    const char* key;
    bool ours;
  };
  const Case cases[] = {
      {"should own the switch", "traefik.enable", true},
      {"should own the switch in any case", "Traefik.Enable", true},
      {"should own the network", "traefik.swarm.network", true},
      {"should own the balancer switch", "traefik.swarm.lbswarm", true},
      {"should own its router", "traefik.http.routers.site_0001.rule", true},
      {"should own its router in any case", "Traefik.HTTP.Routers.Site_0001.Rule", true},
      {"should own its other routers", "traefik.http.routers.site_0001-wildcard.rule", true},
      {"should own its service", "traefik.http.services.site_0001.loadbalancer.server.port", true},
      {"should own its middleware", "traefik.http.middlewares.site_0001-marker.headers.x", true},
      {"should own a broken key of its router", "traefik.http.routers.site_0001", true},
      {"should leave a longer id", "traefik.http.routers.site_00010.rule", false},
      {"should leave another site", "traefik.http.routers.site_0002.rule", false},
      {"should leave another prefix", "traefik.httpx.routers.site_0001.rule", false},
      {"should take tcp", "traefik.tcp.routers.site_0001.rule", true},
      {"should leave a key that only ends alike", "x.traefik.http.routers.site_0001.rule", false},
      {"should leave a key that only starts like the switch", "traefik.enabled", false},
      {"should leave other labels", "com.example.team", false},
      {"should leave the empty key", "", false},
      {"should leave a key that stops before the name", "traefik.http.routers.", false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(BelongsTo(c.key, "site_0001") == c.ours);
  }
}

}  // namespace
}  // namespace traefik
