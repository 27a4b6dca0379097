#include <atomic>
#include <filesystem>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "orchestrator/deploy/adoption.h"
#include "orchestrator/deploy/reconciler.h"
#include "orchestrator/deploy/site_directory.h"
#include "tests/orchestrator/deploy/reconciler_fixture.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using store::Phase;
using store::SiteRecord;
using tests::Eventually;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;
using Fixture = ReconcilerFixture;

TEST_CASE("A service that is there before its site is changed, not made twice") {
  Fixture fixture;
  fixture.resync_period = 1h;
  fixture.Start();
  fixture.engine.Change("site_0001", [](docker::Service& service) {
    service.spec.name = "site_0001";
    service.spec.labels = {{"orchestrator.site", "1"}, {"team", "a"}};
  });
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  CHECK(fixture.engine.counts().creates == 0);
  CHECK(fixture.engine.Get("site_0001")->spec.labels.at("team") == "a");
  CHECK(fixture.engine.Get("site_0001")->spec.task.image == "dynamic:1");
}

TEST_CASE("A service that was taken over keeps its tasks until its site changes") {
  Fixture fixture;
  fixture.Start();
  SiteRecord record = MakeRecord(MakeSite(1));
  record.takes_over = true;
  record.adopted_task = AdoptionKey(record);
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

// Somebody else's service, with the name of site 1's.
docker::ServiceSpec Foreign() {
  docker::ServiceSpec spec;
  spec.name = "site_0001";
  spec.task.image = "theirs:1";
  spec.labels = {{"old", "1"}};
  return spec;
}

TEST_CASE("A service of others that has the name of a site's is neither changed nor removed") {
  Fixture fixture;
  REQUIRE(fixture.engine.CreateService(Foreign(), {}));
  fixture.Start();
  REQUIRE(Eventually([&] { return fixture.reconciler->IsNameOfOthers({1}); }));
  SECTION("a site that needs a service has a problem, and says how to mend it") {
    fixture.store.Put({MakeRecord(MakeSite(1))});
    REQUIRE(Eventually(
        [&] { return fixture.reconciler->StatusOf({1}).problem.contains("import swarm"); }));
    REQUIRE(fixture.ComparesAgain(3));
    CHECK_FALSE(fixture.reconciler->StatusOf({1}).applied.has_value());
  }
  SECTION("an external site needs none") {
    REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeExternal(1))})));
    REQUIRE(fixture.ComparesAgain(3));
  }
  SECTION("a site that is removed leaves it there") {
    SiteRecord record = MakeRecord(MakeSite(1));
    record.removing = true;
    fixture.store.Put({record});
    REQUIRE(Eventually([&] { return !fixture.store.Find(1); }));
  }
  CHECK(fixture.engine.Get("site_0001")->spec == Foreign());
  CHECK(fixture.engine.counts().updates == 0);
  CHECK(fixture.engine.counts().removes == 0);
}

TEST_CASE("A service whose labels somebody took away is still ours") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.Change("site_0001", [](docker::Service& service) {
    service.spec.labels.erase("orchestrator.site");
  });
  CHECK(Eventually(
      [&] { return fixture.engine.Get("site_0001")->spec.labels.contains("orchestrator.site"); }));
}

TEST_CASE("What belongs to a site's tasks makes its adoption another, and its routes do not") {
  SiteRecord record = MakeRecord(MakeSite(1));
  const std::string key = AdoptionKey(record);
  SECTION("routes") {
    record.site.hosts.clear();
    record.site.routing.sticky = true;
    record.site.served = false;
    record.site.resources.max_request_body.count += 1;
    CHECK(AdoptionKey(record) == key);
  }
  SECTION("the environment") {
    record.site.environment["A"] = "1";
    CHECK(AdoptionKey(record) != key);
  }
  SECTION("a restart") {
    record.restarts = 1;
    CHECK(AdoptionKey(record) != key);
  }
  SECTION("a built image") {
    record.built_image = "sha256:1";
    CHECK(AdoptionKey(record) != key);
  }
}

docker::Task TaskIn(const std::string& state) {
  docker::Task task;
  task.state = state;
  task.desired_state = "shutdown";
  task.updated_at = "2200-01-01T00:00:00Z";
  return task;
}

TEST_CASE("A web server follows only when nothing of the site's own runs any more") {
  Fixture fixture;
  std::atomic<bool> has_terminals = true;
  fixture.end_terminals = [&](site::SiteId, const std::stop_token&) -> Result<bool> {
    return !has_terminals;
  };
  fixture.Start();
  SiteRecord record = MakeRecord(MakeSite(1));
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  fixture.engine.SetTasks({TaskIn("running")});
  const auto service = [&] { return fixture.engine.Get("site_0001")->spec; };

  record.site.kind = site::Kind::kStatic;
  const auto revision = fixture.store.Put({record});
  REQUIRE(fixture.ComparesAgain(5));
  CHECK(service().replicas == 1);  // a terminal is open
  has_terminals = false;
  REQUIRE(Eventually([&] { return service().replicas == 0; }));
  REQUIRE(fixture.ComparesAgain(5));
  CHECK(service().task.image == "dynamic:1");  // a task is yet to end
  const std::filesystem::path folder = SitePath(fixture.service_options().sites_directory, {1});
  SECTION("with the folder that is there then") {
    fixture.engine.SetTasks({TaskIn("shutdown")});
    REQUIRE(fixture.AppliedEventually(1, revision));
    CHECK(service().task.image == "static:1");
    CHECK(service().replicas == 1);
  }
  SECTION("and not with a link that the last one has left") {
    std::filesystem::remove(folder / "public");
    std::filesystem::create_directory_symlink("/etc", folder / "public");
    fixture.engine.SetTasks({TaskIn("shutdown")});
    REQUIRE(Eventually(
        [&] { return fixture.reconciler->StatusOf({1}).problem.contains("may not be a link"); }));
    CHECK(service().task.image == "dynamic:1");
    CHECK(service().replicas == 0);
  }
}

TEST_CASE("A web server waits for the tasks of a service that was just removed, too") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.SetTasks({TaskIn("running")});
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeExternal(1))})));
  REQUIRE_FALSE(fixture.engine.Get("site_0001"));
  SiteRecord record = MakeRecord(MakeSite(1));
  record.site.kind = site::Kind::kStatic;
  const auto revision = fixture.store.Put({record});
  REQUIRE(fixture.ComparesAgain(5));
  CHECK_FALSE(fixture.engine.Get("site_0001"));
  fixture.engine.SetTasks({});
  CHECK(fixture.AppliedEventually(1, revision));
}

}  // namespace
}  // namespace orchestrator::deploy
