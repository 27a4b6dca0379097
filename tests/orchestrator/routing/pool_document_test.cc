#include "orchestrator/routing/pool_document.h"

#include <fstream>
#include <iterator>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "orchestrator/routing/document_publisher.h"
#include "orchestrator/store/sqlite_database.h"
#include "tests/orchestrator/routing/fixture.h"
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
using tests::TestStore;

// The default pool's document over a store, with a history, that can be stopped and started again.
class Fixture {
 public:
  explicit Fixture(provider::GateLimits limits = {}, RouteOptions routes = MakeRouteOptions())
      : limits_(limits), routes_(std::move(routes)) {}

  // `start` stands for a process: it begins with what the one before left on disk.
  void Start() {
    std::optional<provider::LastKnownGood> before;
    if (std::filesystem::is_regular_file(file_path())) {
      std::ifstream file(file_path(), std::ios::binary);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      before = provider::ParseLastKnownGood(text).value();
    }
    if (before) {
      CompareWithServed(*store, site::kDefaultPool, before->source, before->snapshot->revision())
          .value();
    }
    const std::string name = DatabaseName(*store).value();
    pools = std::make_unique<provider::Pools>(
        std::vector<provider::ConfiguredInstance>{{"edge", "http://127.0.0.1:1"}});
    publisher = &pools->Default().publisher;
    instances = &pools->Default().instances;
    recorder = std::make_unique<Recorder>(
        history.get(), Recorder::Options{.last_known_good = file_path(),
                                         .revisions = 100,
                                         .kept = before ? before->snapshot->revision() : 0,
                                         .source = name});
    document = std::make_unique<PoolDocument>(
        *store, pools->Default(), *recorder, history.get(),
        PoolDocumentOptions{.routes = routes_,
                            .limits = limits_,
                            .make_assembly =
                                [this] {
                                  return provider::Assembly(routes_.probe, {"web"},
                                                            {"certificate", "key"},
                                                            provider::Assembly::Routers::kFlat);
                                },
                            .before = std::move(before)});
    follower = std::make_unique<DocumentPublisher>(*store, std::vector{document.get()});
  }
  void Stop() {
    follower.reset();
    document.reset();
    recorder.reset();
  }
  ~Fixture() { Stop(); }

  std::filesystem::path file_path() const { return directory.path() / "last-known-good"; }

  Revision Put(std::vector<store::SiteRecord> records) {
    return store
        ->Write([&](store::Transaction& transaction) {
          for (store::SiteRecord& record : records) {
            record.revision = record.routes_revision = transaction.revision();
          }
          transaction.MarkDocumentChanged(site::kDefaultPool).value();
          return transaction.Put(records);
        })
        .value();
  }
  Revision PutMany(std::int64_t first, std::int64_t last) {
    std::vector<store::SiteRecord> records;
    for (std::int64_t id = first; id <= last; ++id) records.push_back(MakeRecord(MakeExternal(id)));
    return Put(std::move(records));
  }
  Revision Erase(std::int64_t first, std::int64_t last) {
    return store
        ->Write([&](store::Transaction& transaction) -> Result<void> {
          for (std::int64_t id = first; id <= last; ++id) transaction.Erase({id}).value();
          return transaction.MarkDocumentChanged(site::kDefaultPool);
        })
        .value();
  }

  bool Serves(Revision revision) {
    return Eventually([&] {
      const auto snapshot = publisher->Current();
      return snapshot && snapshot->revision() == revision && !snapshot->is_stale();
    });
  }
  bool Holds(Revision revision) {
    return Eventually([&] {
      const auto held = document->held();
      return held && held->revision == revision;
    });
  }
  bool Has(const std::string& text) const { return publisher->Current()->plain()->contains(text); }
  bool IsKept(Revision revision) {
    return Eventually([&] { return recorder->kept() == revision; });
  }

  tests::TemporaryDirectory directory;
  TestStore store;
  std::unique_ptr<store::History> history =
      store::OpenHistory((directory.path() / "history.db").string()).value();
  std::unique_ptr<provider::Pools> pools;
  provider::Publisher* publisher = nullptr;
  provider::Instances* instances = nullptr;
  std::unique_ptr<Recorder> recorder;
  std::unique_ptr<PoolDocument> document;
  std::unique_ptr<DocumentPublisher> follower;

 private:
  const provider::GateLimits limits_;
  const RouteOptions routes_;
};

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
