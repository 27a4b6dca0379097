#include "orchestrator/routing/migrations.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::routing {
namespace {

using Catch::Matchers::ContainsSubstring;
using site::RoutingMode;
using site::SiteId;
using store::Migration;
using store::Phase;
using store::SiteRecord;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;
using State = store::Migration::State;

Result<Migration> Start(tests::TestStore& store, const MigrationOrder& order) {
  return StartMigration(*store, tests::MakeRouteOptions(), order);
}

void End(tests::TestStore& store, Migration migration, State state = State::kFinished) {
  REQUIRE(store->Write([&](store::Transaction& transaction) {
    EndMigration(migration, state);
    return transaction.PutMigration(migration);
  }));
}

TEST_CASE("An order with one bad site changes nothing") {
  struct Case {
    const char* sentence;
    SiteId id;
    ErrorKind kind;
  };
  const Case cases[] = {
      {"should refuse an unknown site", {9}, ErrorKind::kNotFound},
      {"should refuse a site that is being removed", {3}, ErrorKind::kNotFound},
      {"should refuse labels for what they cannot say", {2}, ErrorKind::kInvalid},
  };
  tests::TestStore store;
  SiteRecord removing = MakeRecord(MakeSite(3));
  removing.removing = true;
  SiteRecord several = MakeRecord(MakeExternal(2));
  several.site.upstreams.push_back("http://10.0.0.2:8080");
  store.Put({MakeRecord(MakeSite(1)), several, removing});
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto started = Start(store, {.to = RoutingMode::kLabels, .sites = {{SiteId{1}, c.id}}});
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().kind == c.kind);
    CHECK(started.error().fields.at(0).pointer == "/sites/1");
    CHECK(store->Migrations()->empty());
    CHECK(store->commits().last() == 1);
  }
}

TEST_CASE("An order for all sites makes the mode that of new sites, and moves none by itself") {
  tests::TestStore store;
  SiteRecord own = MakeRecord(MakeSite(2));
  own.site.routing.mode = RoutingMode::kProvider;
  store.Put({MakeRecord(MakeSite(1)), own});
  CHECK(DefaultMode(*store) == RoutingMode::kProvider);
  const auto started = Start(store, {.to = RoutingMode::kLabels});
  REQUIRE(started.has_value());
  CHECK(started->id == 2);
  CHECK(started->created > 0);
  CHECK(started->default_before == RoutingMode::kProvider);
  CHECK(DefaultMode(*store) == RoutingMode::kLabels);
  CHECK(WantedMode(*store.Find(1)) == RoutingMode::kProvider);
  // Should it choose no longer, it does as the system.
  CHECK(store.Find(2)->followed == RoutingMode::kLabels);
  CHECK(WantedMode(*store.Find(2)) == RoutingMode::kProvider);
  const auto steps = store->StepsOf(2).value();
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].state == store::MigrationStep::State::kPlanned);
  CHECK(steps[1].state == store::MigrationStep::State::kSkipped);
  CHECK_THAT(steps[1].note, ContainsSubstring("routing.mode"));
}

TEST_CASE("What sites would follow that are bound to their side is what the system does") {
  tests::TestStore store;
  SiteRecord bound = MakeRecord(MakeSite(1));
  bound.site.routing.extra = R"j({"http": {"services": {"w": {"weighted": {"services": []}}}}})j";
  store.Put({bound, MakeRecord(MakeExternal(2)), MakeRecord(MakeSite(3))});
  tests::SetDefaultMode(*store, "labels");
  const Migration migration = Start(store, {}).value();
  CHECK(store.Find(1)->followed == RoutingMode::kProvider);
  CHECK(store.Find(2)->followed == RoutingMode::kLabels);  // by a step, too
  CHECK(store.Find(3)->followed == RoutingMode::kLabels);  // it is moved by a step
  // Nothing of it is done by an order about some sites.
  End(store, migration);
  REQUIRE(Start(store, {.to = RoutingMode::kLabels, .pool = "default"}));
  CHECK(store.Find(1)->followed == RoutingMode::kProvider);
}

TEST_CASE("Sites are divided into a small first batch and equal ones") {
  struct Case {
    const char* sentence;
    int sites;
    MigrationOrder order;
    std::vector<std::size_t> sizes;
  };
  const Case cases[] = {
      {"should have a small batch first", 12, {.batch = 4, .canary = 2}, {2, 4, 4, 2}},
      {"should have none where all are few", 2, {.batch = 4, .canary = 2}, {2}},
      {"should have none where none is wanted", 5, {.batch = 3, .canary = 0}, {3, 2}},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    tests::TestStore store;
    std::vector<SiteRecord> records;
    for (int id = 1; id <= c.sites; ++id) {
      records.push_back(MakeRecord(MakeSite(id), Phase::kLabels));
    }
    store.Put(std::move(records));
    tests::SetDefaultMode(*store, "labels");
    const auto started = Start(store, c.order);
    REQUIRE(started.has_value());
    std::vector<std::size_t> sizes;
    const auto steps = store->StepsOf(started->id).value();
    for (const store::MigrationStep& step : steps) {
      sizes.resize(std::max(sizes.size(), step.batch + 1));
      ++sizes[step.batch];
    }
    CHECK(sizes == c.sizes);
    const auto counts = store->CountSteps(started->id).value();
    CHECK(counts.batches == c.sizes.size());
    CHECK(counts.batches_begun == 0);
    CHECK(counts.under_way.empty());
  }
}

TEST_CASE("One migration at a time goes on in a pool") {
  tests::TestStore store;
  SiteRecord other = MakeRecord(MakeSite(2));
  other.site.routing.pool = "other";
  store.Put({MakeRecord(MakeSite(1)), other});
  const auto first = Start(store, {.to = RoutingMode::kLabels, .sites = {{SiteId{1}}}});
  REQUIRE(first.has_value());
  CHECK(first->pool == "default");
  for (const MigrationOrder& order :
       {MigrationOrder{}, MigrationOrder{.sites = {{SiteId{1}}}},
        MigrationOrder{.sites = {{SiteId{1}, SiteId{2}}}}, MigrationOrder{.pool = "default"}}) {
    const auto refused = Start(store, order);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == ErrorKind::kConflict);
    CHECK_THAT(refused.error().message, ContainsSubstring("migrations abort 2"));
  }
  CHECK(DefaultMode(*store) == RoutingMode::kProvider);
  CHECK(Start(store, {.to = RoutingMode::kLabels, .sites = {{SiteId{2}}}}).has_value());
  End(store, *first);
  CHECK(Start(store, {.sites = {{SiteId{1}}}}).has_value());
}

TEST_CASE("Commands are obeyed in the states that they are for") {
  struct Case {
    const char* sentence;
    State before;
    MigrationCommand command;
    std::optional<State> after;
  };
  using enum MigrationCommand;
  const Case cases[] = {
      {"should pause one that runs", State::kRunning, kPause, State::kPaused},
      {"should pause one for good that paused by itself", State::kPaused, kPause, State::kPaused},
      {"should not pause one that has ended", State::kFinished, kPause, {}},
      {"should resume a paused one", State::kPaused, kResume, State::kRunning},
      {"should not resume one that runs", State::kRunning, kResume, {}},
      {"should abort one that runs", State::kRunning, kAbort, State::kAborting},
      {"should abort a paused one", State::kPaused, kAbort, State::kAborting},
      {"should not abort one that goes back", State::kRollingBack, kAbort, {}},
      {"should roll back one that runs", State::kRunning, kRollBack, State::kRollingBack},
      {"should roll back one that is aborted", State::kAborted, kRollBack, State::kRollingBack},
      {"should roll back one that has ended", State::kFinished, kRollBack, State::kRollingBack},
      {"should not roll back twice", State::kRolledBack, kRollBack, {}},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    tests::TestStore store;
    Migration migration = Start(store, {.to = RoutingMode::kLabels}).value();
    migration.state = c.before;
    migration.reason = "because";
    migration.resumes_itself = c.before == State::kPaused;
    REQUIRE(store->Write(
        [&](store::Transaction& transaction) { return transaction.PutMigration(migration); }));
    const auto commanded = CommandMigration(*store, migration.id, c.command);
    CHECK(commanded.has_value() == c.after.has_value());
    const Migration now = FindMigration(*store, migration.id).value();
    if (c.after) {
      CHECK(now.state == *c.after);
      CHECK(now.reason.empty());
      CHECK_FALSE(now.resumes_itself);
      CHECK(now.ended == 0);
    } else {
      CHECK(commanded.error().kind == ErrorKind::kConflict);
      CHECK(now == migration);
    }
  }
  tests::TestStore store;
  CHECK(CommandMigration(*store, 7, kPause).error().kind == ErrorKind::kNotFound);
}

TEST_CASE("What goes back gives new sites their mode back, unless somebody has ordered otherwise") {
  tests::TestStore store;
  Migration first = Start(store, {.to = RoutingMode::kLabels}).value();
  SECTION("at once") {
    REQUIRE(CommandMigration(*store, first.id, MigrationCommand::kRollBack));
    CHECK(DefaultMode(*store) == RoutingMode::kProvider);
  }
  SECTION("the last one first") {
    End(store, first);
    Migration second = Start(store, {.to = RoutingMode::kProvider}).value();
    End(store, second);
    const auto refused = CommandMigration(*store, first.id, MigrationCommand::kRollBack);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == ErrorKind::kConflict);
    CHECK_THAT(refused.error().message,
               ContainsSubstring("migration " + std::to_string(second.id) + " came after it"));
    CHECK(DefaultMode(*store) == RoutingMode::kProvider);
    second = CommandMigration(*store, second.id, MigrationCommand::kRollBack).value();
    CHECK(DefaultMode(*store) == RoutingMode::kLabels);
    End(store, second, State::kRolledBack);
    REQUIRE(CommandMigration(*store, first.id, MigrationCommand::kRollBack));
    CHECK(DefaultMode(*store) == RoutingMode::kProvider);
  }
}

TEST_CASE("The last hundred migrations that have ended are kept, with their steps") {
  tests::TestStore store;
  store.Put({MakeRecord(MakeSite(1))});
  const Migration live = Start(store, {.to = RoutingMode::kLabels, .sites = {{SiteId{1}}}}).value();
  for (int i = 0; i < 105; ++i) {
    End(store, Start(store, {.pool = "other"}).value());
  }
  auto list = store->Migrations().value();
  CHECK(list.size() == 101);
  CHECK(list.front().id > list[1].id);
  CHECK(list.back() == live);  // it goes on
  CHECK(store->StepsOf(live.id)->size() == 1);
  End(store, live);
  CHECK(store->Migrations()->size() == 100);
  CHECK(store->StepsOf(live.id)->empty());
}

}  // namespace
}  // namespace orchestrator::routing
