#include <chrono>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <fmt/chrono.h>

#include "orchestrator/deploy/entry_script.h"
#include "orchestrator/deploy/reconciler.h"
#include "tests/orchestrator/deploy/reconciler_fixture.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using store::SiteRecord;
using tests::Eventually;
using tests::MakeRecord;
using tests::MakeSite;
using Fixture = ReconcilerFixture;

// Site 1 runs, and the swarm has taken back what was ordered next: the record of that.
SiteRecord TakeBack(Fixture& fixture, const std::optional<std::string>& run = {}) {
  fixture.Start();
  site::Site site = MakeSite(1);
  site.run = run;
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(site)})));
  fixture.engine.SetRollsBack(true);
  SiteRecord record = *fixture.store.Find(1);
  record.site.image = "broken:1";
  if (run) record.site.run = "broken";
  fixture.store.Put({record});
  REQUIRE(Eventually([&] { return fixture.reconciler->StatusOf({1}).rolled_back; }));
  return record;
}

TEST_CASE("A deployment that the swarm goes back to finds its run file, older ones are removed") {
  Fixture fixture;
  SiteRecord record = TakeBack(fixture, "good");
  const auto folder = fixture.folder.path() / "sites" / "00" / "01" / ".orchestrator";
  const auto has = [&](std::string_view text) { return exists(folder / RunFileName(text)); };
  CHECK(RunFileOf(fixture.engine.Get("site_0001")->spec.task.command) == RunFileName("good"));
  CHECK(has("good"));

  fixture.engine.SetRollsBack(false);
  for (const char* text : {"second", "third"}) {
    record.site.run = text;
    REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
    REQUIRE(Eventually([&] {
      return RunFileOf(fixture.engine.Get("site_0001")->spec.task.command) == RunFileName(text);
    }));
  }
  CHECK(has("third"));
  CHECK(has("second"));
  CHECK(Eventually([&] { return !has("good"); }));
  CHECK_FALSE(has("broken"));
}

TEST_CASE("What the swarm rolled back is not tried again after a restart of this program") {
  Fixture fixture;
  SiteRecord record = TakeBack(fixture);
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
  SiteRecord record = TakeBack(fixture);
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

TEST_CASE(
    "A deployment that was taken back and is ordered again over a restart is nobody's doing") {
  Fixture fixture;
  fixture.drift = DriftPolicy::kReport;
  SiteRecord record = TakeBack(fixture);
  fixture.reconciler.reset();
  fixture.engine.SetRollsBack(false);  // what was missing is there now
  record = *fixture.store.Find(1);
  record.refused_task.clear();
  const auto revision = fixture.store.Put({record});
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, revision));
  CHECK(fixture.engine.Get("site_0001")->spec.task.image == "broken:1");
  CHECK(fixture.reconciler->StatusOf({1}).drift.empty());
}

std::string Ago(std::chrono::seconds time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::time(nullptr) - time.count()));
}

TEST_CASE("Labels wait while the swarm replaces tasks, which any update would end") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({MakeRecord(MakeSite(1))})));
  const auto updating = [&](std::chrono::seconds since) {
    fixture.engine.Change("site_0001", [&](docker::Service& service) {
      service.update_state = "updating";
      service.update_started_at = Ago(since);
    });
  };
  SECTION("until it is over") {
    updating(1s);
    const auto revision = fixture.store.Put({MakeRecord(MakeSite(1, {"new.example"}))});
    REQUIRE(Eventually([&] { return fixture.reconciler->StatusOf({1}).settling == revision; }));
    CHECK(fixture.reconciler->WaitApplied({1}, revision, std::chrono::steady_clock::now(), {})
              .empty());
    REQUIRE(fixture.ComparesAgain(3));
    CHECK(fixture.engine.counts().updates == 0);
    fixture.engine.Change("site_0001",
                          [](docker::Service& service) { service.update_state = "completed"; });
    REQUIRE(fixture.AppliedEventually(1, revision));
    CHECK(fixture.engine.counts().updates == 1);
  }
  SECTION("but not for one that does not get on") {
    updating(1h);
    REQUIRE(fixture.AppliedEventually(
        1, fixture.store.Put({MakeRecord(MakeSite(1, {"new.example"}))})));
  }
  SECTION("and not where the tasks are to be others again") {
    updating(1s);
    SiteRecord record = MakeRecord(MakeSite(1));
    record.site.image = "next:1";
    REQUIRE(fixture.AppliedEventually(1, fixture.store.Put({record})));
    CHECK(fixture.engine.Get("site_0001")->spec.task.image == "next:1");
  }
}

}  // namespace
}  // namespace orchestrator::deploy
