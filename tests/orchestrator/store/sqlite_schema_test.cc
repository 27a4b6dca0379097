#include "orchestrator/store/sqlite_schema.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "orchestrator/store/sqlite_database.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::store {
namespace {

using Catch::Matchers::ContainsSubstring;
using tests::MakeRecord;
using tests::MakeSite;
using tests::TestStore;

TEST_CASE("A database of a newer program is refused untouched") {
  TestStore store;
  store.Put({MakeRecord(MakeSite(1))});
  store.Close();
  {
    SqliteDatabase database(store.path());
    database.Execute("PRAGMA user_version = 99");
  }
  const auto opened = OpenSqlite(store.path());
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().kind == ErrorKind::kStorage);
  CHECK_THAT(opened.error().message, ContainsSubstring("newer orchestrator"));
  SqliteDatabase database(store.path());
  auto version = database.Prepare("PRAGMA user_version");
  REQUIRE(version.Step());
  CHECK(version.Integer(0) == 99);
}

TEST_CASE("A database from before migrations were jobs keeps its sites on their side") {
  for (const std::string mode : {"labels", "provider"}) {
    INFO(mode);
    TestStore store;
    store.Put({MakeRecord(MakeSite(1))});
    store.Close();
    {
      SqliteDatabase database(store.path());
      database.Execute(
          "DROP TABLE migration_steps; DROP TABLE migrations; "
          "ALTER TABLE sites DROP COLUMN followed; ALTER TABLE sites DROP COLUMN adopted_labels; "
          "ALTER TABLE sites DROP COLUMN takes_over; "
          "INSERT INTO settings VALUES ('default_mode', '" +
          mode +
          "'); "
          "INSERT INTO settings VALUES ('migrations', "
          R"('[{"id": 7, "to": "labels", "created": 1700000000, "sites": [1]}, {"id": "x"}, 3]'); )"
          "PRAGMA user_version = 5");
    }
    store.Open();
    CHECK(store.Find(1)->followed ==
          (mode == "labels" ? site::RoutingMode::kLabels : site::RoutingMode::kProvider));
    const auto migrations = store->Migrations().value();
    REQUIRE(migrations.size() == 1);
    CHECK(migrations[0].id == 7);
    CHECK(migrations[0].to == site::RoutingMode::kLabels);
    CHECK(migrations[0].state == Migration::State::kFinished);
    CHECK(migrations[0].created == 1700000000);
    CHECK(store->StepsOf(7)->empty());
  }
}

}  // namespace
}  // namespace orchestrator::store
