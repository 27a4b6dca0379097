#include "orchestrator/adopt/proposal.h"

#include <iterator>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/adopt/fixture.h"

namespace orchestrator::adopt {
namespace {

using docker::Labels;

constexpr const char* kRule = "traefik.http.routers.shop.rule";
constexpr const char* kPort = "traefik.http.services.shop.loadbalancer.server.port";

// A service that somebody else runs, with these labels besides the usual ones.
docker::Service Shop(Labels labels = {}) {
  labels.merge(Labels{{kRule, "Host(`shop.example`)"},
                      {kPort, "8080"},
                      {"traefik.http.routers.shop.entrypoints", "web"},
                      {"traefik.http.routers.shop.middlewares", "limit"},
                      {"traefik.http.middlewares.limit.buffering.maxRequestBodyBytes", "1000"}});
  return MakeService("shop", std::move(labels));
}

TEST_CASE("Labels that no site can say are refused by their names", "[adopt]") {
  struct Case {
    const char* sentence;
    Labels labels;
    const char* refusal;
  };
  const Case cases[] = {
      {"should refuse other rules, with the label",
       {{kRule, "Host(`a.b`) && Method(`GET`)"}},
       "traefik.http.routers.shop.rule has the matcher Method"},
      {"should refuse other middlewares",
       {{"traefik.http.routers.shop.middlewares", "limit,auth@file"}},
       "traefik.http.routers.shop.middlewares names the middleware auth@file"},
      {"should refuse middlewares that other options make",
       {{"traefik.http.middlewares.limit.buffering.retryExpression", "x"}},
       "names the middleware limit"},
      {"should refuse what is only called like our own middleware",
       {{"traefik.http.routers.shop.middlewares", "orchestrator-retry"},
        {"traefik.http.middlewares.orchestrator-retry.compress", "true"}},
       "names the middleware orchestrator-retry"},
      {"should refuse a limit that is no number",
       {{"traefik.http.middlewares.limit.buffering.maxRequestBodyBytes", "1M"}},
       "not a number of bytes"},
      {"should refuse tcp routers",
       {{"traefik.tcp.routers.x.rule", "HostSNI(`*`)"}},
       "traefik.tcp.routers.x.rule"},
      {"should refuse udp routers",
       {{"traefik.udp.routers.x.entrypoints", "dns"}},
       "traefik.udp.routers.x.entrypoints"},
      {"should list all options that sites do not have",
       {{"traefik.http.routers.shop.tls.options", "strict@file"},
        {"traefik.http.services.shop.loadbalancer.sticky.cookie.secure", "true"},
        {"traefik.http.services.shop.loadbalancer.healthcheck.port", "81"}},
       "no site can say what these labels say: traefik.http.routers.shop.tls.options, "
       "traefik.http.services.shop.loadbalancer.healthcheck.port, "
       "traefik.http.services.shop.loadbalancer.sticky.cookie.secure"},
      {"should refuse another scheme",
       {{"traefik.http.services.shop.loadbalancer.server.scheme", "https"}},
       "loadbalancer.server.scheme"},
      {"should refuse several services",
       {{"traefik.http.services.other.loadbalancer.server.port", "1"}},
       "2 services, other and shop"},
      {"should refuse routers to services elsewhere",
       {{"traefik.http.routers.shop.service", "api@internal"}},
       "traefik.http.routers.shop.service sends requests to api@internal"},
      {"should refuse a router without a rule",
       {{"traefik.http.routers.other.entrypoints", "web"},
        {"traefik.http.routers.other.middlewares", "limit"}},
       "the router other has no label with a rule"},
      {"should refuse routers that differ in entry points",
       {{"traefik.http.routers.tls.rule", "Host(`shop.example`)"},
        {"traefik.http.routers.tls.middlewares", "limit"},
        {"traefik.http.routers.tls.entrypoints", "websecure"}},
       "differ in entrypoints"},
      {"should refuse routers that differ in TLS",
       {{"traefik.http.routers.tls.rule", "Host(`shop.example`)"},
        {"traefik.http.routers.tls.middlewares", "limit"},
        {"traefik.http.routers.tls.entrypoints", "web"},
        {"traefik.http.routers.tls.tls", "true"}},
       "differ in tls"},
      {"should refuse routers that differ in their limit",
       {{"traefik.http.routers.tls.rule", "Host(`b.example`)"},
        {"traefik.http.routers.tls.entrypoints", "web"}},
       "differ in limit of request bodies"},
      {"should refuse priorities that sites would not have",
       {{"traefik.http.routers.shop.priority", "7"}},
       "traefik.http.routers.shop.priority is 7"},
      {"should refuse priorities that are no numbers",
       {{"traefik.http.routers.shop.priority", "high"}},
       "'high', not a whole number"},
      {"should refuse ports that are none", {{kPort, "65536"}}, "is '65536', not a port"},
      {"should refuse intervals that sites do not have",
       {{"traefik.http.services.shop.loadbalancer.healthcheck.path", "/"},
        {"traefik.http.services.shop.loadbalancer.healthcheck.interval", "1m30s"}},
       "healthcheck.interval is '1m30s'"},
      {"should refuse a health check without a path",
       {{"traefik.http.services.shop.loadbalancer.healthcheck.interval", "5s"}},
       "no path to check"},
      {"should refuse a health check that no site may have",
       {{"traefik.http.services.shop.loadbalancer.healthcheck.path", "up"}},
       "/routing/health_check/path"},
      {"should refuse resolvers that no site may have",
       {{"traefik.http.routers.shop.tls.certresolver", "le,t"}},
       "/routing/tls/resolver"},
      {"should refuse to stick without a cookie",
       {{"traefik.http.services.shop.loadbalancer.sticky", "true"}},
       "loadbalancer.sticky is there without a cookie"},
      {"should refuse to guess what else sticks",
       {{"traefik.http.services.shop.loadbalancer.sticky.cookie", "no"}},
       "loadbalancer.sticky.cookie is 'no'"},
      {"should refuse a switch that is none", {{"traefik.enable", "yes"}}, "traefik.enable"},
      {"should refuse keys with brackets, at which Traefik fails",
       {{"traefik.http.routers.a].rule", "x"}},
       "traefik.http.routers.a].rule is not spelled"},
      {"should refuse keys in another case, at which Traefik fails",
       {{"Traefik.http.routers.a.rule", "x"}},
       "Traefik.http.routers.a.rule is not spelled"},
      {"should refuse keys that contradict each other",
       {{"traefik.http.routers.shop.Rule", "Host(`other.example`)"}},
       "differ in case only"},
      {"should refuse keys that are cut off", {{"traefik.http.routers.shop", "x"}}, "routers.shop"},
      {"should refuse keys of later versions",
       {{"traefik.quic.x", "y"}},
       "what these labels say: traefik.quic.x"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const Proposal proposal = ProposeOne(Shop(c.labels));
    CHECK_FALSE(proposal.site.has_value());
    CAPTURE(proposal.refusal);
    CHECK(proposal.refusal.contains(c.refusal));
  }
}

TEST_CASE("A service that Traefik routes by its default rule is refused", "[adopt]") {
  CHECK(
      ProposeOne(MakeService("a", {{"traefik.enable", "true"}})).refusal.contains("default rule"));
}

TEST_CASE("Services that no site is to take over are left out", "[adopt]") {
  CHECK(Propose({}, {}, Options()).empty());
  CHECK(Propose({MakeService("db", {}), MakeService("cache", {{"traefikish", "x"}}),
                 Shop({{"traefik.enable", "false"}}),
                 Shop({{"Traefik.Enable", "true"}, {"orchestrator.site", "1"}})},
                {}, Options())
            .empty());
}

TEST_CASE("A host that an earlier service has is refused with its name", "[adopt]") {
  docker::Service later = Shop({{kRule, "Host(`B.example`) || Host(`shop.example`)"}});
  later.spec.name = "zoo";
  const auto proposals = Propose({later, Shop(), Director(1, "b.example")}, {}, Options());
  REQUIRE(proposals.size() == 3);
  CHECK(proposals[0].service == "shop");
  CHECK(proposals[0].site.has_value());
  CHECK(proposals[1].service == "site_0001");
  CHECK(proposals[1].site.has_value());
  CHECK(proposals[2].service == "zoo");
  CHECK(proposals[2].refusal == "b.example is already what the service site_0001 answers at");
}

TEST_CASE("The same host with another path is another address", "[adopt]") {
  docker::Service api = Shop({{kRule, "Host(`shop.example`) && PathPrefix(`/api`)"}});
  api.spec.name = "api";
  const auto proposals = Propose({Shop(), api}, {}, Options());
  CHECK(proposals[0].site.has_value());
  CHECK(HasRemark(proposals[0], "/apix"));
  CHECK(HasRemark(proposals[0], "priority of its rule's length"));
  CHECK(proposals[1].site.has_value());
}

TEST_CASE("A middleware that services define in two ways is refused", "[adopt]") {
  const Labels other{{"traefik.http.middlewares.limit.buffering.maxRequestBodyBytes", "2"}};
  const auto proposals = Propose({Shop(), MakeService("zoo", other)}, {}, Options());
  CHECK(proposals[0].refusal.contains("names limit, which labels define in two ways"));
}

TEST_CASE("A middleware that others lose with the labels is remarked", "[adopt]") {
  docker::Service user = Shop(
      {{kRule, "Host(`user.example`)"}, {"traefik.http.routers.shop.middlewares", "limit@swarm"}});
  user.spec.name = "user";
  auto proposals = Propose({Shop(), user}, {}, Options());
  CHECK(proposals[0].remarks.empty());
  user.spec.labels.erase("traefik.http.middlewares.limit.buffering.maxRequestBodyBytes");
  proposals = Propose({Shop(), user}, {}, Options());
  CHECK(
      HasRemark(proposals[0], "define the middleware limit, which these services use, too: user"));
  CHECK(proposals[1].remarks.empty());
}

TEST_CASE("Any labels have one proposal, with a site or a reason", "[adopt]") {
  static constexpr const char* kParts[] = {
      "traefik", "http",     "routers", "services", "middlewares",  "shop",   "rule", "tls",
      "enable",  "sticky",   "cookie",  "name",     "loadbalancer", "server", "port", "service",
      "",        "priority", "swarm",   "network",  "Shop",         "]",      "[0]",  "\xc3\xbc",
  };
  static constexpr const char* kValues[] = {
      "",       "true", "shop", "80", "-1", ",", "limit", "Host(`a.example`)", "Host(`b.example`",
      "@swarm",
  };
  std::mt19937 random(1);
  const auto pick = [&](const auto& list) { return list[random() % std::size(list)]; };
  for (int round = 0; round < 5000; ++round) {
    docker::Service service = Shop();
    for (int i = 0; i < 3; ++i) {
      std::string key = "traefik";
      for (std::size_t parts = random() % 6; parts > 0; --parts) {
        key += std::string(".") + pick(kParts);
      }
      service.spec.labels[key] = pick(kValues);
    }
    for (const Proposal& proposal : Propose({service}, {}, Options())) {
      CHECK(proposal.site.has_value() == proposal.refusal.empty());
    }
  }
}

TEST_CASE("A service of others becomes an external site", "[adopt]") {
  const Proposal proposal = ProposeOne(Shop(), {{3}, {7}});
  REQUIRE(proposal.site.has_value());
  CHECK_FALSE(proposal.takes_over_service);
  CHECK(proposal.remarks == std::vector<std::string>{});
  const site::Site& site = *proposal.site;
  CHECK(site.id == site::SiteId{8});
  CHECK(site.kind == site::Kind::kExternal);
  CHECK(site.upstreams == std::vector<std::string>{"http://shop:8080"});
  CHECK(site::Text(site.hosts.front()) == "shop.example");
  CHECK(site.resources.max_request_body == site::Bytes{1000});
  CHECK_FALSE(site.routing.entry_points.has_value());
  CHECK_FALSE(site.routing.tls.has_value());
}

TEST_CASE("What an external site says otherwise is remarked", "[adopt]") {
  docker::Service service =
      MakeService("Shop", {{"traefik.HTTP.Routers.shop.RULE", "Host(`shop.example`)"},
                           {"traefik.swarm.network", "other"},
                           {"traefik.http.routers.shop.tls", "yes"},
                           {"traefik.http.services.shop.loadbalancer.healthcheck.path", "/up"},
                           {"traefik.http.services.shop.loadbalancer.passHostHeader", "true"},
                           {"traefik.http.middlewares.spare.compress", "true"}});
  service.spec.replicas = 2;
  const Proposal proposal = ProposeOne(service);
  CAPTURE(proposal.refusal);
  REQUIRE(proposal.site.has_value());
  for (const char* remark :
       {"no label loadbalancer.server.port", "name the network other", "name no entry", "no limit",
        "uses no TLS", "healthcheck asks each of 2 tasks",
        "traefik.http.middlewares.spare.compress is not used"}) {
    INFO(remark);
    CHECK(HasRemark(proposal, remark));
  }
  CHECK(proposal.site->upstreams == std::vector<std::string>{"http://Shop:80"});
  CHECK(proposal.site->routing.health_check->interval == std::chrono::seconds(30));
}

TEST_CASE("Sticky visitors of several tasks cannot be kept by an external site", "[adopt]") {
  docker::Service service =
      Shop({{"traefik.http.services.shop.loadbalancer.sticky.cookie", "true"}});
  CHECK(HasRemark(ProposeOne(service), "sticky cookie is named by Traefik"));
  service.spec.replicas = 3;
  CHECK(ProposeOne(service).refusal.contains("loadbalancer.sticky.cookie"));
}

TEST_CASE("External sites take the ids above all that are used", "[adopt]") {
  docker::Service other = Shop({{kRule, "Host(`other.example`)"}});
  other.spec.name = "other";
  docker::Service refused = Shop({{kRule, "HostRegexp(`.*`)"}});
  refused.spec.name = "refused";
  docker::Service ours = MakeService("site_0030", {{"orchestrator.site", "30"}});
  const auto proposals =
      Propose({Shop(), refused, other, Director(4, "d.example"), ours}, {{12}}, Options());
  REQUIRE(proposals.size() == 4);
  CHECK(proposals[0].site->id == site::SiteId{31});
  CHECK_FALSE(proposals[1].site.has_value());
  CHECK(proposals[2].site->id == site::SiteId{32});
  CHECK(proposals[3].site->id == site::SiteId{4});
  CHECK(ProposeOne(Shop(), {{site::SiteId::kLargest}}).refusal.contains("no free id"));
}

}  // namespace
}  // namespace orchestrator::adopt
