#include "orchestrator/routing/extra.h"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "orchestrator/routing/shared_objects.h"
#include "tests/orchestrator/sites.h"
#include "traefik/codec/labels.h"

namespace orchestrator::routing {
namespace {

using nlohmann::json;
using store::Phase;
using tests::MakeRecord;
using tests::MakeSite;

constexpr const char* kShared = R"(
http:
  middlewares:
    lan: {ipAllowList: {sourceRange: [10.0.0.0/8]}}
    both: {chain: {middlewares: [lan]}}
tls:
  options:
    modern: {minVersion: VersionTLS13}
)";

RouteOptions Options() {
  RouteOptions options{{"web"}, "net", {"probe.invalid", "X-Secret", "s", "X-Revision"}};
  options.stream_entry_points = {"db"};
  options.shared = *ReadSharedObjects(kShared, "shared.yaml", traefik::schema::kNewest);
  return options;
}

site::Site SiteWith(const std::string& extra, std::vector<std::string> hosts = {"a.example"}) {
  site::Site site = MakeSite(1, std::move(hosts));
  site.routing.extra = extra;
  return site;
}

// The whole document of the site and the fleet.
json DocumentOf(const site::Site& site, const RouteOptions& options) {
  const auto fragment = DocumentFragment(MakeRecord(site, Phase::kProvider), options);
  REQUIRE(fragment.has_value());
  const traefik::Fragment shared = SharedFragment(options);
  const traefik::Fragment* const all[] = {&shared, &*fragment};
  return json::parse(traefik::RenderDocument(all, std::nullopt));
}

TEST_CASE("What an extra may not do is refused with its place") {
  struct Case {
    const char* sentence;
    const char* extra;
    const char* pointer;
    const char* says;
  };
  const Case cases[] = {
      {"should refuse an option that Traefik does not know",
       R"j({"http": {"middlewares": {"m": {"compres": {}}}}})j", "/http/middlewares/m", "compres"},
      {"should refuse an empty extra, which says nothing", "{}", "", ""},
      {"should refuse a value that cannot work",
       R"j({"http": {"middlewares": {"m": {"ipAllowList": {"sourceRange": ["x"]}}}}})j",
       "/http/middlewares/m/ipAllowList/sourceRange", "x"},
      {"should refuse a middleware that nobody defines",
       R"j({"http": {"routers": {"site": {"middlewares": ["auth"]}}}})j",
       "/http/routers/site/middlewares/0", "auth@shared"},
      {"should refuse an object that the fleet does not share",
       R"j({"http": {"routers": {"site": {"middlewares": ["auth@shared"]}}}})j",
       "/http/routers/site/middlewares/0", "routing.shared"},
      {"should refuse another site's object by its name in the document",
       R"j({"http": {"routers": {"site": {"middlewares": ["site_0002-x-auth"]}}}})j",
       "/http/routers/site/middlewares/0", "site_0002-x-auth"},
      {"should refuse another site's object by its provider",
       R"j({"http": {"routers": {"site": {"service": "site_0002@http"}}}})j",
       "/http/routers/site/service", "belong to the sites"},
      {"should refuse Traefik's own services",
       R"j({"http": {"routers": {"site": {"service": "api@internal"}}}})j",
       "/http/routers/site/service", "Traefik's own"},
      {"should refuse a name with a provider",
       R"j({"http": {"middlewares": {"m@file": {"compress": {}}}}})j", "/http/middlewares/m@file",
       "without @"},
      {"should refuse a router of another host",
       R"j({"http": {"routers": {"r": {"rule": "Host(`b.example`)", "service": "site"}}}})j",
       "/http/routers/r/rule", "own addresses"},
      {"should refuse a router with an alternative that leaves the site",
       R"j({"http": {"routers": {"r": {"rule": "Host(`a.example`) || Path(`/x`)", "service": "site"}}}})j",
       "/http/routers/r/rule", "own addresses"},
      {"should refuse a router that denies its host",
       R"j({"http": {"routers": {"r": {"rule": "!Host(`a.example`)", "service": "site"}}}})j",
       "/http/routers/r/rule", "own addresses"},
      {"should refuse a rule that cannot be read",
       R"j({"http": {"routers": {"r": {"rule": "Host(`a.example`", "service": "site"}}}})j",
       "/http/routers/r/rule", ""},
      {"should refuse to change the rule of the own router",
       R"j({"http": {"routers": {"site": {"rule": "Host(`a.example`)"}}}})j",
       "/http/routers/site/rule", "own fields"},
      {"should refuse another kind of own service",
       R"j({"http": {"services": {"site": {"failover": {"service": "site", "fallback": "site"}}}}})j",
       "/http/services/site/failover", "another name"},
      {"should refuse the fleet's certificates",
       R"j({"tls": {"stores": {"default": {"defaultCertificate": {"certFile": "c", "keyFile": "k"}}}}})j",
       "/tls/stores", "fleet"},
      {"should refuse certificates, which answer for all",
       R"j({"tls": {"certificates": [{"certFile": "c", "keyFile": "k"}]}})j", "/tls/certificates",
       "routing.shared"},
      {"should refuse a priority above the paths of others",
       R"j({"http": {"routers": {"r": {"rule": "Host(`a.example`)", "service": "site",
                                      "priority": 100000}}}})j",
       "/http/routers/r/priority", "below 100000"},
      {"should refuse an own priority above the paths of others",
       R"j({"http": {"routers": {"site": {"priority": 100000}}}})j", "/http/routers/site/priority",
       "below 100000"},
      {"should refuse a service's middleware that nobody defines",
       R"j({"http": {"services": {"s": {"middlewares": ["site_0002-x-m"],
            "loadBalancer": {"servers": [{"url": "http://a"}]}}}}})j",
       "/http/services/s/middlewares/0", "site_0002-x-m"},
      {"should refuse the fleet's TLS options",
       R"j({"tls": {"options": {"default": {"minVersion": "VersionTLS13"}}}})j",
       "/tls/options/default", "fleet"},
      {"should refuse a TCP router on the sites' port",
       R"j({"tcp": {"routers": {"r": {"rule": "HostSNI(`*`)", "service": "s", "entryPoints": ["web"]}},
            "services": {"s": {"loadBalancer": {"servers": [{"address": "db:1"}]}}}}})j",
       "/tcp/routers/r/entryPoints", "stream_entry_points"},
      {"should refuse a TCP router of another host",
       R"j({"tcp": {"routers": {"r": {"rule": "HostSNI(`b.example`)", "service": "s",
                                     "entryPoints": ["db"], "tls": {"passthrough": true}}},
            "services": {"s": {"loadBalancer": {"servers": [{"address": "db:1"}]}}}}})j",
       "/tcp/routers/r/rule", "own hosts"},
      {"should refuse another host beside an own one, which TLS would count",
       R"j({"http": {"routers": {"r": {"service": "site",
            "rule": "Host(`a.example`) && (Host(`b.example`) || Path(`/`))"}}}})j",
       "/http/routers/r/rule", "no other host"},
      {"should refuse certificates for another host",
       R"j({"http": {"routers": {"site": {"tls": {"domains": [{"main": "b.example"}]}}}}})j",
       "/http/routers/site/tls/domains", "hosts of the rule"},
      {"should refuse what Traefik would ignore",
       R"j({"http": {"middlewares": {"m": {"compress": {}}}}, "tpc": {}})j", "/tpc", ""},
      {"should refuse a UDP router that names no port",
       R"j({"udp": {"routers": {"r": {"service": "s"}},
            "services": {"s": {"loadBalancer": {"servers": [{"address": "db:1"}]}}}}})j",
       "/udp/routers/r", "entryPoints"},
      {"should refuse services in a circle",
       R"j({"http": {"services": {"a": {"weighted": {"services": [{"name": "b"}]}},
                                  "b": {"weighted": {"services": [{"name": "a"}]}}}}})j",
       "/http/services/a", ""},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto good = CheckExtra(SiteWith(c.extra), Options());
    REQUIRE_FALSE(good.has_value());
    INFO(good.error().message);
    CHECK(good.error().kind == ErrorKind::kInvalid);
    REQUIRE_FALSE(good.error().fields.empty());
    CHECK(
        good.error().fields.front().pointer.starts_with(std::string("/routing/extra") + c.pointer));
    CHECK(good.error().message.contains(c.says));
    CHECK_FALSE(DocumentFragment(MakeRecord(SiteWith(c.extra), Phase::kProvider), Options()));
    CHECK(ServiceLabels(MakeRecord(SiteWith("{\"http\": 1}"), Phase::kLabels), Options()) ==
          traefik::DisabledLabels());
  }
}

TEST_CASE("An extra's objects have names of their own, and the site's routes use them") {
  const json document = DocumentOf(SiteWith(R"j({"http": {
      "routers": {"site": {"middlewares": ["auth", "both@shared"]},
                  "admin": {"rule": "Host(`a.example`) && PathPrefix(`/admin`)", "service": "split",
                            "tls": {"options": "modern@shared"}}},
      "services": {"split": {"weighted": {"services": [{"name": "site", "weight": 3},
                                                       {"name": "old", "weight": 1}]}},
                   "old": {"loadBalancer": {"servers": [{"url": "http://old:80"}]}},
                   "site": {"loadBalancer": {"passHostHeader": false}}},
      "middlewares": {"auth": {"basicAuth": {"users": ["u:$apr1$x$y"]}}}}})j"),
                                   Options());
  const json& routers = document.at("http").at("routers");
  CHECK(routers.at("site_0001").at("middlewares") ==
        json({"site_0001-x-auth", "shared-both", "max-request-10485760", "orchestrator-retry"}));
  CHECK(routers.at("site_0001").at("rule") == "Host(`a.example`)");
  const json& admin = routers.at("site_0001-x-admin");
  CHECK(admin.at("service") == "site_0001-x-split");
  CHECK(admin.at("entryPoints") == json({"web"}));
  CHECK(admin.at("tls").at("options") == "shared-modern");
  const json& services = document.at("http").at("services");
  CHECK(services.at("site_0001-x-split").at("weighted").at("services").at(0).at("name") ==
        "site_0001");
  CHECK(services.at("site_0001-x-split").at("weighted").at("services").at(1).at("name") ==
        "site_0001-x-old");
  const json& balancer = services.at("site_0001").at("loadBalancer");
  CHECK(balancer.at("passHostHeader") == false);
  CHECK(balancer.at("servers").at(0).at("url") == "http://site_0001:80");
  CHECK(balancer.at("serversTransport") == "orchestrator-swarm");
  const json& middlewares = document.at("http").at("middlewares");
  CHECK(middlewares.at("shared-both").at("chain").at("middlewares") == json({"shared-lan"}));
  CHECK(middlewares.contains("site_0001-x-auth"));
  CHECK(document.at("tls").at("options").contains("shared-modern"));
}

TEST_CASE("A router stays within the addresses of its site") {
  struct Case {
    const char* sentence;
    std::vector<std::string> hosts;
    const char* path;  // of the site
    const char* rule;
    bool within;
  };
  const Case cases[] = {
      {"should take a conjunction", {"a.example"}, "", "Path(`/x`) && Host(`a.example`)", true},
      {"should take alternatives in parentheses",
       {"a.example", "b.example"},
       "",
       "(Host(`a.example`) || Host(`b.example`)) && Method(`GET`)",
       true},
      {"should refuse one wrong alternative in parentheses",
       {"a.example"},
       "",
       "(Host(`a.example`) || Host(`b.example`)) && Method(`GET`)",
       false},
      {"should need the path of a shared host", {"a.example"}, "/p", "Host(`a.example`)", false},
      {"should take the path of a shared host",
       {"a.example"},
       "/p",
       "Host(`a.example`) && (Path(`/p`) || PathPrefix(`/p/`)) && Method(`GET`)",
       true},
      {"should refuse the path alone",
       {"a.example"},
       "/p",
       "Path(`/p`) || PathPrefix(`/p/`)",
       false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const json router{{"rule", c.rule}, {"service", "site"}};
    const json extra{{"http", {{"routers", {{"r", router}}}}}};
    site::Site site = SiteWith(extra.dump(), c.hosts);
    if (*c.path) site.routing.path_prefix = *traefik::PathPrefix::Parse(c.path);
    const auto good = CheckExtra(site, Options());
    INFO((good ? "" : good.error().message));
    CHECK(good.has_value() == c.within);
  }
}

TEST_CASE("More exact addresses of other sites go before a router of an extra") {
  struct Case {
    const char* sentence;
    const char* host;
    const char* path;  // of the site
    std::int64_t priority;
  };
  const Case cases[] = {
      {"should stay below exact hosts", "*.a.example", "", -1999},
      {"should stay below longer paths", "a.example", "/p", 100'009},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    site::Site site = SiteWith("", {c.host});
    if (*c.path) site.routing.path_prefix = *traefik::PathPrefix::Parse(c.path);
    const std::string rule = DocumentRoutes(site, Options()).routers.begin()->second.rule;
    json router{{"rule", "Method(`PUT`) && " + rule}, {"service", "site"}};
    site.routing.extra = json{{"http", {{"routers", {{"r", router}}}}}}.dump();
    CHECK(DocumentOf(site, Options()).at("http").at("routers").at("site_0001-x-r").at("priority") ==
          c.priority);
    router["priority"] = 5;
    site.routing.extra = json{{"http", {{"routers", {{"r", router}}}}}}.dump();
    CHECK_FALSE(CheckExtra(site, Options()));
    site.routing.extra = R"j({"http": {"routers": {"site": {"priority": 5}}}})j";
    CHECK_FALSE(CheckExtra(site, Options()));
  }
}

TEST_CASE("What an older Traefik does not know is refused with the version that has it") {
  RouteOptions options = Options();
  options.version = traefik::schema::kV3_0;
  const site::Site site = SiteWith(
      R"j({"http": {"services": {"s": {"highestRandomWeight": {"services": [{"name": "site"}]}}}}})j");
  const auto good = CheckExtra(site, options);
  REQUIRE_FALSE(good);
  INFO(good.error().message);
  CHECK(good.error().message.contains("3.6"));
  CHECK(CheckExtra(site, Options()));
}

TEST_CASE("An extra is in the labels as in the document, or keeps the site in the document") {
  const site::Site sayable = SiteWith(R"j({"http": {
      "routers": {"site": {"middlewares": ["auth", "lan@shared"]}},
      "middlewares": {"auth": {"headers": {"customResponseHeaders": {"X-A": "1"}}}}}})j");
  CHECK_FALSE(LabelObstacle(sayable));
  CHECK(ResolveMode(sayable, site::RoutingMode::kLabels) == site::RoutingMode::kLabels);
  const traefik::Labels labels = ServiceLabels(MakeRecord(sayable, Phase::kLabels), Options());
  CHECK(labels.at("traefik.enable") == "true");
  CHECK(labels.at("traefik.swarm.network") == "net");
  traefik::codec::Problems problems;
  const json decoded =
      json::parse(traefik::codec::ToJson(traefik::codec::DecodeLabels(labels, problems)));
  CHECK(problems.errors.empty());
  CHECK(
      decoded.at("http").at("routers").at("site_0001").at("middlewares") ==
      json({"site_0001-x-auth", "shared-lan@http", "max-request-10485760", "orchestrator-retry"}));
  CHECK(decoded.at("http").at("middlewares").contains("site_0001-x-auth"));
  for (const auto& [key, value] : labels) {
    INFO(key);
    CHECK(OwnsLabel(key, {1}));
  }

  const site::Site unsayable =
      SiteWith(R"j({"tls": {"options": {"strict": {"minVersion": "VersionTLS13"}}}})j");
  REQUIRE(LabelObstacle(unsayable));
  CHECK(LabelObstacle(unsayable)->contains("/tls"));
  CHECK(ResolveMode(unsayable, site::RoutingMode::kLabels) == site::RoutingMode::kProvider);
}

TEST_CASE("Routers, services and priorities of an extra are in the labels, too") {
  site::Site site = SiteWith(R"j({"http": {
      "routers": {"site": {"priority": 50, "observability": {"accessLogs": false}},
                  "api": {"rule": "Host(`a.example`) && Path(`/x`)", "service": "api"},
                  "api-v2": {"rule": "Host(`a.example`) && Path(`/y`)", "service": "site"}},
      "services": {"api": {"loadBalancer": {"servers": [{"url": "http://10.0.0.1:80"}]}}}}})j");
  INFO(LabelObstacle(site).value_or(""));
  REQUIRE_FALSE(LabelObstacle(site));
  const auto good = CheckExtra(site, Options());
  INFO((good ? "" : good.error().message));
  REQUIRE(good);
  const traefik::Labels labels = ServiceLabels(MakeRecord(site, Phase::kLabels), Options());
  REQUIRE(labels.at("traefik.enable") == "true");
  traefik::codec::Problems problems;
  const json http =
      json::parse(traefik::codec::ToJson(traefik::codec::DecodeLabels(labels, problems)))
          .at("http");
  CHECK(http.at("routers").at("site_0001").at("priority") == 50);
  CHECK(http.at("routers").at("site_0001-x-api").at("service") == "site_0001-x-api");
  CHECK(http.at("routers").at("site_0001-x-api-v2").at("service") == "site_0001");
}

TEST_CASE("An extra's TLS options come to the site's own resolver") {
  site::Site site =
      SiteWith(R"j({"http": {"routers": {"site": {"tls": {"options": "modern@shared"}}}}})j");
  site.routing.tls = site::Tls{"le"};
  const json tls = DocumentOf(site, Options()).at("http").at("routers").at("site_0001").at("tls");
  CHECK(tls.at("certResolver") == "le");
  CHECK(tls.at("options") == "shared-modern");
  site.routing.path_prefix = *traefik::PathPrefix::Parse("/p");
  CHECK_FALSE(CheckExtra(site, Options()));
}

TEST_CASE("Routers of an extra may be below others of it") {
  const site::Site site = SiteWith(R"j({"http": {"routers": {
      "top": {"rule": "Host(`a.example`) && PathPrefix(`/x`)"},
      "below": {"rule": "Host(`a.example`) && Path(`/x/y`)", "parentRefs": ["top"],
                "service": "site"}}}})j");
  const auto good = CheckExtra(site, Options());
  INFO((good ? "" : good.error().message));
  CHECK(good);
}

TEST_CASE("An extra amends the service for an old Traefik, too") {
  RouteOptions options = Options();
  options.version = traefik::schema::kV3_0;
  const auto good = CheckExtra(
      SiteWith(
          R"j({"http": {"services": {"site": {"loadBalancer": {"passHostHeader": false}}}}})j"),
      options);
  INFO((good ? "" : good.error().message));
  CHECK(good);
}

TEST_CASE("A site that is not served has no part of its extra") {
  site::Site site = SiteWith(R"j({"http": {"routers":
      {"r": {"rule": "Host(`a.example`) && Path(`/x`)", "service": "site"}}}})j");
  site.served = false;
  CHECK(DocumentFragment(MakeRecord(site, Phase::kProvider), Options()) == traefik::Fragment{});
}

TEST_CASE("Shared objects that Traefik would refuse are refused with their line") {
  struct Case {
    const char* sentence;
    const char* text;
    const char* says;
  };
  const Case cases[] = {
      {"should refuse an unknown option", "http:\n  middlewares:\n    m: {compres: {}}\n",
       "shared.yaml:3:"},
      {"should refuse a reference to nothing",
       "http:\n  middlewares:\n    m: {chain: {middlewares: [gone]}}\n", "gone"},
      {"should refuse stores", "tls: {stores: {default: {defaultGeneratedCert: {resolver: r}}}}",
       "/tls/stores"},
      {"should refuse an empty file", "", "shared.yaml"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto shared = ReadSharedObjects(c.text, "shared.yaml", traefik::schema::kNewest);
    REQUIRE_FALSE(shared.has_value());
    INFO(shared.error().message);
    CHECK(shared.error().message.contains(c.says));
  }
}

}  // namespace
}  // namespace orchestrator::routing
