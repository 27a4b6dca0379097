#include "orchestrator/routing/migration_plan.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "orchestrator/site/codec.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::routing {
namespace {

using Catch::Matchers::ContainsSubstring;
using site::RoutingMode;
using store::Phase;
using store::SiteRecord;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;

using Verdict = PlannedSite::Verdict;

TEST_CASE("A site's routes are the same on both sides, whatever it asks for") {
  struct Case {
    const char* sentence;
    const char* patch;
  };
  const Case cases[] = {
      {"of nothing special", "{}"},
      {"of several hosts and a wildcard", R"({"hosts": ["a.b", "*.c.d", "e.f"]})"},
      {"of a path", R"({"routing": {"path_prefix": "/app"}})"},
      {"of hosts with paths of their own", R"({"hosts": ["a.b", "c.d/x"]})"},
      {"of other entry points", R"({"routing": {"entry_points": ["web", "other"]}})"},
      {"of TLS", R"({"routing": {"tls": {}}})"},
      {"of TLS with a resolver", R"({"routing": {"tls": {"resolver": "le"}}})"},
      {"of a sticky cookie", R"({"routing": {"sticky": true}})"},
      {"of a health check", R"({"routing": {"health_check": {"path": "/up", "interval": "7s"}}})"},
      {"of a limit of requests", R"({"resources": {"max_request_body": "3MiB"}})"},
      {"of middlewares of its own",
       R"j({"routing": {"extra": {"http": {
            "middlewares": {"auth": {"basicAuth": {"users": ["a:$apr1$x"]}},
                            "gone": {"redirectRegex": {"regex": "^(.*)/old$",
                                                       "replacement": "${1}/new"}}},
            "routers": {"site": {"middlewares": ["auth", "gone"]}}}}}})j"},
      {"of routers of its own",
       R"j({"routing": {"extra": {"http": {
            "routers": {"api": {"rule": "Host(`site1.example`) && PathPrefix(`/api`)",
                                "service": "site", "priority": 500}}}}}})j"},
      {"when it is not served", R"({"served": false})"},
  };
  RouteOptions options = tests::MakeRouteOptions();
  options.pages_url = "http://pages";
  for (const Case& c : cases) {
    INFO("should be the same " << c.sentence);
    const auto patched = site::Patch(MakeSite(1), c.patch);
    REQUIRE(patched.has_value());
    const auto differences = CompareSides(*patched, options);
    REQUIRE(differences.has_value());
    for (const RouteDifference& difference : *differences) {
      UNSCOPED_INFO(difference.pointer << ": " << difference.labels << " as labels, "
                                       << difference.document << " in the document");
    }
    CHECK(differences->empty());
  }
}

TEST_CASE("A plan says of every site what would happen") {
  tests::TestStore store;
  const auto follow = [&](std::int64_t id, RoutingMode side) {
    SiteRecord record = *store.Find(id);
    record.followed = side;
    REQUIRE(store->Write([&](store::Transaction& t) { return t.Put({&record, 1}); }));
  };
  SiteRecord own = MakeRecord(MakeSite(4), Phase::kLabels);
  own.site.routing.mode = RoutingMode::kLabels;
  SiteRecord removing = MakeRecord(MakeSite(5), Phase::kLabels);
  removing.removing = true;
  SiteRecord weights = MakeRecord(MakeSite(6), Phase::kProvider);
  weights.site.routing.extra = R"j({"http": {"services": {"w": {"weighted": {"services": []}}}}})j";
  store.Put({MakeRecord(MakeSite(1), Phase::kLabels), MakeRecord(MakeSite(2)),
             MakeRecord(MakeExternal(3)), own, removing, weights});
  tests::SetDefaultMode(*store, "labels");
  follow(3, RoutingMode::kProvider);
  const RouteOptions options = tests::MakeRouteOptions();

  auto plan = PlanMigration(*store, options, {.to = RoutingMode::kProvider}).value();
  REQUIRE(plan.sites.size() == 4);
  CHECK(plan.sites[0].verdict == Verdict::kMoves);
  CHECK(plan.sites[1].verdict == Verdict::kMoves);
  CHECK(plan.sites[2].verdict == Verdict::kStays);
  CHECK_THAT(plan.sites[2].reason, ContainsSubstring("its own routing.mode is labels"));
  CHECK(plan.sites[3].verdict == Verdict::kThere);

  plan = PlanMigration(*store, options, {.to = RoutingMode::kLabels}).value();
  REQUIRE(plan.sites.size() == 4);
  CHECK(plan.Count(Verdict::kThere) == 3);
  CHECK(plan.sites[3].verdict == Verdict::kStays);
  CHECK_THAT(plan.sites[3].reason, ContainsSubstring("labels cannot say"));

  // An external site is left alone, unless it is asked for or was sent to labels before.
  plan = PlanMigration(*store, options, {.to = RoutingMode::kLabels, .kind = site::Kind::kExternal})
             .value();
  REQUIRE(plan.sites.size() == 1);
  CHECK(plan.sites[0].verdict == Verdict::kMoves);
  CHECK(plan.sites[0].differences.empty());
  follow(3, RoutingMode::kLabels);
  plan = PlanMigration(*store, options, {.to = RoutingMode::kProvider}).value();
  REQUIRE(plan.sites.size() == 5);
  CHECK(plan.sites[2].verdict == Verdict::kMoves);

  plan = PlanMigration(*store, options, {.to = RoutingMode::kProvider, .sites = {{{4}, {1}, {4}}}})
             .value();
  REQUIRE(plan.sites.size() == 2);
  CHECK(plan.sites[1].verdict == Verdict::kMoves);  // who is named goes in spite of its own mode
}

TEST_CASE("A plan may be about a pool or a kind alone") {
  tests::TestStore store;
  SiteRecord other = MakeRecord(MakeSite(1), Phase::kLabels);
  other.site.routing.pool = "other";
  SiteRecord quiet = MakeRecord(MakeSite(2), Phase::kLabels);
  quiet.site.kind = site::Kind::kStatic;
  store.Put({other, quiet, MakeRecord(MakeSite(3), Phase::kLabels),
             MakeRecord(MakeExternal(4), Phase::kProvider)});
  tests::SetDefaultMode(*store, "labels");
  const auto ids = [&](const MigrationOrder& order) {
    std::vector<std::int64_t> list;
    const auto plan = PlanMigration(*store, tests::MakeRouteOptions(), order).value();
    for (const PlannedSite& site : plan.sites) {
      list.push_back(site.id.value);
    }
    return list;
  };
  CHECK(ids({.pool = "other"}) == std::vector<std::int64_t>{1});
  CHECK(ids({.kind = site::Kind::kStatic}) == std::vector<std::int64_t>{2});
  CHECK(ids({.kind = site::Kind::kExternal}) == std::vector<std::int64_t>{4});
  CHECK(ids({.pool = "default", .kind = site::Kind::kDynamic}) == std::vector<std::int64_t>{3});
}

}  // namespace
}  // namespace orchestrator::routing
