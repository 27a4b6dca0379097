#include "orchestrator/site/codec.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>

#include "tests/orchestrator/sites.h"

namespace orchestrator::site {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

std::vector<std::string> PointersOf(const Error& error) {
  std::vector<std::string> pointers;
  for (const FieldProblem& field : error.fields) pointers.push_back(field.pointer);
  return pointers;
}

// A good site as JSON text with one member replaced or added.
std::string With(const std::string& pointer, const std::string& value) {
  json site = json::parse(R"({"id": 1, "hosts": ["a.example"]})");
  site[json::json_pointer(pointer)] = json::parse(value);
  return site.dump();
}

struct BadField {
  const char* sentence;
  const char* pointer;  // of the member that is set
  const char* value;
  const char* problem;  // where the problem is said to be
};

void CheckBad(const BadField& c) {
  INFO(c.sentence);
  const auto site = Parse(With(c.pointer, c.value));
  REQUIRE_FALSE(site.has_value());
  CHECK(site.error().kind == ErrorKind::kInvalid);
  CHECK(PointersOf(site.error()) == std::vector<std::string>{c.problem});
  CHECK_THAT(site.error().message, ContainsSubstring(site.error().fields[0].detail));
}

TEST_CASE("Parse names every wrong field of a site with its pointer") {
  const BadField cases[] = {
      {"should refuse the id 0", "/id", "0", "/id"},
      {"should refuse a negative id", "/id", "-1", "/id"},
      {"should refuse an id that is too large", "/id", "1000000000", "/id"},
      {"should refuse an id beyond 64 bits", "/id", "18446744073709551615", "/id"},
      {"should refuse an id as text", "/id", "\"1\"", "/id"},
      {"should refuse a fraction as id", "/id", "1.5", "/id"},
      {"should refuse an unknown kind", "/kind", "\"wordpress\"", "/kind"},
      {"should refuse a kind that is no text", "/kind", "1", "/kind"},
      {"should refuse no host", "/hosts", "[]", "/hosts"},
      {"should refuse hosts that are null", "/hosts", "null", "/hosts"},
      {"should refuse one host as text", "/hosts", "\"a.example\"", "/hosts"},
      {"should refuse a bad host", "/hosts", R"(["a.example", "a..b"])", "/hosts/1"},
      {"should refuse a host that is no text", "/hosts", R"(["a.example", 5])", "/hosts/1"},
      {"should refuse a host twice", "/hosts", R"(["a.example", "A.example."])", "/hosts/1"},
      {"should refuse served as text", "/served", "\"yes\"", "/served"},
      {"should refuse an empty image", "/image", "\"\"", "/image"},
      {"should refuse an image that is an option", "/image", "\"-v\"", "/image"},
      {"should refuse an image with a space", "/image", "\"a b\"", "/image"},
      {"should refuse a run file with NUL", "/run", R"("a\u0000b")", "/run"},
      {"should refuse resources that are a list", "/resources", "[]", "/resources"},
      {"should refuse no cpus", "/resources/cpus", "0", "/resources/cpus"},
      {"should refuse negative cpus", "/resources/cpus", "-1", "/resources/cpus"},
      {"should refuse cpus beyond every machine", "/resources/cpus", "1e300", "/resources/cpus"},
      {"should refuse cpus as text", "/resources/cpus", "\"1\"", "/resources/cpus"},
      {"should refuse too little memory", "/resources/memory", "\"5MiB\"", "/resources/memory"},
      {"should refuse negative memory", "/resources/memory", "-1", "/resources/memory"},
      {"should refuse too much memory", "/resources/memory", "9223372036854775807",
       "/resources/memory"},
      {"should refuse memory without sense", "/resources/memory", "\"much\"", "/resources/memory"},
      {"should refuse memory as fraction", "/resources/memory", "1e9", "/resources/memory"},
      {"should refuse bodies of 0 bytes, which Traefik takes for no limit",
       "/resources/max_request_body", "0", "/resources/max_request_body"},
      {"should refuse an environment that is a list", "/environment", "[]", "/environment"},
      {"should refuse a variable that is a number", "/environment", R"({"A": 1})",
       "/environment/A"},
      {"should refuse a variable that is null", "/environment", R"({"A": null})", "/environment/A"},
      {"should refuse a variable with NUL", "/environment", R"({"A": "\u0000"})", "/environment/A"},
      {"should refuse a name with =", "/environment", R"({"A=B": ""})", "/environment/A=B"},
      {"should refuse a name with a slash", "/environment", R"({"A/B~": ""})",
       "/environment/A~1B~0"},
      {"should refuse a name with a digit first", "/environment", R"({"1A": ""})",
       "/environment/1A"},
      {"should refuse an empty name", "/environment", R"({"": ""})", "/environment/"},
      {"should refuse upstreams of a dynamic site", "/upstreams", R"(["http://a"])", "/upstreams"},
      {"should refuse an unknown member", "/colour", "1", "/colour"},
  };
  for (const BadField& c : cases) CheckBad(c);
}

TEST_CASE("Parse names every wrong field of routing and database with its pointer") {
  const BadField cases[] = {
      {"should refuse a mode of another program", "/routing/mode", "\"file\"", "/routing/mode"},
      {"should refuse a bad prefix", "/routing/path_prefix", "\"api\"", "/routing/path_prefix"},
      {"should refuse no entry point", "/routing/entry_points", "[]", "/routing/entry_points"},
      {"should refuse a comma, which would split a label", "/routing/entry_points", R"(["a,b"])",
       "/routing/entry_points"},
      {"should refuse an entry point twice", "/routing/entry_points", R"(["a", "a"])",
       "/routing/entry_points"},
      {"should refuse an entry point that is no text", "/routing/entry_points", "[1]",
       "/routing/entry_points/0"},
      {"should refuse tls as a switch", "/routing/tls", "true", "/routing/tls"},
      {"should refuse a bad resolver", "/routing/tls/resolver", "\"a b\"", "/routing/tls/resolver"},
      {"should refuse a certificate", "/routing/tls/certificate", "\"x\"",
       "/routing/tls/certificate"},
      {"should refuse an unknown member of tls", "/routing/tls/x", "1", "/routing/tls/x"},
      {"should refuse sticky as number", "/routing/sticky", "1", "/routing/sticky"},
      {"should refuse a check without path", "/routing/health_check", "{}",
       "/routing/health_check/path"},
      {"should refuse a check with a bad path", "/routing/health_check/path", "\"up\"",
       "/routing/health_check/path"},
      {"should refuse a check too often", "/routing/health_check",
       R"({"path": "/", "interval": "99ms"})", "/routing/health_check/interval"},
      {"should refuse a check too seldom", "/routing/health_check",
       R"({"path": "/", "interval": "2h"})", "/routing/health_check/interval"},
      {"should refuse a readiness that is no object", "/readiness", "true", "/readiness"},
      {"should refuse a readiness without time", "/readiness", R"({"timeout": "0s"})",
       "/readiness/timeout"},
      {"should refuse a readiness of days", "/readiness", R"({"timeout": "24h"})",
       "/readiness/timeout"},
      {"should refuse what readiness does not know", "/readiness", R"({"path": "/"})",
       "/readiness/path"},
      {"should refuse an interval without unit", "/routing/health_check",
       R"({"path": "/", "interval": "10"})", "/routing/health_check/interval"},
      {"should refuse an interval as number", "/routing/health_check",
       R"({"path": "/", "interval": 10})", "/routing/health_check/interval"},
      {"should refuse a pool with a dot", "/routing/pool", "\"a.b\"", "/routing/pool"},
      {"should refuse a pool without name", "/routing/pool", "\"\"", "/routing/pool"},
      {"should refuse an extra that is no object", "/routing/extra", "[]", "/routing/extra"},
      {"should refuse an unknown member", "/routing/middlewares", "[]", "/routing/middlewares"},
      {"should refuse a database without password", "/database",
       R"({"url": "a://b", "name": "", "username": ""})", "/database/password"},
      {"should refuse a database URL that is none", "/database",
       R"({"url": "b", "name": "", "username": "", "password": ""})", "/database/url"},
      {"should refuse a name with NUL", "/database",
       R"({"url": "a://b", "name": "\u0000", "username": "", "password": ""})", "/database/name"},
      {"should refuse a database that is a text", "/database/url", "1", "/database/url"},
  };
  for (const BadField& c : cases) {
    INFO(c.sentence);
    const auto site = Parse(With(c.pointer, c.value));
    REQUIRE_FALSE(site.has_value());
    CHECK(PointersOf(site.error()).front() == c.problem);
  }
}

TEST_CASE("What does not fit the kind is refused where it stands") {
  struct Case {
    const char* sentence;
    const char* json;
    std::vector<std::string> problems;
  };
  const Case cases[] = {
      {"should refuse an external site without upstreams",
       R"({"hosts": ["a.b"], "kind": "external"})",
       {"/upstreams"}},
      {"should refuse an external site with no upstream",
       R"({"hosts": ["a.b"], "kind": "external", "upstreams": []})",
       {"/upstreams"}},
      {"should refuse an upstream that is no URL",
       R"({"hosts": ["a.b"], "kind": "external", "upstreams": ["http://a", "b"]})",
       {"/upstreams/1"}},
      {"should refuse an upstream twice",
       R"({"hosts": ["a.b"], "kind": "external", "upstreams": ["http://a", "http://a"]})",
       {"/upstreams/1"}},

      {"should refuse an image and a run file for an external site",
       R"({"hosts": ["a.b"], "kind": "external", "upstreams": ["http://a"], "image": "x",
           "run": "x"})",
       {"/run", "/image"}},
      {"should refuse a run file for a static site",
       R"({"hosts": ["a.b"], "kind": "static", "run": "x"})",
       {"/run"}},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto site = Parse(c.json);
    REQUIRE_FALSE(site.has_value());
    CHECK(PointersOf(site.error()) == c.problems);
  }
}

TEST_CASE("Parse tells all problems at once and the first one in the message") {
  const auto site =
      Parse(R"({"id": 0, "hosts": ["a b"], "sreved": true, "resources": {"cpus": 0}})");
  REQUIRE_FALSE(site.has_value());
  CHECK(PointersOf(site.error()) ==
        std::vector<std::string>{"/id", "/hosts/0", "/resources/cpus", "/sreved"});
  CHECK_THAT(site.error().message, ContainsSubstring("/id must be from 1"));
  CHECK_THAT(site.error().message, ContainsSubstring("and 3 more"));
  CHECK_THAT(site.error().fields[3].detail, ContainsSubstring("did you mean 'served'?"));
}

TEST_CASE("Too much of something is refused") {
  json many = json::array();
  for (int i = 0; i < 101; ++i) many.push_back("h" + std::to_string(i) + ".example");
  CHECK(PointersOf(Parse(With("/hosts", many.dump())).error()) ==
        std::vector<std::string>{"/hosts"});
  const std::string run(256 * 1024 + 1, 'a');
  CHECK(PointersOf(Parse(With("/run", json(run).dump())).error()) ==
        std::vector<std::string>{"/run"});
  CHECK(Parse(With("/run", json(run.substr(1)).dump())).has_value());
}

TEST_CASE("What is no object is refused without a pointer") {
  for (const char* text : {"[]", "null", "5", "\"x\"", "", "{", "{} {}"}) {
    INFO(text);
    const auto site = Parse(text);
    REQUIRE_FALSE(site.has_value());
    CHECK(site.error().kind == ErrorKind::kInvalid);
    CHECK(site.error().fields.at(0).pointer.empty());
  }
}

TEST_CASE("The id of the text and of the address must agree") {
  CHECK(Parse(R"({"hosts": ["a.b"]})", SiteId{7})->id == SiteId{7});
  CHECK(Parse(R"({"id": 7, "hosts": ["a.b"]})", SiteId{7})->id == SiteId{7});
  CHECK(Parse(R"({"hosts": ["a.b"]})")->id == SiteId{0});
  const auto other = Parse(R"({"id": 8, "hosts": ["a.b"]})", SiteId{7});
  REQUIRE_FALSE(other.has_value());
  CHECK(PointersOf(other.error()) == std::vector<std::string>{"/id"});
}

TEST_CASE("Fields that are left out or null get their defaults") {
  const auto site = Parse(R"({"id": 1, "hosts": ["site1.example"], "served": null, "image": null,
                              "resources": null, "routing": {"mode": null, "tls": null}})");
  REQUIRE(site.has_value());
  CHECK(*site == tests::MakeSite(1));
}

Site FullSite() {
  Site site = tests::MakeSite(12, {"a.example", "*.b.example"});
  site.served = false;
  site.image = "registry:5000/x/y:tag@sha256:00";
  site.run = "#!/bin/sh\necho \"ä\t\"\n";
  site.resources = {NanoCpus{123'456'789}, Bytes{7 << 20}, Bytes{1}};
  site.environment = {{"A", ""}, {"_B1", "x=y\nz"}};
  site.database = Database{"postgresql://host:5432/name", "name", "user", "pass\"word"};
  site.routing.mode = RoutingMode::kLabels;
  site.routing.path_prefix = *traefik::PathPrefix::Parse("/api");
  site.routing.entry_points = {{"web", "websecure"}};
  site.routing.tls = Tls{"le"};
  site.routing.sticky = true;
  site.routing.health_check = HealthCheck{"/up", 1500ms};
  return site;
}

TEST_CASE("Parse gives back the site that ToJson wrote") {
  Site default_tls = tests::MakeSite(2);
  default_tls.routing.tls = Tls{};
  Site still = tests::MakeSite(3);
  still.kind = Kind::kStatic;
  for (const Site& site :
       {FullSite(), tests::MakeSite(1), tests::MakeExternal(5), default_tls, still}) {
    const std::string text = ToJson(site);
    INFO(text);
    const auto back = Parse(text);
    REQUIRE(back.has_value());
    CHECK(*back == site);
    CHECK(ToJson(*back) == text);
    CHECK_FALSE(text.contains('\n'));
  }
}

}  // namespace
}  // namespace orchestrator::site
