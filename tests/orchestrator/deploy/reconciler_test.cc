#include "orchestrator/deploy/reconciler.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/deploy/reconciler_fixture.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using store::SiteRecord;
using tests::Eventually;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;
using Fixture = ReconcilerFixture;

TEST_CASE("Where a site's tasks are is no change of its service") {
  Fixture fixture;
  fixture.Start();
  SiteRecord record = MakeRecord(MakeSite(1));
  const auto revision = fixture.store.Put({record});
  REQUIRE(fixture.AppliedEventually(1, revision));
  record = *fixture.store.Find(1);
  record.task_addresses = {"10.0.1.7"};
  REQUIRE(fixture.store->Write([&](store::Transaction& t) { return t.Put({&record, 1}); }));
  const auto calls = fixture.engine.counts();
  // What comes behind it has been looked at, so it has, too.
  REQUIRE(fixture.AppliedEventually(2, fixture.store.Put({MakeRecord(MakeSite(2))})));
  CHECK(fixture.engine.counts().updates == calls.updates);
  CHECK(fixture.engine.counts().creates == calls.creates + 1);
  CHECK(fixture.engine.counts().finds <= calls.finds + 1);
}

TEST_CASE("While the engine is away sites wait, and are deployed when it is back") {
  Fixture fixture;
  fixture.engine.SetAway(true);
  const auto revision = fixture.store.Put({MakeRecord(MakeSite(1))});
  fixture.Start();
  CHECK(Eventually([&] { return fixture.reconciler->EngineProblem() == "the engine is away"; }));
  const auto second = fixture.store.Put({MakeRecord(MakeSite(2))});
  CHECK(Eventually([&] { return !fixture.reconciler->StatusOf({2}).problem.empty(); }));
  fixture.engine.SetAway(false);
  CHECK(fixture.AppliedEventually(1, revision));
  CHECK(fixture.AppliedEventually(2, second));
  CHECK(fixture.reconciler->EngineProblem().empty());
}

TEST_CASE("An engine that is no manager is a problem with its reason") {
  Fixture fixture;
  fixture.engine.SetSwarmManager(false);
  fixture.store.Put({MakeRecord(MakeSite(1))});
  fixture.Start();
  CHECK(Eventually([&] { return fixture.reconciler->EngineProblem() == "in no swarm"; }));
  CHECK(fixture.engine.counts().creates == 0);
}

TEST_CASE("Without an engine only external sites can be taken care of") {
  Fixture fixture(/*with_engine=*/false);
  const auto revision = fixture.store.Put({MakeRecord(MakeExternal(1)), MakeRecord(MakeSite(2))});
  fixture.Start();
  CHECK(fixture.AppliedEventually(1, revision));
  CHECK(Eventually([&] {
    return fixture.reconciler->StatusOf({2}).problem.contains("no Docker engine is configured");
  }));
  SiteRecord removing = *fixture.store.Find(1);
  removing.removing = true;
  fixture.store.Put({removing});
  CHECK(Eventually([&] { return !fixture.store.Find(1).has_value(); }));
}

TEST_CASE("A folder that is a link stops the deployment with a reason") {
  Fixture fixture;
  std::filesystem::create_directories(fixture.folder.path() / "sites" / "00" / "01");
  std::filesystem::create_directory_symlink(
      "/etc", fixture.folder.path() / "sites" / "00" / "01" / "public");
  fixture.store.Put({MakeRecord(MakeSite(1))});
  fixture.Start();
  CHECK(Eventually(
      [&] { return fixture.reconciler->StatusOf({1}).problem.contains("may not be a link"); }));
  CHECK(fixture.engine.counts().creates == 0);
}

TEST_CASE("A new site gets its folder and its service") {
  Fixture fixture;
  fixture.Start();
  const auto revision = fixture.store.Put({MakeRecord(MakeSite(1))});
  REQUIRE(fixture.AppliedEventually(1, revision));
  CHECK(std::filesystem::is_directory(fixture.folder.path() / "sites" / "00" / "01" / "public"));
  const auto service = fixture.engine.Get("site_0001");
  REQUIRE(service.has_value());
  CHECK(service->spec.task.image == "dynamic:1");
  CHECK(service->spec.task.networks == std::vector<std::string>{"network-net"});
  CHECK(service->spec.labels.at("orchestrator.site") == "1");
  CHECK(service->spec.labels.at("routes") == std::to_string(revision));
  CHECK(service->spec.labels.size() == 3);
  REQUIRE(fixture.ComparesAgain(3));
  CHECK(fixture.engine.counts().creates == 1);
  CHECK(fixture.engine.counts().updates == 0);
}

TEST_CASE("A change of labels alone keeps the task template") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  const auto before = fixture.engine.Get("site_0001");
  const auto revision = fixture.store.Put({MakeRecord(MakeSite(1, {"new.example"}))});
  REQUIRE(fixture.AppliedEventually(1, revision));
  const auto after = fixture.engine.Get("site_0001");
  CHECK(after->spec.task == before->spec.task);
  CHECK(after->spec.labels.at("routes") == std::to_string(revision));
  CHECK(fixture.engine.counts().updates == 1);
}

TEST_CASE("An update that meets another one is tried again") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.SetRaces(3);
  SiteRecord record = *fixture.store.Find(1);
  record.site.image = "dynamic:2";
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  CHECK(fixture.engine.Get("site_0001")->spec.task.image == "dynamic:2");
  CHECK(fixture.engine.counts().updates == 1);
}

TEST_CASE("Folders that a task misses are made again, for as long as no task runs") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  const auto folder = fixture.folder.path() / "sites" / "00" / "01" / "public";
  docker::Task lost;
  lost.service_id = fixture.engine.Get("site_0001")->id;
  lost.state = "rejected";
  lost.error = "invalid mount config: bind source path does not exist: /x";
  docker::Task running = lost;
  running.state = "running";
  running.error.clear();
  fixture.engine.SetTasks({lost, running});
  std::filesystem::remove_all(folder);
  REQUIRE(fixture.ComparesAgain(5));
  CHECK_FALSE(exists(folder));
  fixture.engine.SetTasks({lost});
  CHECK(Eventually([&] { return exists(folder); }));
}

TEST_CASE("Watching many sites costs one list of services and one of tasks a period") {
  Fixture fixture;
  fixture.Start();
  std::vector<SiteRecord> records;
  for (int id = 1; id <= 50; ++id) records.push_back(MakeRecord(MakeSite(id)));
  const auto revision = fixture.store.Put(records);
  for (int id = 1; id <= 50; ++id) REQUIRE(fixture.AppliedEventually(id, revision));
  // A comparison that began before may still have sites looked at.
  REQUIRE(fixture.ComparesAgain(2));
  REQUIRE(Eventually([&] { return fixture.reconciler->unfinished() == 0; }));
  const auto before = fixture.engine.counts();
  REQUIRE(fixture.ComparesAgain(5));
  const auto after = fixture.engine.counts();
  CHECK(after.task_lists - before.task_lists <= after.lists - before.lists + 1);
  CHECK(after.finds == before.finds);
}

// A site whose service the reconciler has looked at since its last change.
class RememberedSite : public Fixture {
 public:
  RememberedSite() {
    resync_period = 1h;
    Start();
    REQUIRE(AppliedEventually(1, store.Put({MakeRecord(MakeSite(1))})));
    engine.Announce("create", "site_0001");  // that of our own creation
    // One look after the other: when the second begins, the first is done.
    for (int looks = 1; looks <= 2; ++looks) {
      engine.Announce("update", "site_0001");
      REQUIRE(Eventually([&] { return engine.counts().lists_by_id == looks; }));
    }
    REQUIRE(Eventually([&] { return reconciler->unfinished() == 0; }));
  }

  bool ChangesTo(const std::string& image) {
    SiteRecord record = *store.Find(1);
    record.site.image = image;
    return AppliedEventually(1, store.Put({record})) &&
           engine.Get("site_0001")->spec.task.image == image;
  }
};

TEST_CASE("A new site and a change cost the engine one call each, without a look before") {
  RememberedSite site;
  CHECK(site.engine.counts().creates == 1);
  CHECK(site.ChangesTo("dynamic:2"));
  CHECK(site.engine.counts().updates == 1);
  CHECK(site.engine.counts().finds == 0);
}

TEST_CASE(
    "A change by somebody else since the last look is seen, and kept as far as it is theirs") {
  RememberedSite site;
  site.engine.Change("site_0001", [](docker::Service& service) {
    service.spec.labels["team"] = "a";
    service.spec.replicas = 7;
  });
  CHECK(site.ChangesTo("dynamic:2"));
  CHECK(site.engine.counts().finds == 1);
  CHECK(site.engine.Get("site_0001")->spec.labels.at("team") == "a");
  CHECK(site.engine.Get("site_0001")->spec.replicas == 1);
}

TEST_CASE("A new deployment forgets how often the one before crashed") {
  Fixture fixture;
  fixture.Start();
  SiteRecord record = MakeRecord(MakeSite(1));
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  const auto own = fixture.folder.path() / "sites" / "00" / "01" / ".orchestrator";
  std::filesystem::create_directories(own);
  std::ofstream(own / "crashes") << 7;
  record.site.hosts = MakeSite(9).hosts;
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  CHECK(std::filesystem::exists(own / "crashes"));
  ++record.restarts;
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  CHECK_FALSE(std::filesystem::exists(own / "crashes"));
}

TEST_CASE("A service that was removed since the last look is made again, and that is said") {
  RememberedSite site;
  site.engine.Drop("site_0001");
  CHECK(site.ChangesTo("dynamic:2"));
  CHECK(site.engine.counts().creates == 2);
  CHECK(site.reconciler->Fleet().drifts == 1);
}

TEST_CASE("An external site that needs no service is as wanted after a restart, too") {
  Fixture fixture;
  const auto revision = fixture.store.Put({MakeRecord(MakeExternal(1))});
  fixture.Start();
  CHECK(fixture.AppliedEventually(1, revision));
}

}  // namespace
}  // namespace orchestrator::deploy
