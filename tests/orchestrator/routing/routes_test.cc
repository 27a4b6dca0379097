#include "orchestrator/routing/routes.h"

#include <string>

#include <catch2/catch_test_macros.hpp>

#include "orchestrator/routing/extra.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;
using site::RoutingMode;
using store::Phase;
using store::SiteRecord;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;

RouteOptions Options(bool probe_labels = false) {
  return {{"web"}, "net", {"probe.invalid", "X-Secret", "s", "X-Revision"}, probe_labels};
}

TEST_CASE("ResolveMode puts every site on one side") {
  struct Case {
    const char* sentence;
    site::Site site;
    RoutingMode own;
    RoutingMode system;
    RoutingMode mode;
  };
  site::Site several = MakeExternal(1);
  several.upstreams.push_back("http://10.0.0.2:8080");
  const Case cases[] = {
      {"should follow the system to labels", MakeSite(1), RoutingMode::kDefault,
       RoutingMode::kLabels, RoutingMode::kLabels},
      {"should follow the system to the provider", MakeSite(1), RoutingMode::kDefault,
       RoutingMode::kProvider, RoutingMode::kProvider},
      {"should prefer its own mode", MakeSite(1), RoutingMode::kLabels, RoutingMode::kProvider,
       RoutingMode::kLabels},
      {"should take an external site to labels where it follows", MakeExternal(1),
       RoutingMode::kDefault, RoutingMode::kLabels, RoutingMode::kLabels},
      {"should keep several upstreams in the document", several, RoutingMode::kLabels,
       RoutingMode::kLabels, RoutingMode::kProvider},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    site::Site site = c.site;
    site.routing.mode = c.own;
    CHECK(ResolveMode(site, c.system) == c.mode);
  }
}

TEST_CASE("A site that is not served has no routes in the document") {
  site::Site site = MakeSite(1);
  site.served = false;
  CHECK(DocumentRoutes(site, Options()) == traefik::Configuration{});
  CHECK(DocumentFragment(MakeRecord(site), Options()) == traefik::Fragment{});
}

TEST_CASE("A site's routes name its host, its service and the shared limit") {
  const traefik::Configuration routes = DocumentRoutes(MakeSite(1, {"a.example"}), Options());
  REQUIRE(routes.routers.size() == 1);
  const traefik::Router& router = routes.routers.at("site_0001");
  CHECK(router.rule == "Host(`a.example`)");
  CHECK(router.service == "site_0001");
  CHECK(router.entry_points == std::vector<std::string>{"web"});
  CHECK(router.middlewares ==
        std::vector<std::string>{"max-request-10485760", "orchestrator-retry"});
  CHECK(router.priority == 0);
  CHECK_FALSE(router.tls.has_value());
  CHECK(routes.services.at("site_0001").server_urls ==
        std::vector<std::string>{"http://site_0001:80"});
  CHECK(routes.middlewares.at("max-request-10485760") ==
        traefik::Middleware(traefik::Buffering{10'485'760}));
}

TEST_CASE("Exact hosts go before wildcards, and paths before whole hosts") {
  site::Site site = MakeSite(1, {"*.b.example", "a.example", "c.example"});
  traefik::Configuration routes = DocumentRoutes(site, Options());
  REQUIRE(routes.routers.size() == 2);
  CHECK(routes.routers.at("site_0001").rule == "Host(`a.example`) || Host(`c.example`)");
  CHECK(routes.routers.at("site_0001").priority == 0);
  CHECK(routes.routers.at("site_0001-wildcard").rule == "Host(`*.b.example`)");
  CHECK(routes.routers.at("site_0001-wildcard").priority < 0);

  site.routing.path_prefix = *traefik::PathPrefix::Parse("/api");
  const traefik::Configuration shorter = DocumentRoutes(site, Options());
  site.routing.path_prefix = *traefik::PathPrefix::Parse("/api/v1");
  const traefik::Configuration longer = DocumentRoutes(site, Options());
  const auto priority = [](const traefik::Configuration& from, const char* name) {
    return from.routers.at(name).priority;
  };
  // A rule of 100 hosts is shorter than this, so that a path always wins over a whole host.
  CHECK(priority(shorter, "site_0001") > 100 * 270);
  CHECK(priority(longer, "site_0001") > priority(shorter, "site_0001"));
  CHECK(priority(longer, "site_0001-wildcard") > priority(shorter, "site_0001-wildcard"));
  CHECK(priority(shorter, "site_0001-wildcard") > priority(routes, "site_0001-wildcard"));
  CHECK(priority(longer, "site_0001-wildcard") < 0);
}

TEST_CASE("A site of wildcards alone has one router") {
  const traefik::Configuration routes = DocumentRoutes(MakeSite(1, {"*.a.example"}), Options());
  REQUIRE(routes.routers.size() == 1);
  CHECK(routes.routers.contains("site_0001-wildcard"));
}

TEST_CASE("Hosts with paths of their own get routers of their own") {
  site::Site site = MakeSite(1, {"a.example"});
  site.hosts.push_back(
      {*traefik::HostName::Parse("user.example"), *traefik::PathPrefix::Parse("/one")});
  site.hosts.push_back(
      {*traefik::HostName::Parse("*.user.example"), *traefik::PathPrefix::Parse("/one")});
  site.hosts.push_back(
      {*traefik::HostName::Parse("user.example"), *traefik::PathPrefix::Parse("/two")});
  const traefik::Configuration routes = DocumentRoutes(site, Options());
  REQUIRE(routes.routers.size() == 4);
  CHECK(routes.routers.at("site_0001").rule == "Host(`a.example`)");
  CHECK(routes.routers.at("site_0001-path1").rule ==
        "(Host(`user.example`)) && (Path(`/one`) || PathPrefix(`/one/`))");
  CHECK(routes.routers.at("site_0001-path1-wildcard").priority < 0);
  CHECK(routes.routers.at("site_0001-path2").rule.contains("/two/"));
}

TEST_CASE("Labels say the pool of a site that is not in the default one") {
  site::Site site = MakeSite(1);
  CHECK_FALSE(
      ServiceLabels(MakeRecord(site, Phase::kLabels), Options()).contains("orchestrator.pool"));
  site.routing.pool = "east";
  CHECK(ServiceLabels(MakeRecord(site, Phase::kLabels), Options()).at("orchestrator.pool") ==
        "east");
  CHECK_FALSE(
      ServiceLabels(MakeRecord(site, Phase::kProvider), Options()).contains("orchestrator.pool"));
  CHECK(OwnsLabel("orchestrator.pool", {1}));  // so that it goes with the move
  CHECK(PoolConstraint("east") == "Label(`orchestrator.pool`, `east`)");
  CHECK(PoolConstraint("default") == "!LabelRegex(`orchestrator.pool`, `.+`)");
}

TEST_CASE("The servers of a site are its service, or the addresses of its tasks as far as known") {
  RouteOptions options = Options();
  options.pages_url = "http://10.0.0.1:9081";
  const auto urls = [&](const site::Site& site, const TaskAddresses& tasks) {
    return DocumentRoutes(site, options, tasks).services.at("site_0001").server_urls;
  };
  using Urls = std::vector<std::string>;
  const Urls name{"http://site_0001:80"};
  const TaskAddresses two{{"10.0.1.7", "fd00::7"}};
  CHECK(urls(MakeSite(1), two) == name);
  options.follow_tasks = true;
  CHECK(urls(MakeSite(1), std::nullopt) == name);
  CHECK(urls(MakeSite(1), two) == Urls{"http://10.0.1.7:80", "http://[fd00::7]:80"});
  CHECK(urls(MakeExternal(1), two) == MakeExternal(1).upstreams);

  SECTION("a site without a running task keeps its router, and visitors see the page") {
    const traefik::Configuration routes =
        DocumentRoutes(MakeSite(1), options, std::vector<std::string>{});
    CHECK(routes.services.at("site_0001").server_urls.empty());
    CHECK(routes.routers.at("site_0001").middlewares.front() == "orchestrator-no-task");
    CHECK(routes.middlewares.at("orchestrator-no-task") ==
          traefik::Middleware(traefik::ErrorPages{{503}, 0, "orchestrator-pages", "/pages/down"}));
    CHECK_FALSE(routes.middlewares.contains("orchestrator-down"));
  }
  SECTION("a site that is not served has its own page, whatever its tasks") {
    site::Site site = MakeSite(1);
    site.served = false;
    CHECK(DocumentRoutes(site, options, two) == DocumentRoutes(site, options));
  }
  SECTION("addresses are no part of what its owner can change") {
    CHECK(SameRoutes(MakeSite(1), MakeSite(1), options));
  }
}

TEST_CASE("Where there are pages, visitors of a site that cannot answer see one") {
  RouteOptions options = Options();
  options.pages_url = "http://10.0.0.1:9081";
  CHECK(SharedRoutes(options).services.at("orchestrator-pages").server_urls ==
        std::vector<std::string>{"http://10.0.0.1:9081"});
  CHECK(SharedRoutes(Options()).services.empty());
  site::Site site = MakeSite(1, {"a.example", "*.b.example"});
  traefik::Configuration routes = DocumentRoutes(site, options);
  CHECK(
      routes.routers.at("site_0001").middlewares ==
      std::vector<std::string>{"orchestrator-down", "max-request-10485760", "orchestrator-retry"});
  CHECK(routes.middlewares.at("orchestrator-down") ==
        traefik::Middleware(
            traefik::ErrorPages{{502, 504}, 503, "orchestrator-pages", "/pages/down"}));
  // Labels must work without the document.
  for (const auto& [key, value] : ServiceLabels(MakeRecord(site, Phase::kLabels), options)) {
    CHECK_FALSE(value.contains("orchestrator-down"));
  }

  site.served = false;
  routes = DocumentRoutes(site, options);
  REQUIRE(routes.routers.size() == 2);
  CHECK(routes.services.empty());
  for (const auto& [name, router] : routes.routers) {
    CHECK(router.service == "orchestrator-pages");
    CHECK(router.middlewares == std::vector<std::string>{"orchestrator-not-served"});
  }
  CHECK(DocumentRoutes(site, Options()) == traefik::Configuration{});
}

TEST_CASE("What a site asks of routing is in its routes") {
  site::Site site = MakeSite(1);
  site.routing.entry_points = {{"other"}};
  site.routing.tls = site::Tls{"le"};
  site.routing.sticky = true;
  site.routing.health_check = site::HealthCheck{"/up", 3s};
  const traefik::Configuration routes = DocumentRoutes(site, Options());
  CHECK(routes.routers.at("site_0001").entry_points == std::vector<std::string>{"other"});
  CHECK(routes.routers.at("site_0001").tls == traefik::RouterTls{"le"});
  // The same cookie on both sides: visitors stay with their task when a site changes sides.
  CHECK(routes.services.at("site_0001").sticky == traefik::StickyCookie{"site_0001"});
  CHECK(routes.services.at("site_0001").health_check == traefik::HealthCheck{"/up", 3s});
  CHECK(ServiceLabels(MakeRecord(site, Phase::kLabels), Options())
            .at("traefik.http.services.site_0001.loadbalancer.sticky.cookie.name") == "site_0001");
}

TEST_CASE("An external site's service is its upstreams") {
  site::Site site = MakeExternal(1);
  site.upstreams = {"http://a:1", "http://b:2"};
  CHECK(DocumentRoutes(site, Options()).services.at("site_0001").server_urls == site.upstreams);
}

TEST_CASE("The phase says where the routes are") {
  struct Case {
    const char* sentence;
    Phase phase;
    bool in_document;
    bool has_labels;
  };
  const Case cases[] = {
      {"should have labels only", Phase::kLabels, false, true},
      {"should have both on the way to the provider", Phase::kToProvider, true, true},
      {"should be in the document only", Phase::kProvider, true, false},
      {"should have both on the way to labels", Phase::kToLabels, true, true},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const SiteRecord record = MakeRecord(MakeSite(1), c.phase);
    CHECK((DocumentFragment(record, Options()) != traefik::Fragment{}) == c.in_document);
    const traefik::Labels labels = ServiceLabels(record, Options());
    CHECK(labels.at("traefik.enable") == (c.has_labels ? "true" : "false"));
    CHECK(labels.contains("traefik.http.routers.site_0001.rule") == c.has_labels);
  }
}

TEST_CASE("A site that is being removed is out of the document at once") {
  SiteRecord record = MakeRecord(MakeSite(1));
  record.removing = true;
  CHECK(DocumentFragment(record, Options()) == traefik::Fragment{});
}

TEST_CASE("Labels say what the document says") {
  const traefik::Labels expected{
      {"traefik.enable", "true"},
      {"traefik.swarm.network", "net"},
      {"traefik.http.routers.site_0001.rule", "Host(`a.example`)"},
      {"traefik.http.routers.site_0001.service", "site_0001"},
      {"traefik.http.routers.site_0001.entrypoints", "web"},
      {"traefik.http.middlewares.orchestrator-retry.retry.attempts", "5"},
      {"traefik.http.middlewares.orchestrator-retry.retry.initialinterval", "100ms"},
      {"traefik.http.routers.site_0001.middlewares", "max-request-10485760,orchestrator-retry"},
      {"traefik.http.services.site_0001.loadbalancer.server.port", "80"},
      {"traefik.http.middlewares.max-request-10485760.buffering.maxRequestBodyBytes", "10485760"},
  };
  CHECK(ServiceLabels(MakeRecord(MakeSite(1, {"a.example"}), Phase::kLabels), Options()) ==
        expected);
}

TEST_CASE("New labels have a marker while somebody asks for it") {
  const std::string rule_key = "traefik.http.routers.site_0001-marker.rule";
  SiteRecord record = MakeRecord(MakeSite(1), Phase::kLabels);
  record.routes_revision = 7;

  const traefik::Labels labels = ServiceLabels(record, Options(true));
  CHECK(labels.at(rule_key) ==
        "Host(`probe.invalid`) && Header(`X-Secret`, `s`) && Path(`/labels/site_0001/7`)");
  CHECK(labels.at("traefik.http.routers.site_0001-marker.service") == "noop@internal");
  CHECK(labels.at("traefik.http.middlewares.site_0001-marker.headers.customresponseheaders."
                  "X-Orchestrator-Labels") == "7");
  CHECK(LabelMarkerPath({1}, 7) == "/labels/site_0001/7");

  SECTION("nobody asks") { CHECK_FALSE(ServiceLabels(record, Options(false)).contains(rule_key)); }
  SECTION("they are confirmed") {
    record.labels_confirmed = 7;
    CHECK_FALSE(ServiceLabels(record, Options(true)).contains(rule_key));
  }
  SECTION("an older state is confirmed") {
    record.labels_confirmed = 6;
    CHECK(ServiceLabels(record, Options(true)).contains(rule_key));
  }
  SECTION("the site is not served") {
    record.site.served = false;
    CHECK_FALSE(ServiceLabels(record, Options(true)).contains(rule_key));
  }
}

TEST_CASE("Labels that stand by have lower priorities than the document") {
  RouteOptions options = tests::MakeRouteOptions();
  options.standby_labels = true;
  SiteRecord record = MakeRecord(MakeSite(1, {"a.example", "*.b.example"}), Phase::kProvider);
  const auto labels = ServiceLabels(record, options);
  const auto full =
      ServiceLabels(MakeRecord(record.site, Phase::kLabels), tests::MakeRouteOptions());
  CHECK(labels.at("traefik.enable") == "true");
  CHECK(labels.at("traefik.http.routers.site_0001.rule") ==
        full.at("traefik.http.routers.site_0001.rule"));
  CHECK(labels.at("traefik.http.routers.site_0001.priority") == "16");
  CHECK(labels.at("traefik.http.routers.site_0001-wildcard.priority") == "-2001");
  CHECK_FALSE(labels.contains("traefik.http.routers.site_0001-marker.rule"));

  record.site.routing.extra =
      R"j({"http": {"middlewares": {"c": {"compress": {}}},
                    "routers": {"site": {"middlewares": ["c"]}}}})j";
  const auto extended = ServiceLabels(record, options);
  CHECK(extended.at("traefik.http.routers.site_0001.priority") == "16");
  CHECK(extended.contains("traefik.http.middlewares.site_0001-x-c.compress"));

  record.site.routing.extra = R"j({"http": {"services": {"w": {"weighted": {"services": []}}}}})j";
  CHECK(ServiceLabels(record, options) == traefik::DisabledLabels());
  CHECK(ServiceLabels(MakeRecord(MakeExternal(2), Phase::kProvider), options) ==
        traefik::DisabledLabels());
}

TEST_CASE("Labels of an external site name its upstream, and that it has no tasks") {
  const auto labels =
      ServiceLabels(MakeRecord(MakeExternal(2), Phase::kLabels), tests::MakeRouteOptions());
  CHECK(labels.at("traefik.http.services.site_0002.loadbalancer.server.url") ==
        "http://10.0.0.1:8080");
  CHECK(labels.at("traefik.swarm.lbswarm") == "true");
  CHECK_FALSE(labels.contains("traefik.http.services.site_0002.loadbalancer.server.port"));

  RouteOptions standby = tests::MakeRouteOptions();
  standby.standby_labels = true;
  CHECK_FALSE(StandsBy(MakeRecord(MakeExternal(2), Phase::kProvider), standby));
}

TEST_CASE("An external site is routed by labels only where something carries and reads them") {
  struct Case {
    const char* sentence;
    bool has_swarm;
    traefik::schema::Version version;
    std::size_t upstreams;
    const char* obstacle;  // null: none
  };
  const Case cases[] = {
      {"should be possible with one upstream", true, traefik::schema::kV3_4, 1, nullptr},
      {"should need a swarm", false, traefik::schema::kNewest, 1, "docker.host"},
      {"should need Traefik 3.4", true, traefik::schema::kV3_3, 1, "traefik.version"},
      {"should need a single upstream", true, traefik::schema::kNewest, 2, "several upstreams"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    RouteOptions options = tests::MakeRouteOptions();
    options.has_swarm = c.has_swarm;
    options.version = c.version;
    site::Site site = MakeExternal(1);
    site.upstreams.resize(c.upstreams, "http://10.0.0.2:8080");
    const auto obstacle = LabelObstacle(site, options);
    CHECK(obstacle.has_value() == (c.obstacle != nullptr));
    if (c.obstacle) CHECK(obstacle.value_or("").contains(c.obstacle));
  }
}

TEST_CASE("A service that was taken over has the labels that it had, whenever it has labels") {
  SiteRecord record = MakeRecord(MakeSite(1, {"a.example"}), Phase::kLabels);
  record.adopted_labels = {{"traefik.http.routers.site_0001.RULE", "Host(`a.example`)"},
                           {"traefik.enable", "true"}};
  record.routes_revision = record.labels_confirmed = 7;
  CHECK(ServiceLabels(record, tests::MakeRouteOptions()) == record.adopted_labels);
  record.phase = Phase::kProvider;
  CHECK(ServiceLabels(record, tests::MakeRouteOptions()) == traefik::DisabledLabels());

  // On its way back there is a marker beside them, and nothing else.
  record.phase = Phase::kToLabels;
  record.routes_revision = 8;
  auto labels = ServiceLabels(record, tests::MakeRouteOptions());
  CHECK(std::erase_if(labels, [](const auto& label) {
          return label.first.contains("site_0001-marker.");
        }) > 0);
  CHECK(labels == record.adopted_labels);
}

TEST_CASE("Every label that we write is ours, and those of others are not") {
  SiteRecord record = MakeRecord(MakeSite(1, {"a.example", "*.b.example"}), Phase::kLabels);
  record.routes_revision = 7;
  record.site.routing.sticky = true;
  for (const auto& [key, value] : ServiceLabels(record, Options(true))) {
    INFO(key);
    CHECK(OwnsLabel(key, {1}));
  }
  for (const char* key :
       {"traefik.http.routers.site_0002.rule", "com.example", "traefik.http.routers.x.rule",
        "traefik.http.middlewares.max-request-5.buffering.memRequestBodyBytes",
        "traefik.http.middlewares.auth.basicauth.users"}) {
    INFO(key);
    CHECK_FALSE(OwnsLabel(key, {1}));
  }
}

TEST_CASE("SameRoutes tells changes that Traefik sees from others") {
  struct Case {
    const char* sentence;
    void (*change)(site::Site&);
    bool same;
  };
  const Case cases[] = {
      {"should see no change", [](site::Site&) {}, true},
      {"should not see the image", [](site::Site& s) { s.image = "x"; }, true},
      {"should not see the memory", [](site::Site& s) { s.resources.memory.count = 1 << 30; },
       true},
      {"should not see the mode", [](site::Site& s) { s.routing.mode = RoutingMode::kLabels; },
       true},
      {"should see the hosts",
       [](site::Site& s) { s.hosts.push_back({*traefik::HostName::Parse("new.example"), {}}); },
       false},
      {"should see the limit", [](site::Site& s) { s.resources.max_request_body.count = 5; },
       false},
      {"should see that it is not served", [](site::Site& s) { s.served = false; }, false},
      {"should see the cookie", [](site::Site& s) { s.routing.sticky = true; }, false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    site::Site after = MakeSite(1);
    c.change(after);
    CHECK(SameRoutes(MakeSite(1), after, Options()) == c.same);
  }
}

TEST_CASE(
    "A host that changes while its site is not served changes labels, but nothing that is seen") {
  // Labels name the routes of a site that is not served too; without a task Traefik reads none.
  site::Site before = MakeSite(1, {"a.example"});
  before.served = false;
  site::Site after = MakeSite(1, {"b.example"});
  after.served = false;
  REQUIRE(ServiceLabels(MakeRecord(before, Phase::kLabels), Options()) !=
          ServiceLabels(MakeRecord(after, Phase::kLabels), Options()));
  CHECK(SameRoutes(before, after, Options()));
}

TEST_CASE("Only services of the swarm are dialled with its transport, and labels do not name it") {
  const auto transports = SharedRoutes(Options()).servers_transports;
  REQUIRE(transports.size() == 1);
  CHECK(DocumentRoutes(MakeSite(1), Options()).services.at("site_0001").servers_transport ==
        transports.begin()->first);
  CHECK(DocumentRoutes(tests::MakeExternal(1), Options())
            .services.at("site_0001")
            .servers_transport.empty());
  SiteRecord record = tests::MakeRecord(MakeSite(1));
  record.phase = store::Phase::kLabels;
  for (const auto& [key, value] : ServiceLabels(record, Options())) {
    CHECK_FALSE(key.contains("transport"));
  }
}

}  // namespace
}  // namespace orchestrator::routing
