#include "orchestrator/routing/migrations.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::routing {
namespace {

using site::RoutingMode;
using site::SiteId;
using store::Phase;
using store::SiteRecord;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;

TEST_CASE("An order with one bad site changes nothing") {
  struct Case {
    const char* sentence;
    SiteId id;
    ErrorKind kind;
  };
  const Case cases[] = {
      {"should refuse an unknown site", {9}, ErrorKind::kNotFound},
      {"should refuse a site that is being removed", {3}, ErrorKind::kNotFound},
      {"should refuse labels for an external site", {2}, ErrorKind::kInvalid},
  };
  tests::TestStore store;
  SiteRecord removing = MakeRecord(MakeSite(3));
  removing.removing = true;
  store.Put({MakeRecord(MakeSite(1)), MakeRecord(MakeExternal(2)), removing});
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto started = StartMigration(*store, RoutingMode::kLabels, {{SiteId{1}, c.id}});
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().kind == c.kind);
    CHECK(started.error().fields.at(0).pointer == "/sites/1");
    CHECK(store.Find(1)->site.routing.mode == RoutingMode::kDefault);
    CHECK(ListMigrations(*store)->empty());
    CHECK(store->commits().last() == 1);
  }
}

TEST_CASE("An order for all sites makes the mode the system's default") {
  tests::TestStore store;
  const auto started = StartMigration(*store, RoutingMode::kLabels, {});
  REQUIRE(started.has_value());
  CHECK(started->id == 1);
  CHECK(started->created > 0);
  CHECK(DefaultMode(*store) == RoutingMode::kLabels);
}

TEST_CASE("An order for some sites makes the mode their own") {
  tests::TestStore store;
  store.Put({MakeRecord(MakeSite(1)), MakeRecord(MakeSite(2))});
  REQUIRE(StartMigration(*store, RoutingMode::kLabels, {{SiteId{2}}}));
  CHECK(store.Find(1)->site.routing.mode == RoutingMode::kDefault);
  CHECK(store.Find(2)->site.routing.mode == RoutingMode::kLabels);
  CHECK(store.Find(2)->revision == 2);
  CHECK(DefaultMode(*store) == RoutingMode::kProvider);
}

TEST_CASE("The last hundred orders are kept, the newest first") {
  tests::TestStore store;
  store.Put({MakeRecord(MakeSite(1))});
  REQUIRE(StartMigration(*store, RoutingMode::kProvider, {{SiteId{1}}}));
  for (int i = 0; i < 99; ++i) REQUIRE(StartMigration(*store, RoutingMode::kLabels, {}));
  auto list = ListMigrations(*store).value();
  REQUIRE(list.size() == 100);
  CHECK(list.front().id == 101);
  CHECK(list.front().to == RoutingMode::kLabels);
  CHECK_FALSE(list.front().sites.has_value());
  CHECK(list.back().id == 2);
  CHECK(list.back().to == RoutingMode::kProvider);
  CHECK(list.back().sites == std::vector{SiteId{1}});

  REQUIRE(StartMigration(*store, RoutingMode::kLabels, {}));
  list = ListMigrations(*store).value();
  CHECK(list.size() == 100);
  CHECK(list.back().id == 3);
}

TEST_CASE("The progress of an order follows the sites' phases") {
  tests::TestStore store;
  SiteRecord stays = MakeRecord(MakeSite(4), Phase::kProvider);
  stays.site.routing.mode = RoutingMode::kProvider;
  store.Put({MakeRecord(MakeSite(1), Phase::kLabels), MakeRecord(MakeSite(2), Phase::kToLabels),
             MakeRecord(MakeSite(3), Phase::kProvider), stays, MakeRecord(MakeExternal(5))});
  const auto all = StartMigration(*store, RoutingMode::kLabels, {});
  REQUIRE(all.has_value());
  auto progress = ProgressOf(*store, *all).value();
  CHECK(progress.sites == 4);
  CHECK(progress.moved == 1);
  CHECK(progress.moving == 2);
  CHECK(progress.overridden == 1);
  CHECK(progress.unfinished == std::vector{SiteId{2}, SiteId{3}});
  CHECK_FALSE(progress.finished());

  // A later order the other way overrides the first.
  REQUIRE(StartMigration(*store, RoutingMode::kProvider, {}));
  progress = ProgressOf(*store, *all).value();
  CHECK(progress.overridden == 4);
  CHECK(progress.finished());
}

TEST_CASE("An order for chosen sites is about them alone") {
  tests::TestStore store;
  store.Put({MakeRecord(MakeSite(1), Phase::kProvider), MakeRecord(MakeSite(2), Phase::kLabels)});
  const auto order = StartMigration(*store, RoutingMode::kProvider, {{SiteId{1}}});
  REQUIRE(order.has_value());
  const auto progress = ProgressOf(*store, *order).value();
  CHECK(progress.sites == 1);
  CHECK(progress.moved == 1);
  CHECK(progress.finished());
}

TEST_CASE("Stored orders that cannot be read are an error, not a crash") {
  tests::TestStore store;
  REQUIRE(store->Write([](store::Transaction& transaction) {
    return transaction.SetSetting("migrations", R"([{"id": "x"}])");
  }));
  CHECK(ListMigrations(*store).error().kind == ErrorKind::kStorage);
  CHECK(StartMigration(*store, RoutingMode::kLabels, {}).error().kind == ErrorKind::kStorage);
  CHECK(DefaultMode(*store) == RoutingMode::kProvider);
}

}  // namespace
}  // namespace orchestrator::routing
