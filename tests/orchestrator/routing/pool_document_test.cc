#include "orchestrator/routing/pool_document.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "orchestrator/store/sqlite_database.h"
#include "tests/orchestrator/routing/pool_fixture.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::routing {
namespace {

using Catch::Matchers::ContainsSubstring;
using store::Phase;
using store::Revision;
using tests::Eventually;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeRouteOptions;
using Fixture = PoolFixture;

TEST_CASE("What takes too much away is held back until somebody confirms it") {
  Fixture fixture;
  fixture.Start();
  const Revision all = fixture.PutMany(1, 30);
  REQUIRE(fixture.Serves(all));
  const Revision less = fixture.Erase(1, 11);
  REQUIRE(fixture.Holds(less));
  CHECK(fixture.publisher->Current()->revision() == all);
  const HeldDocument held = *fixture.document->held();
  CHECK(held.before == 30);
  CHECK(held.vanishing == 11);
  CHECK(held.examples.size() == 10);
  CHECK(held.can_be_confirmed);
  CHECK(fixture.document->objections() == 1);
  // Nothing that is held back counts as routed, and the reason is told.
  fixture.instances->RecordProbe("edge", all);
  CHECK(fixture.instances->Confirm(all).everywhere);
  fixture.instances->RecordProbe("edge", less);
  REQUIRE_FALSE(fixture.instances->Confirm(less).everywhere);
  CHECK_THAT(fixture.instances->Confirm(less).waiting_for.at(0), ContainsSubstring("held back"));

  SECTION("a confirmation lets it pass, once") {
    const Revision confirmed = ConfirmLoss(*fixture.store, site::kDefaultPool, held).value();
    REQUIRE(fixture.Serves(confirmed));
    CHECK_FALSE(fixture.document->held().has_value());
    CHECK_FALSE(fixture.Has("site5.example"));
    const Revision next = fixture.Erase(12, 22);
    REQUIRE(fixture.Holds(next));
  }
  SECTION("a confirmation is for no more than was shown") {
    const Revision more = fixture.Erase(12, 12);
    REQUIRE(fixture.Holds(more));
    const Revision confirmed = ConfirmLoss(*fixture.store, site::kDefaultPool, held).value();
    REQUIRE(fixture.Holds(confirmed));
    CHECK(fixture.document->held()->vanishing == 12);
  }
  SECTION("it is published by itself when the sites come back") {
    const Revision again = fixture.PutMany(1, 5);
    REQUIRE(fixture.Serves(again));
    CHECK_FALSE(fixture.document->held().has_value());
  }
  SECTION("a restart holds it back, too, and serves what was served") {
    REQUIRE(fixture.IsKept(all));
    fixture.Stop();
    fixture.Start();
    REQUIRE(fixture.Holds(less));
    CHECK(fixture.publisher->Current()->revision() == all);
    CHECK(fixture.publisher->Current()->is_stale());
    CHECK(fixture.Has("site5.example"));
    const Revision confirmed =
        ConfirmLoss(*fixture.store, site::kDefaultPool, *fixture.document->held()).value();
    CHECK(fixture.Serves(confirmed));
  }
  SECTION("a confirmation that was not acted on survives a restart") {
    REQUIRE(fixture.IsKept(all));
    fixture.Stop();
    const Revision confirmed = ConfirmLoss(*fixture.store, site::kDefaultPool, held).value();
    fixture.Start();
    CHECK(fixture.Serves(confirmed));
  }
}

TEST_CASE("Sites that go to labels are not lost") {
  Fixture fixture({.share = 0, .least = 0});
  fixture.Start();
  REQUIRE(fixture.Serves(
      fixture.Put({MakeRecord(tests::MakeSite(1)), MakeRecord(tests::MakeSite(2))})));
  const Revision moved = fixture.Put({MakeRecord(tests::MakeSite(1), Phase::kLabels)});
  REQUIRE(fixture.Serves(moved));
  CHECK_FALSE(fixture.Has("site1.example"));
  CHECK(fixture.Holds(fixture.Erase(2, 2)));
}

TEST_CASE("A document is on disk soon after it is served, and the next process begins with it") {
  Fixture fixture;
  fixture.Start();
  const Revision revision = fixture.PutMany(1, 3);
  REQUIRE(fixture.Serves(revision));
  REQUIRE(fixture.IsKept(revision));
  CHECK(fixture.recorder->problem().empty());
  const std::string served = *fixture.publisher->Current()->plain();
  fixture.Stop();
  fixture.Start();
  REQUIRE(fixture.Serves(revision));
  CHECK(*fixture.publisher->Current()->plain() == served);
}

TEST_CASE("A disk that takes nothing is said, and tried again") {
  Fixture fixture;
  std::filesystem::create_directory(fixture.file_path());
  fixture.Start();
  const Revision revision = fixture.PutMany(1, 3);
  REQUIRE(fixture.Serves(revision));
  CHECK(Eventually([&] { return !fixture.recorder->problem().empty(); }));
  CHECK(fixture.recorder->kept() == 0);
  std::filesystem::remove(fixture.file_path());
  CHECK(fixture.IsKept(revision));
  CHECK(fixture.recorder->problem().empty());
}

TEST_CASE("Another database than the one that was served is not published without consent") {
  Fixture fixture;
  fixture.Start();
  const Revision served = fixture.PutMany(1, 3);
  REQUIRE(fixture.IsKept(served));
  fixture.Stop();
  fixture.store.Close();
  for (const char* ending : {"", "-wal", "-shm"}) {
    std::filesystem::remove(fixture.store.path() + ending);
  }
  fixture.store.Open();
  SECTION("never, when it is empty") {
    fixture.Start();
    const Revision empty = fixture.Erase(99, 99);
    REQUIRE(fixture.Holds(empty));
    CHECK_FALSE(fixture.document->held()->can_be_confirmed);
    CHECK_FALSE(
        ConfirmLoss(*fixture.store, site::kDefaultPool, *fixture.document->held()).has_value());
    CHECK(fixture.Has("site2.example"));
  }
  SECTION("also when it has overtaken the old one's numbers") {
    for (int i = 0; i < 10; ++i) fixture.PutMany(7, 7);
    fixture.Start();
    REQUIRE(Eventually([&] { return fixture.document->held().has_value(); }));
    const HeldDocument held = *fixture.document->held();
    CHECK(held.is_older);
    CHECK(held.can_be_confirmed);
    // What the old one's document answers confirms nothing of this one.
    fixture.instances->RecordProbe("edge", 1'000);
    CHECK_FALSE(fixture.instances->Confirm(1).everywhere);
    const Revision confirmed = ConfirmLoss(*fixture.store, site::kDefaultPool, held).value();
    CHECK(confirmed > served);
    REQUIRE(fixture.Serves(confirmed));
    CHECK(fixture.Has("site7.example"));
    CHECK_FALSE(fixture.Has("site2.example"));
    fixture.instances->RecordProbe("edge", confirmed - 1);
    CHECK_FALSE(fixture.instances->Confirm(1).everywhere);
    fixture.instances->RecordProbe("edge", confirmed);
    CHECK(fixture.instances->Confirm(1).everywhere);
  }
}

TEST_CASE("A backup that is put back is not published without consent, whatever it loses") {
  Fixture fixture;
  fixture.Start();
  const Revision first = fixture.PutMany(1, 3);
  REQUIRE(fixture.IsKept(first));
  fixture.Stop();
  fixture.store.Close();
  std::filesystem::copy(fixture.store.path(), fixture.directory.path() / "backup");
  fixture.store.Open();
  fixture.Start();
  const Revision second = fixture.PutMany(4, 4);
  REQUIRE(fixture.IsKept(second));
  fixture.Stop();
  fixture.store.Close();
  for (const char* ending : {"-wal", "-shm"}) {
    std::filesystem::remove(fixture.store.path() + ending);
  }
  std::filesystem::copy(fixture.directory.path() / "backup", fixture.store.path(),
                        std::filesystem::copy_options::overwrite_existing);
  fixture.store.Open();
  fixture.Start();
  REQUIRE(Eventually([&] { return fixture.document->held().has_value(); }));
  CHECK(fixture.document->held()->vanishing == 1);
  CHECK(fixture.Has("site4.example"));
  // A restart and changes later it is still not forgotten.
  fixture.PutMany(10, 12);
  fixture.PutMany(13, 13);
  fixture.Stop();
  fixture.Start();
  REQUIRE(Eventually([&] { return fixture.document->held().has_value(); }));
  const Revision confirmed =
      ConfirmLoss(*fixture.store, site::kDefaultPool, *fixture.document->held()).value();
  REQUIRE(fixture.Serves(confirmed));
  CHECK_FALSE(fixture.Has("site4.example"));
  CHECK(fixture.Has("site13.example"));
}

TEST_CASE("A site that cannot be read keeps its routes, and the others go on") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.IsKept(fixture.PutMany(1, 3)));
  REQUIRE(Eventually([&] { return !fixture.history->List()->empty(); }));
  fixture.Stop();
  {
    store::SqliteDatabase database(fixture.store.path());
    database.Execute("UPDATE sites SET specification = '{damaged' WHERE id = 2");
  }
  fixture.Start();
  const Revision next = fixture.PutMany(4, 4);
  REQUIRE(fixture.Serves(next));
  CHECK(fixture.Has("site2.example"));
  CHECK(fixture.Has("site4.example"));
  const auto quarantined = fixture.document->quarantined();
  REQUIRE(quarantined.size() == 1);
  CHECK(quarantined[0].id.value == 2);
  CHECK(quarantined[0].has_last_good);
  CHECK_THAT(quarantined[0].reason, ContainsSubstring("cannot be read"));
}

store::SiteRecord WithExtra(std::int64_t id, const std::string& extra) {
  store::SiteRecord record = MakeRecord(MakeExternal(id));
  record.site.routing.extra = extra;
  return record;
}

constexpr const char* kGoodExtra =
    R"({"http": {"routers": {"site": {"middlewares": ["auth"]}},
        "middlewares": {"auth": {"basicAuth": {"users": ["a:b"]}}}}})";

TEST_CASE(
    "A site whose new routes cannot be made keeps those that it had, while they are its own") {
  Fixture fixture;
  fixture.Start();
  REQUIRE(fixture.Serves(fixture.Put({WithExtra(1, kGoodExtra), WithExtra(2, kGoodExtra)})));
  REQUIRE(fixture.Has("basicAuth"));
  // Not to be had through the API, which refuses it.
  constexpr const char* kBadExtra = R"({"http": {"routers": {"site": {"middlewares": ["no"]}}}})";
  store::SiteRecord moved = WithExtra(2, kBadExtra);
  moved.site.hosts = tests::MakeSite(2, {"moved.example"}).hosts;
  const Revision bad = fixture.Put({WithExtra(1, kBadExtra), moved});
  REQUIRE(fixture.Serves(bad));
  CHECK(fixture.Has("site1.example"));
  CHECK(fixture.Has("basicAuth"));
  // The old host may be another's by now.
  CHECK_FALSE(fixture.Has("site2.example"));
  CHECK_FALSE(fixture.Has("moved.example"));
  auto quarantined = fixture.document->quarantined();
  REQUIRE(quarantined.size() == 2);
  CHECK(quarantined[0].has_last_good);
  CHECK_FALSE(quarantined[1].has_last_good);

  const Revision mended = fixture.Put({WithExtra(1, kGoodExtra), WithExtra(2, kGoodExtra)});
  REQUIRE(fixture.Serves(mended));
  CHECK(fixture.document->quarantined().empty());
  CHECK(fixture.Has("site2.example"));
}

}  // namespace
}  // namespace orchestrator::routing
