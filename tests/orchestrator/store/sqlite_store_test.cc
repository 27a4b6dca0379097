#include "orchestrator/store/sqlite_store.h"

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/stat.h>

#include "orchestrator/store/sqlite_database.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::store {
namespace {

using Catch::Matchers::ContainsSubstring;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;
using tests::TestStore;

Result<Revision> TryPut(Store& store, const std::vector<SiteRecord>& records) {
  return store.Write([&](Transaction& transaction) { return transaction.Put(records); });
}

std::vector<std::int64_t> Ids(const std::vector<SiteRecord>& records) {
  std::vector<std::int64_t> ids;
  for (const SiteRecord& record : records) ids.push_back(record.site.id.value);
  return ids;
}

std::vector<std::int64_t> OwnersOf(const Store& store, const std::string& host) {
  Query query;
  query.host = host;
  return Ids(store.List(query).value());
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("A file that is no database is refused and stays as it is") {
  const tests::TemporaryDirectory directory;
  const std::string path = directory.Write("store.db", std::string(5000, 'x'));
  const auto store = OpenSqlite(path);
  REQUIRE_FALSE(store.has_value());
  CHECK(store.error().kind == ErrorKind::kStorage);
  CHECK_THAT(store.error().message, ContainsSubstring(path));
  CHECK_THAT(store.error().message, ContainsSubstring("restore it from a backup"));
  CHECK(ReadAll(path) == std::string(5000, 'x'));
}

TEST_CASE("A record that cannot be read is told as such, and the others are given") {
  TestStore store;
  store.Put({MakeRecord(MakeSite(1)), MakeRecord(MakeSite(2)), MakeRecord(MakeSite(3))});
  {
    SqliteDatabase database(store.path());
    database.Execute("UPDATE sites SET specification = '{\"kind\": 7}' WHERE id = 2");
  }
  const auto changes = store->ChangesAfter(0);
  REQUIRE(changes.has_value());
  REQUIRE(changes->sites.size() == 3);
  CHECK(changes->sites[0].record.has_value());
  CHECK_FALSE(changes->sites[1].record.has_value());
  CHECK_THAT(changes->sites[1].problem, ContainsSubstring("stored site 2 cannot be read"));
  CHECK(changes->sites[2].record.has_value());
}

TEST_CASE("A transaction may skip revisions, and the next ones go on from there") {
  TestStore store;
  const Revision first = store.Put({MakeRecord(MakeSite(1))});
  const Revision skipped = store
                               ->Write([&](Transaction& transaction) -> Result<void> {
                                 transaction.SkipBeyond(first + 100).value();
                                 CHECK(transaction.revision() == first + 101);
                                 return transaction.MarkDocumentChanged(site::kDefaultPool);
                               })
                               .value();
  CHECK(skipped == first + 101);
  CHECK(store->commits().last() == skipped);
  CHECK(store->ChangesAfter(first)->DocumentRevision(site::kDefaultPool) == skipped);
  CHECK(store.Put({MakeRecord(MakeSite(2))}) == skipped + 1);
  const auto back =
      store->Write([&](Transaction& transaction) { return transaction.SkipBeyond(first); });
  CHECK(*back == skipped + 2);
}

TEST_CASE("A document's revision can be read without opening the store") {
  TestStore store;
  const auto peek = [](const std::string& path, std::string_view pool = site::kDefaultPool) {
    return PeekDocumentRevision(path, pool);
  };
  CHECK(peek(store.path() + ".missing") == std::nullopt);
  CHECK_FALSE(std::filesystem::exists(store.path() + ".missing"));
  CHECK(peek(store.path()) == std::nullopt);
  const auto change = [&](std::string_view pool) {
    return store->Write([&](Transaction& t) { return t.MarkDocumentChanged(pool); }).value();
  };
  const Revision changed = change(site::kDefaultPool);
  const Revision other = change("other");
  CHECK(peek(store.path()) == changed);
  CHECK(peek(store.path(), "other") == other);
  CHECK(peek(store.path(), "third") == std::nullopt);
  store.Close();
  CHECK(peek(store.path()) == changed);
  const tests::TemporaryDirectory directory;
  CHECK(peek(directory.Write("x.db", std::string(5000, 'x'))) == std::nullopt);
}

TEST_CASE("A damaged database is refused") {
  TestStore store;
  std::vector<SiteRecord> records;
  for (std::int64_t id = 1; id <= 300; ++id) records.push_back(MakeRecord(MakeSite(id)));
  store.Put(records);
  store.Close();
  {
    std::fstream file(store.path(), std::ios::binary | std::ios::in | std::ios::out);
    const std::string garbage(4096, '\x5a');
    for (const int page : {3, 5, 7, 9}) {
      file.seekp(page * 4096);
      file << garbage;
    }
  }
  const auto opened = OpenSqlite(store.path());
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().kind == ErrorKind::kStorage);
  CHECK_THAT(opened.error().message, ContainsSubstring("damaged"));
}

TEST_CASE("Migrations and their steps come back as they were put") {
  TestStore store;
  Migration migration;
  migration.id = 3;
  migration.to = site::RoutingMode::kLabels;
  migration.state = Migration::State::kPaused;
  migration.reason = "a reason";
  migration.resumes_itself = true;
  migration.pool = "other";
  migration.chosen = true;
  migration.there = 4;
  migration.default_before = site::RoutingMode::kProvider;
  migration.batch = 6;
  migration.canary = 7;
  migration.pause = std::chrono::milliseconds(8);
  migration.accept = {"/http/a", "/http/b"};
  migration.created = 9;
  migration.ended = 10;
  const MigrationStep step{.migration = 3,
                           .site = {11},
                           .batch = 12,
                           .state = MigrationStep::State::kReturning,
                           .mode_before = site::RoutingMode::kLabels,
                           .followed_before = site::RoutingMode::kLabels,
                           .before = "{}",
                           .note = "a note"};
  REQUIRE(store->Write([&](Transaction& transaction) -> Result<void> {
    if (auto put = transaction.PutMigration(migration); !put) return put;
    return transaction.PutSteps({&step, 1});
  }));
  CHECK(store->Migrations().value() == std::vector{migration});
  CHECK(store->StepsOf(3).value() == std::vector{step});
  const auto counts = store->CountSteps(3).value();
  CHECK(counts.Count(MigrationStep::State::kReturning) == 1);
  CHECK(counts.under_way == std::vector<site::SiteId>{{11}});
}

TEST_CASE("A folder that does not exist is an error with advice") {
  const tests::TemporaryDirectory directory;
  const auto store = OpenSqlite(directory.path() / "none" / "store.db");
  REQUIRE_FALSE(store.has_value());
  CHECK(store.error().kind == ErrorKind::kStorage);
  CHECK_THAT(store.error().message, ContainsSubstring("does the folder exist"));
}

TEST_CASE("The database is for its owner alone") {
  TestStore store;
  store.Put({MakeRecord(MakeSite(1))});
  for (const std::string& path : {store.path(), store.path() + "-wal"}) {
    INFO(path);
    struct stat status{};
    REQUIRE(stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
}

TEST_CASE("A change that fails leaves nothing behind, not even its revision") {
  TestStore store;
  const auto failed = store->Write([](Transaction& transaction) -> Result<void> {
    CHECK(transaction.revision() == 1);
    CHECK(transaction.Put(std::vector{MakeRecord(MakeSite(1))}).has_value());
    CHECK(transaction.SetSetting("key", "value").has_value());
    CHECK(transaction.MarkDocumentChanged(site::kDefaultPool).has_value());
    return Failure(Error{ErrorKind::kPrecondition, "no"});
  });
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().kind == ErrorKind::kPrecondition);
  CHECK_FALSE(store.Find(1).has_value());
  CHECK(store->Setting("key").value() == std::nullopt);
  CHECK(store->ChangesAfter(0)->sites.empty());
  CHECK(store->ChangesAfter(0)->DocumentRevision(site::kDefaultPool) == 0);
  CHECK(store->commits().last() == 0);
  CHECK(store.Put({MakeRecord(MakeSite(1))}) == 1);
}

TEST_CASE("A host belongs to one site") {
  struct Case {
    const char* sentence;
    std::vector<std::string> hosts;
    const char* prefix;
    const char* pointer;  // of the problem; empty where there is none
  };
  const Case cases[] = {
      {"should refuse the host of another site", {"taken.example"}, "", "/1/hosts/0"},
      {"should say which host it is", {"free.example", "taken.example"}, "", "/1/hosts/1"},
      {"should refuse a wildcard of another site", {"*.taken.example"}, "", "/1/hosts/0"},
      {"should take a free host", {"free.example"}, "", ""},
      {"should take a path of a taken host", {"taken.example"}, "/api", ""},
      {"should refuse a path that is taken", {"path.example"}, "/api", "/1/hosts/0"},
      {"should take another path", {"path.example"}, "/apix", ""},
      {"should take the rest of a host whose path is taken", {"path.example"}, "", ""},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    TestStore store;
    SiteRecord path = MakeRecord(MakeSite(2, {"path.example"}));
    path.site.routing.path_prefix = *traefik::PathPrefix::Parse("/api");
    store.Put({MakeRecord(MakeSite(1, {"taken.example", "*.taken.example"})), path});

    SiteRecord wanted = MakeRecord(MakeSite(4, c.hosts));
    if (*c.prefix) wanted.site.routing.path_prefix = *traefik::PathPrefix::Parse(c.prefix);
    const auto put = TryPut(*store, {MakeRecord(MakeSite(3)), wanted});
    REQUIRE(put.has_value() == !*c.pointer);
    CHECK(store.Find(3).has_value() == put.has_value());
    if (put) continue;
    CHECK(put.error().kind == ErrorKind::kConflict);
    REQUIRE(put.error().fields.size() == 1);
    CHECK(put.error().fields[0].pointer == c.pointer);
    CHECK_THAT(put.error().message, ContainsSubstring("belongs to site"));
  }
}

TEST_CASE("An entry point for streams belongs to one site until that gives it up") {
  TestStore store;
  SiteRecord first = MakeRecord(MakeSite(1));
  first.streams = {"tcp db", "udp dns"};
  REQUIRE(TryPut(*store, {first}));
  CHECK(store.Find(1)->streams == first.streams);
  SiteRecord second = MakeRecord(MakeSite(2));
  second.streams = {"udp db", "udp dns"};
  const auto taken = TryPut(*store, {second});
  REQUIRE_FALSE(taken);
  CHECK(taken.error().kind == ErrorKind::kConflict);
  CHECK(taken.error().fields.at(0).pointer == "/0/routing/extra");
  CHECK(taken.error().message == "all of the entry point udp dns belongs to site 1");
  first.streams = {"tcp db"};
  REQUIRE(TryPut(*store, {first}));
  CHECK(TryPut(*store, {second}));
  first.removing = true;
  REQUIRE(TryPut(*store, {first}));
  second.streams = {"tcp db"};
  CHECK(TryPut(*store, {second}));
}

TEST_CASE("Two sites of one call cannot have one host") {
  TestStore store;
  const auto put = TryPut(*store, {MakeRecord(MakeSite(1, {"a.example"})),
                                   MakeRecord(MakeSite(2, {"b.example", "a.example"}))});
  REQUIRE_FALSE(put.has_value());
  CHECK(put.error().fields.at(0).pointer == "/1/hosts/1");
}

TEST_CASE("Sites swap hosts in one call") {
  TestStore store;
  store.Put({MakeRecord(MakeSite(1, {"a.example"})), MakeRecord(MakeSite(2, {"b.example"}))});
  REQUIRE(TryPut(*store,
                 {MakeRecord(MakeSite(1, {"b.example"})), MakeRecord(MakeSite(2, {"a.example"}))}));
  CHECK(OwnersOf(*store, "a.example") == std::vector<std::int64_t>{2});
  CHECK(OwnersOf(*store, "b.example") == std::vector<std::int64_t>{1});
}

TEST_CASE("A host is free again when its site gives it up, is being removed, or is gone") {
  TestStore store;
  const SiteRecord other = MakeRecord(MakeSite(2, {"a.example"}));
  store.Put({MakeRecord(MakeSite(1, {"a.example"}))});
  REQUIRE_FALSE(TryPut(*store, {other}));

  SECTION("gives it up") { store.Put({MakeRecord(MakeSite(1, {"b.example"}))}); }
  SECTION("is being removed") {
    SiteRecord removing = MakeRecord(MakeSite(1, {"a.example"}));
    removing.removing = true;
    store.Put({removing});
  }
  SECTION("is gone") {
    REQUIRE(store->Write([](Transaction& transaction) { return transaction.Erase({1}); }));
  }
  CHECK(TryPut(*store, {other}).has_value());
}

TEST_CASE("A record comes back as it was put") {
  TestStore store;
  SiteRecord record = MakeRecord(MakeExternal(7), Phase::kToLabels);
  record.revision = 3;
  record.routes_revision = 2;
  record.labels_confirmed = 1;
  REQUIRE(TryPut(*store, {record}));
  CHECK(store.Find(7) == record);
  record.task_addresses.emplace();
  REQUIRE(TryPut(*store, {record}));
  CHECK(store.Find(7) == record);
  record.task_addresses = {"10.0.1.7", "10.0.1.8"};
  REQUIRE(TryPut(*store, {record}));
  CHECK(store.Find(7) == record);
  REQUIRE(store->Write([&](Transaction& transaction) -> Result<void> {
    CHECK(transaction.Find({7}).value() == record);
    CHECK(transaction.Find({8}).value() == std::nullopt);
    return {};
  }));
}

TEST_CASE("ChangesAfter tells each site once, with its last state") {
  TestStore store;
  store.Put({MakeRecord(MakeSite(1)), MakeRecord(MakeSite(2))});
  store.Put({MakeRecord(MakeSite(2, {"new.example"}))});
  REQUIRE(store->Write([](Transaction& transaction) { return transaction.Erase({1}); }));

  const Changes all = store->ChangesAfter(0).value();
  CHECK(all.revision == 3);
  CHECK(all.DocumentRevision(site::kDefaultPool) == 2);
  REQUIRE(all.sites.size() == 2);
  CHECK(all.sites[0].id == site::SiteId{1});
  CHECK_FALSE(all.sites[0].record.has_value());
  CHECK(all.sites[1].record == store.Find(2));

  CHECK(store->ChangesAfter(1)->sites.size() == 2);
  CHECK(store->ChangesAfter(2)->sites.size() == 1);
  CHECK(store->ChangesAfter(3)->sites.empty());
}

TEST_CASE("A change names the site's pool, also where its record cannot be read") {
  TestStore store;
  SiteRecord record = MakeRecord(MakeSite(1));
  record.site.routing.pool = "other";
  store.Put({record, MakeRecord(MakeSite(2))});
  CHECK(store->Count()->by_pool.at("other") == 1);
  CHECK(store->Count()->by_pool.at("default") == 1);
  {
    SqliteDatabase raw(store.path());
    raw.Execute("UPDATE sites SET specification = '{' WHERE id = 1");
  }
  const Changes changes = store->ChangesAfter(0).value();
  CHECK_FALSE(changes.sites.at(0).problem.empty());
  CHECK(changes.sites.at(0).pool == "other");
  CHECK(changes.sites.at(1).pool == "default");
}

TEST_CASE("All that was committed is there after a reopen") {
  TestStore store;
  store.Put({MakeRecord(MakeSite(1))});
  REQUIRE(store->Write([](Transaction& t) { return t.SetSetting("key", "value"); }));
  const SiteRecord before = *store.Find(1);
  store.Close();
  store.Open();
  CHECK(store.Find(1) == before);
  CHECK(store->Setting("key").value() == "value");
  CHECK(store->commits().last() == 2);
  CHECK(store->ChangesAfter(0)->DocumentRevision(site::kDefaultPool) == 1);
  CHECK(store.Put({MakeRecord(MakeSite(2))}) == 3);
}

TEST_CASE("NextId is above all that there ever were") {
  TestStore store;
  const auto next = [&] {
    Result<site::SiteId> id;
    CHECK(store->Write([&](Transaction& transaction) -> Result<void> {
      id = transaction.NextId();
      return {};
    }));
    return id;
  };
  CHECK(next() == site::SiteId{1});
  store.Put({MakeRecord(MakeSite(7)), MakeRecord(MakeSite(3))});
  CHECK(next() == site::SiteId{8});
  store->Write([](Transaction& transaction) { return transaction.Erase({7}); }).value();
  CHECK(next() == site::SiteId{8});
  store.Put({MakeRecord(MakeSite(site::SiteId::kLargest))});
  const auto full = next();
  REQUIRE_FALSE(full.has_value());
  CHECK(full.error().kind == ErrorKind::kConflict);
}

TEST_CASE("Settings are replaced, and unset ones are nothing") {
  TestStore store;
  for (const char* value : {"1", "2"}) {
    REQUIRE(store->Write([&](Transaction& transaction) -> Result<void> {
      CHECK(transaction.SetSetting("key", value).has_value());
      CHECK(transaction.Setting("key").value() == value);
      return {};
    }));
    CHECK(store->Setting("key").value() == value);
  }
  CHECK(store->Setting("other").value() == std::nullopt);
}

TEST_CASE("List pages through the sites by id") {
  TestStore store;
  for (std::int64_t id : {5, 3, 1, 4, 2}) store.Put({MakeRecord(MakeSite(id))});
  Query query;
  query.limit = 2;
  CHECK(Ids(store->List(query).value()) == std::vector<std::int64_t>{1, 2});
  query.after = {2};
  CHECK(Ids(store->List(query).value()) == std::vector<std::int64_t>{3, 4});
  query.after = {4};
  CHECK(Ids(store->List(query).value()) == std::vector<std::int64_t>{5});
  query.after = {5};
  CHECK(store->List(query).value().empty());
}

TEST_CASE("List and Count tell kinds, phases and what is being removed apart") {
  TestStore store;
  SiteRecord removing = MakeRecord(MakeSite(4));
  removing.removing = true;
  store.Put({MakeRecord(MakeSite(1), Phase::kLabels), MakeRecord(MakeSite(2), Phase::kToProvider),
             MakeRecord(MakeExternal(3), Phase::kProvider), removing});
  Query query;
  CHECK(Ids(store->List(query).value()) == std::vector<std::int64_t>{1, 2, 3});
  query.kind = site::Kind::kExternal;
  CHECK(Ids(store->List(query).value()) == std::vector<std::int64_t>{3});
  query.kind = site::Kind::kDynamic;
  query.phase = Phase::kLabels;
  CHECK(Ids(store->List(query).value()) == std::vector<std::int64_t>{1});
  query.host = "site2.example";
  CHECK(store->List(query).value().empty());

  const Counts counts = store->Count().value();
  CHECK(counts.sites == 3);
  CHECK(counts.removing == 1);
  const std::vector<std::size_t> by_phase(std::begin(counts.by_phase), std::end(counts.by_phase));
  CHECK(by_phase == std::vector<std::size_t>{1, 1, 1, 0});
}

TEST_CASE("Writers on many threads never share a revision") {
  TestStore store;
  std::mutex mutex;
  std::set<Revision> revisions;
  {
    std::vector<std::jthread> writers;
    for (std::int64_t writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&, writer] {
        for (std::int64_t i = 1; i <= 10; ++i) {
          const Revision revision = store.Put({MakeRecord(MakeSite(writer * 100 + i))});
          const std::lock_guard lock(mutex);
          revisions.insert(revision);
        }
      });
    }
  }
  CHECK(revisions.size() == 40);
  CHECK(store->commits().last() == 40);
  CHECK(*revisions.rbegin() == 40);
  CHECK(store->Count()->sites == 40);
}

}  // namespace
}  // namespace orchestrator::store
