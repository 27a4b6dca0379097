#include "orchestrator/deploy/reconciler.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/orchestrator/deploy/fake_engine.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using store::Phase;
using store::SiteRecord;
using tests::Eventually;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;

// A reconciler on a fake swarm. Its hooks label each service with the record's routes_revision.
class Fixture {
 public:
  explicit Fixture(bool with_engine = true) : with_engine_(with_engine) {}

  ServiceOptions service_options() const {
    return {folder.path() / "sites", "dynamic:1", "static:1", "vip", "UTC"};
  }

  void Start() {
    RoutingHooks hooks;
    hooks.labels = [](const SiteRecord& record) {
      return docker::Labels{{"routes", std::to_string(record.routes_revision)}};
    };
    hooks.owns_label = [](std::string_view key, site::SiteId) {
      return key == "routes" || key == "old";
    };
    hooks.is_unused = [this](const SiteRecord&, bool loses) {
      return unused && (loses_tasks || !loses);
    };
    ReconcilerOptions options;
    options.service = service_options();
    options.network = {"net"};
    options.workers = 2;
    options.drift = drift;
    options.resync_period = resync_period;
    options.engine_retry = 20ms;
    options.back_off = {.first = 5ms, .longest = 20ms, .jitter = 0.2};
    reconciler = std::make_unique<Reconciler>(*store, with_engine_ ? &engine : nullptr,
                                              std::move(hooks), std::move(options));
  }

  bool AppliedEventually(std::int64_t id, store::Revision revision) {
    return Eventually([&] {
      const ReconcileStatus status = reconciler->StatusOf({id});
      return status.applied && status.applied->revision >= revision && status.problem.empty();
    });
  }

  // Waits until everything was compared so many times more.
  bool ComparesAgain(int times) {
    const int before = engine.counts().lists;
    return Eventually([&] { return engine.counts().lists >= before + times; });
  }

  tests::TemporaryDirectory folder;
  tests::TestStore store;
  tests::FakeEngine engine;
  std::atomic<bool> unused = true;
  std::atomic<bool> loses_tasks = true;  // the same of tasks to which no label leads any more
  DriftPolicy drift = DriftPolicy::kRepair;
  std::chrono::milliseconds resync_period{20};
  std::unique_ptr<Reconciler> reconciler;

 private:
  const bool with_engine_;
};

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

TEST_CASE("Labels and container labels of others stay, ours that are not wanted go") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.Change("site_0001", [](docker::Service& service) {
    service.spec.labels["team"] = "a";
    service.spec.labels["old"] = "b";
    service.spec.task.container_labels["theirs"] = "c";
    service.spec.task.container_labels["orchestrator.old"] = "d";
    service.spec.replicas = 5;
  });
  CHECK(Eventually([&] {
    const auto spec = fixture.engine.Get("site_0001")->spec;
    return spec.replicas == 1 && !spec.labels.contains("old") && spec.labels.contains("team") &&
           spec.task.container_labels == docker::Labels{{"theirs", "c"}};
  }));
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

TEST_CASE("A service that somebody removes is made again") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.Drop("site_0001");
  CHECK(Eventually([&] { return fixture.engine.Get("site_0001").has_value(); }));
}

TEST_CASE("What others do to a service is left alone where that is wanted, and said") {
  Fixture fixture;
  fixture.drift = DriftPolicy::kReport;
  fixture.Start();
  SiteRecord record = MakeRecord(MakeSite(1));
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  SECTION("changed") {
    fixture.engine.Change("site_0001",
                          [](docker::Service& service) { service.spec.task.user = "1000"; });
    CHECK(Eventually([&] { return fixture.reconciler->StatusOf({1}).drift.contains("user"); }));
    REQUIRE(fixture.ComparesAgain(3));
    CHECK(fixture.engine.Get("site_0001")->spec.task.user == "1000");
    CHECK(fixture.reconciler->Fleet().drifts == 1);
  }
  SECTION("removed") {
    fixture.engine.Drop("site_0001");
    CHECK(Eventually([&] { return fixture.reconciler->StatusOf({1}).drift.contains("removed"); }));
    REQUIRE(fixture.ComparesAgain(3));
    CHECK_FALSE(fixture.engine.Get("site_0001").has_value());
  }
  // What its user wants next goes before.
  record.site.image = "next:1";
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  CHECK(Eventually([&] {
    const auto service = fixture.engine.Get("site_0001");
    return service && service->spec.task.image == "next:1" && service->spec.task.user == "root";
  }));
  CHECK(Eventually([&] { return fixture.reconciler->StatusOf({1}).drift.empty(); }));
}

TEST_CASE("A change is seen when the engine tells of it, long before the next comparison") {
  Fixture fixture;
  fixture.resync_period = 1h;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  // The first event is that of our own creation.
  fixture.engine.Announce("create", "site_0001");
  fixture.engine.Announce("create", "somebody-elses");
  fixture.engine.Drop("site_0001");
  fixture.engine.Announce("remove", "site_0001");
  CHECK(Eventually([&] { return fixture.engine.Get("site_0001").has_value(); }));
  CHECK(fixture.engine.counts().lists == 1);
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
    REQUIRE(reconciler->unfinished() == 0);
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

TEST_CASE("A service that was removed since the last look is made again, and that is said") {
  RememberedSite site;
  site.engine.Drop("site_0001");
  CHECK(site.ChangesTo("dynamic:2"));
  CHECK(site.engine.counts().creates == 2);
  CHECK(site.reconciler->Fleet().drifts == 1);
}

TEST_CASE("A service that is there before its site is changed, not made twice") {
  Fixture fixture;
  fixture.resync_period = 1h;
  fixture.Start();
  fixture.engine.Change("site_0001", [](docker::Service& service) {
    service.spec.name = "site_0001";
    service.spec.labels["team"] = "a";
  });
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  CHECK(fixture.engine.counts().creates == 0);
  CHECK(fixture.engine.Get("site_0001")->spec.labels.at("team") == "a");
  CHECK(fixture.engine.Get("site_0001")->spec.task.image == "dynamic:1");
}

TEST_CASE("Mounts of others stay, ours that are not wanted go") {
  Fixture fixture;
  fixture.Start();
  SiteRecord record = MakeRecord(MakeSite(1));
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  fixture.engine.Change("site_0001", [](docker::Service& service) {
    docker::Mount mount;
    mount.type = docker::Mount::Type::kOther;
    mount.target = "/data";
    mount.raw = R"({"Type":"volume","Source":"v","Target":"/data"})";
    service.spec.task.mounts.insert(service.spec.task.mounts.begin(), mount);
  });
  record.site.kind = site::Kind::kStatic;
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  std::vector<std::string> targets;
  const auto service = fixture.engine.Get("site_0001");
  for (const auto& mount : service->spec.task.mounts) {
    targets.push_back(mount.target);
  }
  CHECK(targets == std::vector<std::string>{"/usr/share/nginx/html", "/tmp", "/run", "/data"});
}

TEST_CASE("A service that was taken over keeps its tasks until its site changes") {
  Fixture fixture;
  fixture.Start();
  SiteRecord record = MakeRecord(MakeSite(1));
  record.adopted_task =
      Fingerprint(WantedService(record, fixture.service_options(), "network-net").task);
  docker::ServiceSpec foreign;
  foreign.name = "site_0001";
  foreign.task.image = "theirs:1";
  foreign.endpoint_mode = "dnsrr";
  foreign.labels = {{"old", "1"}, {"theirs", "2"}};
  REQUIRE(fixture.engine.CreateService(foreign, {}));
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  auto service = fixture.engine.Get("site_0001");
  CHECK(service->spec.task == foreign.task);
  CHECK(service->spec.endpoint_mode == "dnsrr");
  CHECK(service->spec.labels.at("theirs") == "2");
  CHECK(service->spec.labels.at("orchestrator.site") == "1");
  CHECK_FALSE(service->spec.labels.contains("old"));

  record.site.environment["A"] = "1";
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  CHECK(fixture.engine.Get("site_0001")->spec.task.image == "dynamic:1");
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

TEST_CASE("What the swarm rolled back is not tried again after a restart of this program") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.SetRollsBack(true);
  SiteRecord record = *fixture.store.Find(1);
  record.site.image = "broken:1";
  fixture.store.Put({record});
  REQUIRE(Eventually([&] { return fixture.reconciler->StatusOf({1}).rolled_back; }));
  fixture.reconciler.reset();
  const int updates = fixture.engine.counts().updates;
  fixture.Start();
  REQUIRE(Eventually([&] { return fixture.reconciler->StatusOf({1}).rolled_back; }));
  REQUIRE(fixture.ComparesAgain(3));
  CHECK(fixture.engine.Get("site_0001")->spec.task.image == "dynamic:1");
  CHECK(fixture.engine.counts().updates <= updates + 1);  // labels may have been in it, too
}

TEST_CASE(
    "What is ordered again is tried each time, also where the doings of others are left alone") {
  Fixture fixture;
  fixture.drift = DriftPolicy::kReport;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.SetRollsBack(true);
  SiteRecord record = *fixture.store.Find(1);
  record.site.image = "broken:1";
  for (int order = 1; order <= 5; ++order) {
    INFO(order);
    fixture.store.Put({record});
    REQUIRE(Eventually([&] { return fixture.engine.counts().new_tasks == order; }));
    REQUIRE(Eventually([&] { return !fixture.store.Find(1)->refused_task.empty(); }));
    REQUIRE(Eventually([&] { return fixture.reconciler->StatusOf({1}).rolled_back; }));
  }
  CHECK(fixture.reconciler->Fleet().drifts == 0);
}

TEST_CASE("What the swarm rolled back is not tried for ever, and a new wish is") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.SetRollsBack(true);
  SiteRecord record = *fixture.store.Find(1);
  record.site.image = "broken:1";
  fixture.store.Put({record});
  REQUIRE(Eventually([&] { return fixture.reconciler->StatusOf({1}).rolled_back; }));
  // The labels that were rolled back with the task are sent again, by which the engine forgets that
  // there was a rollback: this program does not.
  REQUIRE(Eventually([&] { return fixture.engine.counts().updates == 2; }));
  for (int look = 0; look < 5; ++look) {
    CHECK(fixture.reconciler->StatusOf({1}).rolled_back);
    REQUIRE(fixture.ComparesAgain(1));
  }
  CHECK(fixture.engine.counts().new_tasks == 1);
  CHECK(fixture.engine.counts().updates == 2);
  CHECK(fixture.engine.Get("site_0001")->spec.task.image == "dynamic:1");

  // The same wish once more: without what was remembered of the first.
  fixture.store.Put({record});
  REQUIRE(Eventually([&] { return fixture.engine.counts().new_tasks == 2; }));
  REQUIRE(Eventually([&] { return !fixture.store.Find(1)->refused_task.empty(); }));
  fixture.engine.SetRollsBack(false);
  record.site.image = "good:1";
  const auto revision = fixture.store.Put({record});
  REQUIRE(fixture.AppliedEventually(1, revision));
  CHECK(fixture.engine.Get("site_0001")->spec.task.image == "good:1");
  CHECK(Eventually([&] { return !fixture.reconciler->StatusOf({1}).rolled_back; }));
}

TEST_CASE("An engine that rewrites templates does not make the site restart for ever") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.SetRewrites(true);
  SiteRecord record = *fixture.store.Find(1);
  record.site.image = "other:1";
  fixture.store.Put({record});
  REQUIRE(Eventually([&] {
    return fixture.reconciler->StatusOf({1}).problem.contains("different task template");
  }));
  const int updates = fixture.engine.counts().updates;
  CHECK(updates == 3);
  REQUIRE(fixture.ComparesAgain(5));
  CHECK(fixture.engine.counts().updates == updates);

  // Labels still follow, and a new wish is tried again.
  const std::string routes = std::to_string(fixture.store.Put({record}));
  CHECK(Eventually(
      [&] { return fixture.engine.Get("site_0001")->spec.labels.at("routes") == routes; }));
  fixture.engine.SetRewrites(false);
  record.site.image = "third:1";
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  CHECK(fixture.engine.Get("site_0001")->spec.task.image == "third:1");
}

TEST_CASE("A removed site's service stays until nobody uses it, then the record goes too") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.unused = false;
  SiteRecord removing = *fixture.store.Find(1);
  removing.removing = true;
  fixture.store.Put({removing});
  REQUIRE(fixture.ComparesAgain(5));
  CHECK(fixture.engine.Get("site_0001").has_value());
  CHECK(fixture.store.Find(1).has_value());

  fixture.unused = true;
  CHECK(Eventually([&] { return !fixture.store.Find(1).has_value(); }));
  CHECK_FALSE(fixture.engine.Get("site_0001").has_value());
  CHECK(Eventually([&] { return !fixture.reconciler->StatusOf({1}).applied; }));
  CHECK(std::filesystem::exists(fixture.folder.path() / "sites" / "00" / "01"));
}

TEST_CASE("An external site has a service only for its labels, without tasks or a folder") {
  Fixture fixture;
  fixture.Start();
  SiteRecord record = MakeRecord(MakeExternal(1), Phase::kLabels);
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  const auto carrier = fixture.engine.Get("site_0001");
  REQUIRE(carrier.has_value());
  CHECK(carrier->spec.replicas == 0);
  CHECK(carrier->spec.endpoint_mode == "vip");
  CHECK(carrier->spec.labels.contains("routes"));
  CHECK_FALSE(std::filesystem::exists(fixture.folder.path() / "sites" / "00" / "01"));

  record.phase = Phase::kProvider;
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  CHECK(Eventually([&] { return !fixture.engine.Get("site_0001"); }));
  record.phase = Phase::kLabels;
  record.site.served = false;
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  CHECK_FALSE(fixture.engine.Get("site_0001"));
}

TEST_CASE("Tasks of a site that becomes external stay until the document is everywhere") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.unused = false;
  const auto revision = fixture.store.Put({MakeRecord(MakeExternal(1), Phase::kToLabels)});
  REQUIRE(fixture.ComparesAgain(5));
  CHECK(fixture.engine.Get("site_0001")->spec.replicas == 1);
  CHECK(fixture.engine.Get("site_0001")->spec.labels.at("routes") != std::to_string(revision));
  // Then they stay for as long as Traefiks may go by the labels before.
  fixture.unused = true;
  fixture.loses_tasks = false;
  CHECK(Eventually([&] {
    return fixture.engine.Get("site_0001")->spec.labels.at("routes") == std::to_string(revision);
  }));
  REQUIRE(fixture.ComparesAgain(5));
  CHECK(fixture.engine.Get("site_0001")->spec.replicas == 1);
  fixture.loses_tasks = true;
  REQUIRE(fixture.AppliedEventually(1, revision));
  CHECK(fixture.engine.Get("site_0001")->spec.replicas == 0);
}

TEST_CASE("A site that becomes external loses its service and keeps its record") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeExternal(1))})));
  CHECK(Eventually([&] { return !fixture.engine.Get("site_0001"); }));
  CHECK(fixture.store.Find(1).has_value());
}

}  // namespace
}  // namespace orchestrator::deploy
