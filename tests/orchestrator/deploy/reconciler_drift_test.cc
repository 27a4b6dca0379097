#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "orchestrator/deploy/reconciler.h"
#include "tests/orchestrator/deploy/reconciler_fixture.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using store::SiteRecord;
using tests::Eventually;
using tests::MakeRecord;
using tests::MakeSite;
using Fixture = ReconcilerFixture;

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

TEST_CASE("What others undo themselves is said no more, and is drift when they do it again") {
  Fixture fixture;
  fixture.drift = DriftPolicy::kReport;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  const auto set_replicas = [&](std::uint64_t count) {
    fixture.engine.Change("site_0001",
                          [&](docker::Service& service) { service.spec.replicas = count; });
  };
  const auto drift = [&] { return fixture.reconciler->StatusOf({1}).drift; };
  for (std::uint64_t time = 1; time <= 2; ++time) {
    INFO(time);
    set_replicas(0);
    CHECK(Eventually([&] { return drift().contains("replicas"); }));
    set_replicas(1);
    CHECK(Eventually([&] { return drift().empty(); }));
    CHECK(fixture.reconciler->Fleet().drifts == time);
  }
}

TEST_CASE("What others change while this program is down is left alone where that is wanted") {
  Fixture fixture;
  fixture.drift = DriftPolicy::kReport;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.reconciler.reset();
  fixture.engine.Change("site_0001", [](docker::Service& service) {
    service.spec.task.user = "1000";
    service.spec.labels["old"] = "theirs";
  });
  fixture.Start();
  const auto drift = [&] { return fixture.reconciler->StatusOf({1}).drift; };
  CHECK(Eventually([&] { return drift().contains("user"); }));
  REQUIRE(fixture.ComparesAgain(3));
  CHECK_THAT(drift(), ContainsSubstring("user") && ContainsSubstring("label old"));
  CHECK(fixture.engine.counts().updates == 0);
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

TEST_CASE("Mounts in another order, as Docker's command line leaves them, are no change") {
  Fixture fixture;
  fixture.Start();
  SiteRecord record = MakeRecord(MakeSite(1));
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  fixture.engine.Change("site_0001", [](docker::Service& service) {
    auto& mounts = service.spec.task.mounts;
    std::reverse(mounts.begin(), mounts.end());
  });
  const auto mounts = fixture.engine.Get("site_0001")->spec.task.mounts;
  REQUIRE(fixture.ComparesAgain(3));
  CHECK(fixture.reconciler->StatusOf({1}).drift.empty());
  CHECK(fixture.engine.counts().updates == 0);
  record.site.environment["A"] = "1";
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
  CHECK(fixture.engine.Get("site_0001")->spec.task.mounts == mounts);
}

TEST_CASE("Arguments that somebody gives a site's command are seen and taken back") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.Change(
      "site_0001", [](docker::Service& service) { service.spec.task.arguments = {"sleep", "1d"}; });
  CHECK(Eventually([&] { return fixture.engine.Get("site_0001")->spec.task.arguments.empty(); }));
  CHECK_THAT(fixture.reconciler->StatusOf({1}).drift, ContainsSubstring("arguments"));
}

TEST_CASE("What is left as others made it stays so when the site's labels become others") {
  Fixture fixture;
  fixture.drift = DriftPolicy::kReport;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  fixture.engine.Change("site_0001",
                        [](docker::Service& service) { service.spec.task.user = "1000"; });
  REQUIRE(Eventually([&] { return fixture.reconciler->StatusOf({1}).drift.contains("user"); }));
  SiteRecord record = *fixture.store.Find(1);
  record.routes_revision += 100;  // as when the default mode is switched
  REQUIRE(fixture.store->Write([&](store::Transaction& t) { return t.Put({&record, 1}); }));
  CHECK(Eventually([&] {
    return fixture.engine.Get("site_0001")->spec.labels.at("routes") ==
           std::to_string(record.routes_revision);
  }));
  REQUIRE(fixture.ComparesAgain(3));
  CHECK(fixture.engine.Get("site_0001")->spec.task.user == "1000");
  CHECK(fixture.engine.counts().new_tasks == 0);
  CHECK(fixture.reconciler->StatusOf({1}).drift.contains("user"));
}

}  // namespace
}  // namespace orchestrator::deploy
