#include "orchestrator/routing/document_publisher.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include "orchestrator/routing/pool_routing.h"
#include "orchestrator/store/sqlite_database.h"
#include "provider/last_known_good.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::routing {
namespace {

using Catch::Matchers::ContainsSubstring;
using store::Revision;
using tests::Eventually;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::TestStore;

// The documents of two pools over one store.
class Fixture {
 public:
  ~Fixture() { follower.reset(); }

  void Start() {
    for (provider::Pool& pool : pools) {
      PoolRouting& routing = routings.emplace_back(pool);
      routing.history =
          store::OpenHistory((directory.path() / (pool.name + ".db")).string()).value();
      routing.recorder = std::make_unique<Recorder>(
          routing.history.get(),
          Recorder::Options{.last_known_good = directory.path() / (pool.name + ".good")});
      routing.document = std::make_unique<PoolDocument>(
          *store, pool, *routing.recorder, routing.history.get(),
          PoolDocumentOptions{.routes = options_,
                              .limits = {},
                              .make_assembly =
                                  [this] {
                                    return provider::Assembly(options_.probe, {"web"},
                                                              {"certificate", "key"},
                                                              provider::Assembly::Routers::kFlat);
                                  },
                              .before = Before(pool.name)});
    }
    follower = std::make_unique<DocumentPublisher>(
        *store, std::vector{routings[0].document.get(), routings[1].document.get()});
  }

  // As a process that ends and another that begins.
  void Restart() {
    follower.reset();
    routings.clear();
    Start();
  }

  std::optional<provider::LastKnownGood> Before(const std::string& pool) const {
    std::ifstream file(directory.path() / (pool + ".good"), std::ios::binary);
    auto document = provider::ParseLastKnownGood(
        std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
    return document ? std::optional(*std::move(document)) : std::nullopt;
  }

  // Sites of this pool; the documents of `pools` are said to change.
  Revision Put(std::int64_t first, std::int64_t last, const std::string& pool,
               const std::vector<std::string>& changing) {
    return store
        ->Write([&](store::Transaction& transaction) -> Result<void> {
          for (const std::string& name : changing) transaction.MarkDocumentChanged(name).value();
          std::vector<store::SiteRecord> records;
          for (std::int64_t id = first; id <= last; ++id) {
            records.push_back(MakeRecord(MakeExternal(id)));
            records.back().site.routing.pool = pool;
          }
          return transaction.Put(records);
        })
        .value();
  }

  bool Serves(std::size_t pool, Revision revision) {
    return Eventually([&] {
      const auto snapshot = routings[pool].traefiks.publisher.Current();
      return snapshot && snapshot->revision() == revision;
    });
  }
  bool Has(std::size_t pool, std::int64_t id) {
    return routings[pool].traefiks.publisher.Current()->plain()->contains(
        fmt::format("\"{}\"", site::ServiceName({id})));
  }

  tests::TemporaryDirectory directory;
  TestStore store;
  provider::Pools pools{{}, {"other"}};
  PoolRoutings routings;
  std::unique_ptr<DocumentPublisher> follower;

 private:
  const RouteOptions options_ = tests::MakeRouteOptions();
};

TEST_CASE("A site is in the document of its pool alone, and changes that alone") {
  Fixture fixture;
  const Revision first = fixture.Put(1, 2, "default", {"default"});
  const Revision second = fixture.Put(3, 4, "other", {"other"});
  fixture.Start();
  REQUIRE(fixture.Serves(0, first));
  REQUIRE(fixture.Serves(1, second));
  CHECK((fixture.Has(0, 1) && !fixture.Has(0, 3)));
  CHECK((fixture.Has(1, 3) && !fixture.Has(1, 1)));
  const auto before = fixture.routings[0].traefiks.publisher.Current();
  const Revision third = fixture.Put(5, 5, "other", {"other"});
  REQUIRE(fixture.Serves(1, third));
  CHECK(fixture.routings[0].traefiks.publisher.Current() == before);
  CHECK(fixture.routings[0].document->published() == 1);
}

TEST_CASE("What changes no document publishes none, also when another pool has news") {
  Fixture fixture;
  const Revision first = fixture.Put(1, 2, "default", {"default", "other"});
  fixture.Start();
  REQUIRE(fixture.Serves(0, first));
  REQUIRE(fixture.Serves(1, first));
  const auto before = fixture.routings[0].traefiks.publisher.Current();
  store::SiteRecord record = *fixture.store.Find(1);
  record.restarts = 1;
  REQUIRE(fixture.store->Write([&](store::Transaction& t) { return t.Put({&record, 1}); }));
  REQUIRE(fixture.Serves(1, fixture.Put(3, 3, "other", {"other"})));
  CHECK(fixture.routings[0].traefiks.publisher.Current() == before);
}

TEST_CASE("A site that moves is in one document before and in another after") {
  Fixture fixture;
  fixture.Put(1, 3, "default", {"default"});
  fixture.Put(4, 4, "other", {"other"});
  fixture.Start();
  REQUIRE(Eventually([&] { return fixture.routings[1].document->published() == 1; }));
  const Revision moved = fixture.Put(2, 2, "other", {"default", "other"});
  REQUIRE(fixture.Serves(0, moved));
  REQUIRE(fixture.Serves(1, moved));
  CHECK((fixture.Has(0, 1) && !fixture.Has(0, 2)));
  CHECK((fixture.Has(1, 2) && fixture.Has(1, 4)));
  // And back, and away: nothing of it stays anywhere.
  REQUIRE(fixture.Serves(0, fixture.Put(2, 2, "default", {"default", "other"})));
  CHECK(fixture.Has(0, 2));
  const Revision gone = fixture.store
                            ->Write([](store::Transaction& transaction) -> Result<void> {
                              transaction.Erase({2}).value();
                              return transaction.MarkDocumentChanged(site::kDefaultPool);
                            })
                            .value();
  REQUIRE(fixture.Serves(0, gone));
  CHECK_FALSE(fixture.Has(0, 2));
  CHECK_FALSE(fixture.Has(1, 2));
}

TEST_CASE("What is held back in one pool holds nothing back in another") {
  Fixture fixture;
  const Revision all = fixture.Put(1, 30, "default", {"default"});
  fixture.Put(31, 40, "other", {"other"});
  fixture.Start();
  REQUIRE(fixture.Serves(0, all));
  // Half of one pool moves to the other: too much for the one to lose at once.
  const Revision moved = fixture.Put(1, 15, "other", {"default", "other"});
  REQUIRE(fixture.Serves(1, moved));
  REQUIRE(Eventually([&] { return fixture.routings[0].document->held().has_value(); }));
  CHECK_FALSE(fixture.routings[1].document->held().has_value());
  CHECK(fixture.Has(0, 1));
  CHECK_THAT(fixture.pools.Default().instances.Confirm(moved).waiting_for.at(0),
             ContainsSubstring("held back"));
  const HeldDocument held = *fixture.routings[0].document->held();
  CHECK(held.vanishing == 15);
  const Revision confirmed = ConfirmLoss(*fixture.store, "default", held).value();
  REQUIRE(fixture.Serves(0, confirmed));
  CHECK_FALSE(fixture.Has(0, 1));
  CHECK(fixture.routings[1].traefiks.publisher.Current()->revision() == moved);
}

TEST_CASE("A site leaves a document only when another is served with it") {
  Fixture fixture;
  fixture.Put(1, 3, "default", {"default"});
  fixture.Put(11, 40, "other", {"other"});
  fixture.Start();
  REQUIRE(Eventually([&] { return fixture.routings[1].document->published() == 1; }));
  // The other pool is held, since too much of it would vanish.
  const Revision less = fixture.store
                            ->Write([](store::Transaction& transaction) -> Result<void> {
                              for (std::int64_t id = 11; id <= 30; ++id) {
                                transaction.Erase({id}).value();
                              }
                              return transaction.MarkDocumentChanged("other");
                            })
                            .value();
  REQUIRE(Eventually([&] {
    const auto held = fixture.routings[1].document->held();
    return held && held->revision == less;
  }));
  const Revision moved = fixture.Put(2, 2, "other", {"default", "other"});
  REQUIRE(fixture.Serves(0, moved));
  CHECK(fixture.Has(0, 2));
  CHECK_FALSE(fixture.Has(1, 2));

  SECTION("when it has been let pass") {
    ConfirmLoss(*fixture.store, "other", *fixture.routings[1].document->held()).value();
    REQUIRE(Eventually([&] { return !fixture.Has(0, 2); }));
    CHECK(fixture.Has(1, 2));
  }
  SECTION("also over a restart") {
    fixture.Restart();
    REQUIRE(Eventually([&] { return fixture.routings[0].document->published() == 1; }));
    REQUIRE(Eventually([&] { return fixture.routings[1].document->held().has_value(); }));
    CHECK((fixture.Has(0, 2) && fixture.Has(0, 1)));
    CHECK_FALSE(fixture.Has(1, 2));
    CHECK(fixture.Before("other").has_value());
    CHECK(std::filesystem::exists(HeldMark(fixture.directory.path() / "other.good")));
    ConfirmLoss(*fixture.store, "other", *fixture.routings[1].document->held()).value();
    REQUIRE(Eventually([&] { return !fixture.Has(0, 2); }));
    CHECK((fixture.Has(1, 2) && fixture.Has(0, 1)));
    CHECK(Eventually([&] {
      return !std::filesystem::exists(HeldMark(fixture.directory.path() / "other.good"));
    }));
  }
  SECTION("or when it is removed meanwhile") {
    fixture.store
        ->Write([](store::Transaction& transaction) -> Result<void> {
          transaction.Erase({2}).value();
          return transaction.MarkDocumentChanged("other");
        })
        .value();
    CHECK(Eventually([&] { return !fixture.Has(0, 2); }));
  }
  SECTION("and stays when it comes back") {
    const Revision back = fixture.Put(2, 2, "default", {"default", "other"});
    REQUIRE(fixture.Serves(0, back));
    ConfirmLoss(*fixture.store, "other", *fixture.routings[1].document->held()).value();
    REQUIRE(Eventually([&] { return !fixture.routings[1].document->held(); }));
    CHECK(fixture.Has(0, 2));
    CHECK_FALSE(fixture.Has(1, 2));
  }
}

TEST_CASE("Pools that exchange sites lose none") {
  Fixture fixture;
  fixture.Put(1, 2, "default", {"default"});
  fixture.Put(3, 4, "other", {"other"});
  fixture.Start();
  REQUIRE(Eventually([&] { return fixture.routings[1].document->published() == 1; }));
  fixture.store
      ->Write([](store::Transaction& transaction) -> Result<void> {
        for (const char* pool : {"default", "other"}) {
          transaction.MarkDocumentChanged(pool).value();
        }
        std::vector<store::SiteRecord> records{MakeRecord(MakeExternal(1)),
                                               MakeRecord(MakeExternal(3))};
        records[0].site.routing.pool = "other";
        return transaction.Put(records);
      })
      .value();
  CHECK(Eventually([&] { return fixture.Has(0, 3) && !fixture.Has(0, 1); }));
  CHECK(Eventually([&] { return fixture.Has(1, 1) && !fixture.Has(1, 3); }));
}

TEST_CASE("A pool is rolled back alone") {
  Fixture fixture;
  const Revision old = fixture.Put(1, 2, "other", {"default", "other"});
  fixture.Start();
  REQUIRE(fixture.Serves(1, old));
  REQUIRE(Eventually([&] { return fixture.routings[1].recorder->kept() == old; }));
  REQUIRE(fixture.Serves(1, fixture.Put(3, 3, "other", {"other"})));
  REQUIRE(Eventually([&] { return fixture.routings[1].history->List()->size() == 2; }));
  const Revision back =
      RollBack(*fixture.store, "other", *fixture.routings[1].history, old).value();
  REQUIRE(fixture.Serves(1, back));
  CHECK(fixture.routings[1].document->rolled_back_to() == old);
  CHECK(fixture.routings[0].document->rolled_back_to() == std::nullopt);
  CHECK(fixture.routings[0].traefiks.publisher.Current()->revision() == old);
}

TEST_CASE("A record that cannot be read is put aside in its own pool") {
  Fixture fixture;
  fixture.Put(1, 2, "other", {"default", "other"});
  {
    store::SqliteDatabase raw(fixture.store.path());
    raw.Execute("UPDATE sites SET specification = '{' WHERE id = 1");
  }
  fixture.Start();
  REQUIRE(Eventually([&] { return fixture.routings[1].document->quarantined().size() == 1; }));
  CHECK(fixture.routings[0].document->quarantined().empty());
}

}  // namespace
}  // namespace orchestrator::routing
