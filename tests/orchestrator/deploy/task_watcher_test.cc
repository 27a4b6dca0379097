#include "orchestrator/deploy/task_watcher.h"

#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "orchestrator/deploy/service_spec.h"
#include "tests/orchestrator/deploy/fake_engine.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using store::Phase;
using store::Revision;
using store::SiteRecord;
using tests::Eventually;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;

using Addresses = std::vector<std::string>;

docker::Task MakeTask(std::int64_t site, const std::string& address,
                      const std::string& state = "running") {
  docker::Task task;
  task.id = "task-" + address;
  task.service_id = "id-" + site::ServiceName({site});
  task.state = state;
  task.desired_state = "running";
  task.addresses = {{"ingress", "10.255.0.9"}, {"net", address}};
  return task;
}

// A watcher on a fake swarm with the services of sites 1 to 3.
class Fixture {
 public:
  Fixture() {
    for (std::int64_t id = 1; id <= 3; ++id) {
      docker::ServiceSpec spec;
      spec.name = site::ServiceName({id});
      spec.labels = {{std::string(kSiteLabel), std::to_string(id)}};
      engine.CreateService(spec, {}).value();
    }
  }

  void Start() {
    watcher = std::make_unique<TaskWatcher>(*store, engine,
                                            TaskWatcherOptions{.network = "net", .period = 10ms});
  }
  bool Has(std::int64_t id, const std::optional<Addresses>& addresses) {
    return Eventually([&] { return store.Find(id)->task_addresses == addresses; });
  }
  Revision document(const std::string& pool = "default") { return *store->DocumentRevision(pool); }
  // Waits until so many more lists were made.
  bool Lists(int more) {
    const auto before = engine.counts().task_lists;
    return Eventually([&] { return engine.counts().task_lists >= before + more; });
  }

  tests::TestStore store;
  tests::FakeEngine engine;
  std::unique_ptr<TaskWatcher> watcher;
};

TEST_CASE("A task's address is known while it runs and is to run") {
  Fixture fixture;
  fixture.store.Put({MakeRecord(MakeSite(1))});
  fixture.engine.SetTasks({MakeTask(1, "10.0.1.8"), MakeTask(1, "10.0.1.7")});
  fixture.Start();
  REQUIRE(fixture.Has(1, Addresses{"10.0.1.7", "10.0.1.8"}));
  const Revision before = fixture.document();

  SECTION("one that is to end is gone while it still runs") {
    docker::Task ending = MakeTask(1, "10.0.1.7");
    ending.desired_state = "shutdown";
    fixture.engine.SetTasks({ending, MakeTask(1, "10.0.1.8")});
    CHECK(fixture.Has(1, Addresses{"10.0.1.8"}));
    CHECK(fixture.document() > before);
  }
  SECTION("one that does not run yet, or has no address here, is not there") {
    docker::Task elsewhere = MakeTask(1, "10.0.1.5");
    elsewhere.addresses.erase("net");
    fixture.engine.SetTasks(
        {MakeTask(1, "10.0.1.7"), MakeTask(1, "10.0.1.9", "starting"), elsewhere});
    CHECK(fixture.Has(1, Addresses{"10.0.1.7"}));
  }
  SECTION("a site without a running task has none") {
    fixture.engine.SetTasks({});
    CHECK(fixture.Has(1, Addresses{}));
  }
  SECTION("the order in which the engine tells of them is no change") {
    fixture.engine.SetTasks({MakeTask(1, "10.0.1.7"), MakeTask(1, "10.0.1.8")});
    REQUIRE(fixture.Lists(3));
    CHECK(fixture.document() == before);
  }
  SECTION("while the engine is away, everything stays") {
    fixture.engine.SetAway(true);
    fixture.engine.SetTasks({});
    REQUIRE(fixture.Lists(3));
    CHECK(fixture.store.Find(1)->task_addresses == Addresses{"10.0.1.7", "10.0.1.8"});
    fixture.engine.SetAway(false);
    CHECK(fixture.Has(1, Addresses{}));
  }
  SECTION("what is stored from a process before is brought up to date") {
    fixture.watcher.reset();
    fixture.engine.SetTasks({});
    fixture.Start();
    CHECK(fixture.Has(1, Addresses{}));
  }
}

TEST_CASE("Only what has to change is written, and only the documents that have it change") {
  Fixture fixture;
  SiteRecord other = MakeRecord(MakeSite(2));
  other.site.routing.pool = "other";
  const Revision first =
      fixture.store.Put({MakeRecord(MakeSite(1)), other, MakeRecord(MakeSite(3), Phase::kLabels)});
  fixture.engine.SetTasks({MakeTask(2, "10.0.1.2"), MakeTask(3, "10.0.1.3")});
  fixture.Start();
  REQUIRE(fixture.Has(2, Addresses{"10.0.1.2"}));
  REQUIRE(fixture.Has(3, Addresses{"10.0.1.3"}));
  CHECK(fixture.document("other") == first + 1);
  CHECK(fixture.document() == first);
  CHECK(fixture.store.Find(2)->routes_revision == first);
  CHECK(fixture.store.Find(2)->revision == first);
  REQUIRE(fixture.Lists(3));
  CHECK(fixture.store->commits().last() == first + 1);
}

TEST_CASE("Sites whose services are not known from a list keep what they have") {
  Fixture fixture;
  fixture.store.Put(
      {MakeRecord(MakeSite(1)), MakeRecord(MakeExternal(2)), MakeRecord(MakeSite(9))});
  fixture.engine.SetTasks({MakeTask(2, "10.0.1.2"), MakeTask(77, "10.0.1.77")});
  fixture.Start();
  REQUIRE(fixture.Lists(3));
  CHECK(fixture.store.Find(1)->task_addresses == std::nullopt);
  CHECK(fixture.store.Find(2)->task_addresses == std::nullopt);
  CHECK(fixture.store.Find(9)->task_addresses == std::nullopt);
  fixture.engine.SetTasks({MakeTask(1, "10.0.1.1")});
  CHECK(fixture.Has(1, Addresses{"10.0.1.1"}));
}

TEST_CASE("A list is all that is asked for, however many sites there are") {
  Fixture fixture;
  fixture.store.Put({MakeRecord(MakeSite(1)), MakeRecord(MakeSite(2)), MakeRecord(MakeSite(3))});
  fixture.engine.SetTasks(
      {MakeTask(1, "10.0.1.1"), MakeTask(2, "10.0.1.2"), MakeTask(3, "10.0.1.3")});
  fixture.Start();
  REQUIRE(fixture.Has(3, Addresses{"10.0.1.3"}));
  const auto before = fixture.engine.counts();
  REQUIRE(fixture.Lists(5));
  const auto after = fixture.engine.counts();
  CHECK(after.lists_by_id == before.lists_by_id);
  CHECK(after.lists == before.lists);
  CHECK(after.finds == before.finds);
}

TEST_CASE("What was known is forgotten when tasks begin or cease to be followed") {
  tests::TestStore store;
  REQUIRE(PrepareTaskAddresses(*store, false));
  CHECK(store->commits().last() == 0);
  SiteRecord record = MakeRecord(MakeSite(1));
  record.task_addresses = {"10.0.1.7"};
  store.Put({record});
  REQUIRE(PrepareTaskAddresses(*store, true));
  CHECK(store.Find(1)->task_addresses == std::nullopt);
  store.Put({record});
  REQUIRE(PrepareTaskAddresses(*store, true));
  CHECK(store.Find(1)->task_addresses == Addresses{"10.0.1.7"});
  REQUIRE(PrepareTaskAddresses(*store, false));
  CHECK(store.Find(1)->task_addresses == std::nullopt);
}

}  // namespace
}  // namespace orchestrator::deploy
