#include "orchestrator/routing/migration_runner.h"

#include <atomic>
#include <memory>
#include <set>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "orchestrator/routing/migrations.h"
#include "provider/http/server.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using provider::http::ServerRequest;
using provider::http::ServerResponse;
using site::RoutingMode;
using site::SiteId;
using store::Migration;
using store::MigrationStep;
using store::Phase;
using store::SiteRecord;
using tests::Eventually;
using tests::MakeRecord;
using tests::MakeSite;
using State = store::Migration::State;
using StepState = store::MigrationStep::State;

ServerResponse ErrorPage(int status) {
  ServerResponse response;
  response.status = status;
  return response;
}

// Sites 1 to `count` in label mode, a Traefik that answers with a status, and a runner. What is
// wanted of sites comes true when the test says so.
class Fixture {
 public:
  explicit Fixture(int count)
      : traefik_(
            [this](const ServerRequest&) {
              ServerResponse response;
              response.status = status;
              return response;
            },
            ErrorPage, {}) {
    const auto port = traefik_.Start({"127.0.0.1", 0, {}}).value();
    pools = std::make_unique<provider::Pools>(std::vector<provider::ConfiguredInstance>{
        {"edge", "http://127.0.0.1:" + std::to_string(port)}});
    Poll();
    std::vector<SiteRecord> records;
    for (int id = 1; id <= count; ++id) {
      records.push_back(MakeRecord(MakeSite(id), Phase::kLabels));
      records.back().followed = RoutingMode::kLabels;
    }
    store.Put(std::move(records));
  }
  ~Fixture() {
    runner.reset();
    traefik_.Stop();
  }

  void Poll() {
    pools->Default().instances.RecordPollBegin("edge", "127.0.0.1");
    pools->Default().instances.RecordProbe("edge", 1);
  }

  void Start() {
    runner = std::make_unique<MigrationRunner>(
        *store, *pools, client_,
        MigrationRunnerOptions{.routes = tests::MakeRouteOptions(),
                               .unapplied = [](const SiteRecord&) { return std::string(); },
                               .waiting_for = [](SiteId) { return "a Traefik"; },
                               .patience = patience,
                               .watch = 300ms,
                               .drop_grace = 50ms,
                               .stale_after = 50ms});
  }

  std::uint64_t Order(const MigrationOrder& order) {
    return StartMigration(*store, tests::MakeRouteOptions(), order).value().id;
  }

  // Brings all sites, but for those that are stuck, to where they are wanted.
  void Settle() {
    const auto list =
        store->List({.after = {}, .limit = 1000, .kind = {}, .phase = {}, .host = {}}).value();
    const auto written = store->Write([&](store::Transaction& transaction) -> Result<void> {
      for (const SiteRecord& listed : list) {
        if (stuck.contains(listed.site.id.value)) continue;
        SiteRecord record = transaction.Find(listed.site.id).value().value();
        record.phase =
            WantedMode(record) == RoutingMode::kLabels ? Phase::kLabels : Phase::kProvider;
        if (auto put = transaction.Put({&record, 1}); !put) return put;
      }
      return {};
    });
    REQUIRE(written.has_value());
  }

  Migration Find(std::uint64_t id) { return FindMigration(*store, id).value(); }
  // Settles until it is in that state.
  bool Reaches(std::uint64_t id, State state) {
    return Eventually([&] {
      Settle();
      return Find(id).state == state;
    });
  }
  bool Becomes(std::uint64_t id, State state) {
    return Eventually([&] { return Find(id).state == state; });
  }
  StepState StateOf(std::uint64_t id, std::int64_t site) {
    const auto steps = store->StepsOf(id).value();
    for (const MigrationStep& step : steps) {
      if (step.site.value == site) return step.state;
    }
    throw std::out_of_range("no such step");
  }
  std::size_t Count(std::uint64_t id, StepState state) {
    return store->CountSteps(id).value().Count(state);
  }
  std::size_t In(Phase phase) {
    return store->Count().value().by_phase[static_cast<std::size_t>(phase)];
  }

  tests::TestStore store;
  std::unique_ptr<provider::Pools> pools;
  std::atomic<int> status = 200;
  std::set<std::int64_t> stuck;
  std::chrono::milliseconds patience = 10s;
  std::unique_ptr<MigrationRunner> runner;

 private:
  provider::http::Client client_;
  provider::http::Server traefik_;
};

TEST_CASE("A migration moves batch after batch, and ends") {
  Fixture fixture(9);
  fixture.Start();
  const auto id = fixture.Order({.batch = 3, .canary = 2});
  REQUIRE(Eventually([&] { return fixture.Count(id, StepState::kStarted) == 2; }));
  CHECK(fixture.Count(id, StepState::kPlanned) == 7);
  CHECK(WantedMode(*fixture.store.Find(3)) == RoutingMode::kLabels);
  REQUIRE(fixture.Reaches(id, State::kFinished));
  CHECK(fixture.Count(id, StepState::kMoved) == 9);
  CHECK(fixture.In(Phase::kProvider) == 9);
  CHECK(fixture.Find(id).ended > 0);
}

TEST_CASE("A migration without a site to move ends at once") {
  Fixture fixture(2);
  fixture.Start();
  const auto id = fixture.Order({.to = RoutingMode::kLabels});
  CHECK(fixture.Becomes(id, State::kFinished));
  CHECK(fixture.Find(id).there == 2);
}

TEST_CASE("Sites that come to the old side meanwhile are moved, too") {
  Fixture fixture(1);
  const auto id = fixture.Order({});
  SiteRecord late = MakeRecord(MakeSite(7), Phase::kLabels);
  late.followed = RoutingMode::kLabels;
  fixture.store.Put({late});
  fixture.Start();
  REQUIRE(fixture.Reaches(id, State::kFinished));
  CHECK(fixture.StateOf(id, 7) == StepState::kMoved);
}

TEST_CASE("A site that goes, or is sent elsewhere by its owner, holds up nobody") {
  Fixture fixture(4);
  fixture.Start();
  const auto id = fixture.Order({.canary = 0});
  REQUIRE(Eventually([&] { return fixture.Count(id, StepState::kStarted) == 4; }));
  SiteRecord removed = *fixture.store.Find(1);
  removed.removing = true;
  SiteRecord own = *fixture.store.Find(2);
  own.site.routing.mode = RoutingMode::kLabels;
  SiteRecord changed = *fixture.store.Find(3);
  changed.site.hosts = MakeSite(33).hosts;
  fixture.store.Put({removed, own, changed});
  REQUIRE(fixture.Reaches(id, State::kFinished));
  CHECK(fixture.StateOf(id, 1) == StepState::kSkipped);
  CHECK(fixture.StateOf(id, 2) == StepState::kSkipped);
  CHECK(fixture.StateOf(id, 3) == StepState::kMoved);
  CHECK(fixture.store.Find(3)->site.hosts == MakeSite(33).hosts);
}

TEST_CASE("A pause begins no batch, and what is under way is finished") {
  Fixture fixture(6);
  fixture.Start();
  const auto id = fixture.Order({.batch = 2, .canary = 0});
  REQUIRE(Eventually([&] { return fixture.Count(id, StepState::kStarted) == 2; }));
  REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kPause));
  fixture.Settle();
  REQUIRE(Eventually([&] { return fixture.Count(id, StepState::kMoved) == 2; }));
  SECTION("until it is resumed") {
    CHECK(fixture.Count(id, StepState::kPlanned) == 4);
    REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kResume));
    REQUIRE(fixture.Reaches(id, State::kFinished));
    CHECK(fixture.Count(id, StepState::kMoved) == 6);
  }
  SECTION("or aborted, which leaves sites where they are, and new ones where they were") {
    REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kAbort));
    REQUIRE(fixture.Reaches(id, State::kAborted));
    CHECK(fixture.Count(id, StepState::kPlanned) == 4);
    CHECK(fixture.In(Phase::kLabels) == 4);
    CHECK(DefaultMode(*fixture.store) == RoutingMode::kProvider);  // the setting never was labels
  }
  SECTION("or rolled back, which moves only what was moved") {
    REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kRollBack));
    REQUIRE(fixture.Reaches(id, State::kRolledBack));
    CHECK(fixture.Count(id, StepState::kReturned) == 2);
    CHECK(fixture.In(Phase::kLabels) == 6);
  }
}

TEST_CASE("A migration is paused while a Traefik is away, and goes on when it is back") {
  Fixture fixture(3);
  fixture.pools->Default().instances.RecordProbeFailure("edge", "it does not answer");
  fixture.Start();
  const auto id = fixture.Order({.pool = "default"});
  REQUIRE(fixture.Becomes(id, State::kPaused));
  CHECK_THAT(fixture.Find(id).reason, ContainsSubstring("edge: it does not answer"));
  CHECK(fixture.Find(id).resumes_itself);
  CHECK(fixture.Count(id, StepState::kPlanned) == 3);
  SECTION("by itself") {
    fixture.Poll();
    CHECK(fixture.Reaches(id, State::kFinished));
  }
  SECTION("but not when a user has paused it as well") {
    REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kPause));
    fixture.Poll();
    const auto other = fixture.Order({.pool = "other"});  // which the runner sees after that
    CHECK(fixture.Becomes(other, State::kFinished));
    CHECK(fixture.Find(id).state == State::kPaused);
    REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kResume));
    CHECK(fixture.Reaches(id, State::kFinished));
  }
}

TEST_CASE("A first batch that does not come over sends everything back") {
  Fixture fixture(6);
  fixture.patience = 300ms;
  fixture.stuck = {1};
  fixture.Start();
  const auto id = fixture.Order({.canary = 2});
  REQUIRE(fixture.Reaches(id, State::kRolledBack));
  CHECK_THAT(fixture.Find(id).reason, ContainsSubstring("site 1 does not come over: a Traefik"));
  CHECK(fixture.In(Phase::kLabels) == 6);
  CHECK(fixture.Count(id, StepState::kPlanned) == 4);
}

TEST_CASE("A later batch that does not come over waits for somebody to look") {
  Fixture fixture(6);
  fixture.patience = 500ms;
  fixture.stuck = {4};
  fixture.Start();
  const auto id = fixture.Order({.canary = 2});
  REQUIRE(fixture.Reaches(id, State::kPaused));
  CHECK_FALSE(fixture.Find(id).resumes_itself);
  CHECK_THAT(fixture.Find(id).reason, ContainsSubstring("site 4 does not come over: a Traefik"));
  CHECK(fixture.Count(id, StepState::kMoved) == 5);
  fixture.stuck.clear();
  fixture.Settle();
  REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kResume));
  CHECK(fixture.Reaches(id, State::kFinished));
}

TEST_CASE("Whoever lets a migration go on gives its batch its time again") {
  Fixture fixture(4);
  fixture.patience = 600ms;
  fixture.stuck = {1};
  fixture.Start();
  const auto id = fixture.Order({.canary = 0});
  REQUIRE(fixture.Reaches(id, State::kPaused));
  REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kResume));
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(fixture.Reaches(id, State::kPaused));
  CHECK(std::chrono::steady_clock::now() - begin > 500ms);
}

TEST_CASE("A site that does not get back holds up no others") {
  Fixture fixture(6);
  fixture.Start();
  const auto id = fixture.Order({.batch = 3, .canary = 0});
  REQUIRE(fixture.Reaches(id, State::kFinished));
  fixture.runner.reset();
  fixture.patience = 300ms;
  fixture.stuck = {5};
  REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kRollBack));
  fixture.Start();
  REQUIRE(fixture.Reaches(id, State::kRolledBack));
  CHECK(fixture.Count(id, StepState::kReturned) == 5);
  CHECK(fixture.StateOf(id, 5) == StepState::kSkipped);
  CHECK(WantedMode(*fixture.store.Find(5)) == RoutingMode::kLabels);  // it goes on
}

TEST_CASE("A site that does not come over does not hold up an end") {
  Fixture fixture(4);
  fixture.patience = 600ms;
  fixture.Start();
  const auto id = fixture.Order({.batch = 2, .canary = 0});
  REQUIRE(Eventually([&] { return fixture.Count(id, StepState::kStarted) == 2; }));
  REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kAbort));
  CHECK(fixture.Becomes(id, State::kAborted));
  CHECK(fixture.StateOf(id, 1) == StepState::kSkipped);
  CHECK(fixture.StateOf(id, 3) == StepState::kPlanned);
}

TEST_CASE("A site that its owner has changed since the plan is planned again") {
  Fixture fixture(3);
  const auto id = fixture.Order({.to = RoutingMode::kProvider, .pool = "default"});
  SiteRecord elsewhere = *fixture.store.Find(1);
  elsewhere.site.routing.pool = "other";
  SiteRecord own = *fixture.store.Find(2);
  own.site.routing.mode = RoutingMode::kLabels;
  fixture.store.Put({elsewhere, own});
  fixture.Start();
  REQUIRE(fixture.Reaches(id, State::kFinished));
  CHECK(fixture.StateOf(id, 1) == StepState::kSkipped);
  CHECK(fixture.StateOf(id, 2) == StepState::kSkipped);
  CHECK(fixture.StateOf(id, 3) == StepState::kMoved);
}

TEST_CASE("A first batch is not blamed for what its owner has changed") {
  Fixture fixture(4);
  fixture.Start();
  const auto id = fixture.Order({.canary = 1});
  REQUIRE(Eventually([&] { return fixture.Count(id, StepState::kStarted) == 1; }));
  fixture.status = 404;
  fixture.store.Put({*fixture.store.Find(1)});  // with another revision
  CHECK(fixture.Reaches(id, State::kFinished));
}

TEST_CASE("A first batch that is answered worse afterwards sends everything back") {
  Fixture fixture(6);
  fixture.Start();
  const auto id = fixture.Order({.canary = 2});
  REQUIRE(Eventually([&] { return fixture.Count(id, StepState::kStarted) == 2; }));
  fixture.status = 502;
  REQUIRE(fixture.Reaches(id, State::kRolledBack));
  CHECK_THAT(fixture.Find(id).reason, ContainsSubstring("status 200 before, now with 502"));
  CHECK(fixture.In(Phase::kLabels) == 6);
}

TEST_CASE("A migration that was begun is taken up again, wherever it was") {
  Fixture fixture(5);
  fixture.Start();
  const auto id = fixture.Order({.batch = 2, .canary = 0});
  REQUIRE(Eventually([&] { return fixture.Count(id, StepState::kStarted) == 2; }));
  fixture.runner.reset();
  fixture.Settle();
  SECTION("forward") {
    fixture.Start();
    CHECK(fixture.Reaches(id, State::kFinished));
    CHECK(fixture.In(Phase::kProvider) == 5);
  }
  SECTION("back") {
    REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kRollBack));
    fixture.Start();
    REQUIRE(Eventually([&] { return fixture.Count(id, StepState::kReturning) == 2; }));
    fixture.runner.reset();
    fixture.Start();
    CHECK(fixture.Reaches(id, State::kRolledBack));
    CHECK(fixture.In(Phase::kLabels) == 5);
  }
}

TEST_CASE("What has ended can be sent back later, with what sites chose themselves") {
  Fixture fixture(3);
  SiteRecord own = *fixture.store.Find(1);
  own.site.routing.mode = RoutingMode::kLabels;
  fixture.store.Put({own});
  fixture.Start();
  const auto id = fixture.Order({.sites = {{SiteId{1}, SiteId{2}}}});
  REQUIRE(fixture.Reaches(id, State::kFinished));
  CHECK(fixture.store.Find(1)->site.routing.mode == RoutingMode::kProvider);
  CHECK(fixture.store.Find(1)->revision > own.revision);
  CHECK(fixture.store.Find(2)->site.routing.mode == RoutingMode::kDefault);
  CHECK(fixture.store.Find(3)->phase == Phase::kLabels);
  REQUIRE(CommandMigration(*fixture.store, id, MigrationCommand::kRollBack));
  REQUIRE(fixture.Reaches(id, State::kRolledBack));
  CHECK(fixture.store.Find(1)->site.routing.mode == RoutingMode::kLabels);
  CHECK(fixture.store.Find(2)->followed == RoutingMode::kLabels);
  CHECK(fixture.In(Phase::kLabels) == 3);
}

}  // namespace
}  // namespace orchestrator::routing
