// Routes of before: rollbacks, the history, and where tasks are meanwhile.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "orchestrator/routing/pool_document.h"
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

TEST_CASE("Routing goes back to what was published and forth again") {
  Fixture fixture;
  fixture.Start();
  const Revision old = fixture.PutMany(1, 3);
  REQUIRE(fixture.Serves(old));
  const auto is_recorded = [&](Revision revision) {
    return Eventually([&] {
      return !fixture.history->List()->empty() &&
             fixture.history->List()->front().revision == revision;
    });
  };
  REQUIRE(is_recorded(old));
  store::SiteRecord changed = MakeRecord(tests::MakeExternal(1));
  changed.site.hosts = tests::MakeSite(1, {"changed.example"}).hosts;
  store::SiteRecord taker = MakeRecord(MakeExternal(5));
  taker.site.hosts = tests::MakeSite(5, {"site1.example"}).hosts;  // that was site 1's
  fixture.Put({changed});
  const Revision now = fixture.Put({taker, MakeRecord(MakeExternal(4))});
  REQUIRE(fixture.Serves(now));
  REQUIRE(is_recorded(now));
  fixture.instances->RecordProbe("edge", now);
  REQUIRE(fixture.instances->Confirm(now).everywhere);

  CHECK(RollBack(*fixture.store, site::kDefaultPool, *fixture.history, now + 100).error().kind ==
        ErrorKind::kNotFound);
  CHECK(RollForth(*fixture.store, site::kDefaultPool, fixture.history.get()).error().kind ==
        ErrorKind::kConflict);
  const Revision back = RollBack(*fixture.store, site::kDefaultPool, *fixture.history, old).value();
  REQUIRE(fixture.Serves(back));
  CHECK(fixture.document->rolled_back_to() == old);
  CHECK(fixture.Has("site1.example"));
  CHECK_FALSE(fixture.Has("changed.example"));
  CHECK_FALSE(fixture.Has("site_0005"));  // its host is taken
  CHECK(fixture.Has("site4.example"));    // it came later, and nobody had its host
  CHECK(RollBack(*fixture.store, site::kDefaultPool, *fixture.history, old).error().kind ==
        ErrorKind::kConflict);

  // The number of the document is a later one, but it promises less.
  fixture.instances->RecordProbe("edge", back);
  CHECK(fixture.instances->Confirm(old).everywhere);
  CHECK_FALSE(fixture.instances->Confirm(now).everywhere);

  SECTION("new sites are served, removed ones go, changes wait") {
    fixture.Erase(2, 2);
    store::SiteRecord waiting = MakeRecord(MakeExternal(3));
    waiting.site.hosts = tests::MakeSite(3, {"waiting.example"}).hosts;
    const Revision later = fixture.Put({waiting, MakeRecord(MakeExternal(6))});
    REQUIRE(fixture.Serves(later));
    CHECK_FALSE(fixture.Has("site2.example"));
    CHECK(fixture.Has("site3.example"));
    CHECK_FALSE(fixture.Has("waiting.example"));
    CHECK(fixture.Has("site6.example"));
  }
  SECTION("a restart serves the same") {
    const std::string served = *fixture.publisher->Current()->plain();
    fixture.Stop();
    fixture.Start();
    REQUIRE(fixture.Serves(back));
    CHECK(*fixture.publisher->Current()->plain() == served);
    fixture.instances->RecordProbe("edge", back);
    CHECK_FALSE(fixture.instances->Confirm(now).everywhere);
  }
  const Revision before_forth = fixture.publisher->Current()->revision();
  const Revision forth =
      RollForth(*fixture.store, site::kDefaultPool, fixture.history.get()).value();
  REQUIRE(fixture.Serves(forth));
  CHECK_FALSE(fixture.document->rolled_back_to().has_value());
  CHECK(fixture.Has("changed.example"));
  CHECK(fixture.Has("site_0005"));
  // A Traefik that still has the document of before has not got what its number says.
  fixture.instances->RecordProbe("edge", before_forth);
  CHECK_FALSE(fixture.instances->Confirm(now).everywhere);
  fixture.instances->RecordProbe("edge", forth);
  CHECK(fixture.instances->Confirm(now).everywhere);
}

TEST_CASE("A rollback that cannot be followed leaves what is served, says so, and can be ended") {
  Fixture fixture;
  fixture.Start();
  const Revision old = fixture.PutMany(1, 3);
  REQUIRE(fixture.IsKept(old));
  const Revision now = fixture.PutMany(4, 4);
  REQUIRE(fixture.IsKept(now));
  REQUIRE(Eventually([&] { return fixture.history->List()->size() == 2; }));
  REQUIRE(
      fixture.IsKept(RollBack(*fixture.store, site::kDefaultPool, *fixture.history, old).value()));
  fixture.Stop();
  REQUIRE(fixture.history->Clear().has_value());
  SECTION("with a history that begins anew") {}
  SECTION("without a history") { fixture.history.reset(); }
  fixture.Start();
  REQUIRE(Eventually([&] { return fixture.document->held().has_value(); }));
  CHECK_THAT(fixture.document->held()->reason, ContainsSubstring("cannot be rolled back"));
  CHECK(fixture.Has("site1.example"));
  const Revision later = fixture.PutMany(5, 5);
  REQUIRE(fixture.Holds(later));
  // Not even what the number of the served document would say.
  fixture.instances->RecordProbe("edge", fixture.publisher->Current()->revision());
  CHECK_FALSE(fixture.instances->Confirm(now).everywhere);
  REQUIRE(
      fixture.Serves(RollForth(*fixture.store, site::kDefaultPool, fixture.history.get()).value()));
  CHECK(fixture.Has("site5.example"));
}

TEST_CASE("A rollback goes to routes of their own revision only") {
  Fixture fixture;
  fixture.Start();
  const Revision first = fixture.PutMany(1, 3);
  REQUIRE(Eventually([&] { return fixture.history->List()->size() == 1; }));
  fixture.PutMany(4, 4);
  REQUIRE(Eventually([&] { return fixture.history->List()->size() == 2; }));
  const Revision back =
      RollBack(*fixture.store, site::kDefaultPool, *fixture.history, first).value();
  REQUIRE(Eventually([&] { return fixture.history->List()->front().revision == back; }));
  CHECK(fixture.history->List()->front().rolled_back_to == first);
  const auto refused = RollBack(*fixture.store, site::kDefaultPool, *fixture.history, back);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::kConflict);
}

TEST_CASE("In a rollback a new site of an old number is a new one, and paths of a host are apart") {
  Fixture fixture;
  fixture.Start();
  store::SiteRecord blog = MakeRecord(MakeExternal(2));
  blog.site.hosts = tests::MakeSite(2, {"shared.example"}).hosts;
  blog.site.hosts[0].path = *traefik::PathPrefix::Parse("/blog");
  const Revision old = fixture.Put({MakeRecord(MakeExternal(1)), blog});
  REQUIRE(Eventually([&] { return fixture.history->List()->size() == 1; }));
  store::SiteRecord shop = MakeRecord(MakeExternal(3));
  shop.site.hosts = tests::MakeSite(3, {"shared.example"}).hosts;
  shop.site.hosts[0].path = *traefik::PathPrefix::Parse("/shop");
  fixture.Put({shop});
  REQUIRE(
      fixture.Serves(RollBack(*fixture.store, site::kDefaultPool, *fixture.history, old).value()));
  CHECK(fixture.Has("/shop"));
  CHECK(fixture.Has("/blog"));

  REQUIRE(fixture.Serves(fixture.Erase(1, 1)));
  CHECK_FALSE(fixture.Has("site1.example"));
  REQUIRE(fixture.Serves(fixture.PutMany(1, 1)));
  CHECK(fixture.Has("site1.example"));
}

TEST_CASE("The history says what each document changed, and goes on after a restart") {
  Fixture fixture;
  fixture.Start();
  const auto latest = [&](Revision revision) {
    REQUIRE(Eventually([&] {
      return !fixture.history->List()->empty() &&
             fixture.history->List()->front().revision == revision;
    }));
    return fixture.history->List()->front();
  };
  const auto counts = [](const store::PublishedRevision& revision) {
    return std::vector<std::size_t>{revision.sites, revision.added, revision.removed,
                                    revision.changed};
  };
  CHECK(counts(latest(fixture.PutMany(1, 100))) == std::vector<std::size_t>{100, 100, 0, 0});
  store::SiteRecord changed = MakeRecord(MakeExternal(70));
  changed.site.upstreams = {"http://192.0.2.9"};
  const Revision second = fixture.Put({changed});
  CHECK(counts(latest(second)) == std::vector<std::size_t>{100, 0, 0, 1});
  fixture.Stop();
  const auto before = fixture.history->List().value();
  fixture.Start();
  REQUIRE(fixture.Serves(second));
  // The same document again is nothing new.
  CHECK(counts(latest(fixture.Erase(1, 2))) == std::vector<std::size_t>{98, 0, 2, 0});
  CHECK(fixture.history->List()->size() == before.size() + 1);
  fixture.Stop();
  const Revision between = fixture.PutMany(200, 201);
  fixture.Start();
  CHECK(counts(latest(between)) == std::vector<std::size_t>{100, 2, 0, 0});
}

RouteOptions FollowingTasks() {
  RouteOptions options = MakeRouteOptions();
  options.follow_tasks = true;
  return options;
}

store::SiteRecord WithTask(std::int64_t id, const std::string& address) {
  store::SiteRecord record = MakeRecord(tests::MakeSite(id));
  record.task_addresses = {address};
  return record;
}

TEST_CASE("Where tasks are is news for Traefik, not for the history") {
  Fixture fixture({}, FollowingTasks());
  fixture.Start();
  const Revision first = fixture.Put({WithTask(1, "10.0.1.1")});
  REQUIRE(fixture.Serves(first));
  REQUIRE(Eventually([&] { return fixture.history->List()->size() == 1; }));
  store::SiteRecord record = *fixture.store.Find(1);
  record.task_addresses = {"10.0.1.2"};
  const Revision moved = fixture.store
                             ->Write([&](store::Transaction& transaction) -> Result<void> {
                               transaction.MarkDocumentChanged(site::kDefaultPool).value();
                               return transaction.Put({&record, 1});
                             })
                             .value();
  REQUIRE(fixture.Serves(moved));
  REQUIRE(fixture.IsKept(moved));
  CHECK(fixture.Has("10.0.1.2"));
  const Revision next = fixture.Put({WithTask(2, "10.0.1.9")});
  REQUIRE(fixture.Serves(next));
  REQUIRE(Eventually([&] { return fixture.history->List()->front().revision == next; }));
  CHECK(fixture.history->List()->size() == 2);
}

TEST_CASE("A rollback leads to where tasks are now, not to where they were") {
  Fixture fixture({}, FollowingTasks());
  fixture.Start();
  store::SiteRecord external = MakeRecord(MakeExternal(2));
  const Revision old = fixture.Put({WithTask(1, "10.0.1.1"), external});
  REQUIRE(fixture.Serves(old));
  REQUIRE(Eventually([&] { return !fixture.history->List()->empty(); }));
  store::SiteRecord moved = WithTask(1, "10.0.1.2");
  moved.site.hosts = {{*traefik::HostName::Parse("new.example"), {}}};
  external.site.upstreams = {"http://new.example:8080"};
  REQUIRE(fixture.Serves(fixture.Put({moved, external})));
  REQUIRE(
      fixture.Serves(RollBack(*fixture.store, site::kDefaultPool, *fixture.history, old).value()));
  CHECK_FALSE(fixture.Has("new.example"));  // neither the host nor the upstream
  CHECK(fixture.Has("http://10.0.1.2:80"));
  CHECK_FALSE(fixture.Has("10.0.1.1"));
  moved.task_addresses = {"10.0.1.3"};
  REQUIRE(fixture.Serves(fixture.Put({moved})));
  CHECK(fixture.Has("http://10.0.1.3:80"));
  CHECK_FALSE(fixture.Has("10.0.1.2"));
  fixture.Stop();
  fixture.Start();
  REQUIRE(Eventually([&] {
    const auto snapshot = fixture.publisher->Current();
    return snapshot && !snapshot->is_stale();
  }));
  CHECK(fixture.Has("http://10.0.1.3:80"));
}

TEST_CASE("A site in quarantine is reached where its tasks are now") {
  Fixture fixture({}, FollowingTasks());
  fixture.Start();
  REQUIRE(fixture.Serves(fixture.Put({WithTask(1, "10.0.1.1")})));
  store::SiteRecord broken = WithTask(1, "10.0.1.2");
  broken.site.routing.extra = R"({"http": {"routers": {"site": {"middlewares": ["no"]}}}})";
  REQUIRE(fixture.Serves(fixture.Put({broken})));
  CHECK(fixture.document->quarantined().size() == 1);
  CHECK(fixture.Has("http://10.0.1.2:80"));
  CHECK_FALSE(fixture.Has("10.0.1.1"));
}

}  // namespace
}  // namespace orchestrator::routing
