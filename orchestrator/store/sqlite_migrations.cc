#include "orchestrator/store/sqlite_migrations.h"

#include <string>

#include <fmt/format.h>

#include "orchestrator/store/sqlite_record.h"

namespace orchestrator::store {
namespace {

constexpr std::size_t kMostKept = 100;
constexpr std::size_t kUnderWayShown = 10;

constexpr std::string_view kColumns =
    "id, target, state, reason, resumes_itself, pool, chosen, there, default_before, batch, "
    "canary, pause, accept, created, ended";

Migration ReadRow(const SqliteStatement& row) {
  Migration migration;
  migration.id = static_cast<std::uint64_t>(row.Integer(0));
  migration.to = static_cast<site::RoutingMode>(row.Integer(1));
  migration.state = static_cast<Migration::State>(row.Integer(2));
  migration.reason = row.Text(3);
  migration.resumes_itself = row.Integer(4) != 0;
  migration.pool = row.Text(5);
  migration.chosen = row.Integer(6) != 0;
  migration.there = static_cast<std::size_t>(row.Integer(7));
  if (const auto before = row.Integer(8); before >= 0) {
    migration.default_before = static_cast<site::RoutingMode>(before);
  }
  migration.batch = static_cast<std::size_t>(row.Integer(9));
  migration.canary = static_cast<std::size_t>(row.Integer(10));
  migration.pause = std::chrono::milliseconds(row.Integer(11));
  migration.accept = SplitLines(row.Text(12));
  migration.created = row.Integer(13);
  migration.ended = row.Integer(14);
  return migration;
}

}  // namespace

std::vector<Migration> ReadMigrations(SqliteDatabase& database) {
  static const std::string kQuery =
      fmt::format("SELECT {} FROM migrations ORDER BY id DESC", kColumns);
  std::vector<Migration> migrations;
  auto rows = database.Prepare(kQuery.c_str());
  while (rows.Step()) migrations.push_back(ReadRow(rows));
  return migrations;
}

std::optional<Migration> ReadMigration(SqliteDatabase& database, std::uint64_t id) {
  static const std::string kQuery = fmt::format("SELECT {} FROM migrations WHERE id = ?", kColumns);
  auto row = database.Prepare(kQuery.c_str());
  row.Bind(id);
  if (!row.Step()) return {};
  return ReadRow(row);
}

void WriteMigration(SqliteDatabase& database, const Migration& migration) {
  // Without a replacement of the row, which would take its steps away.
  static const std::string kWrite = fmt::format(
      "INSERT INTO migrations ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason, "
      "resumes_itself = excluded.resumes_itself, ended = excluded.ended",
      kColumns);
  database.Prepare(kWrite.c_str())
      .Bind(migration.id)
      .Bind(static_cast<std::int64_t>(migration.to))
      .Bind(static_cast<std::int64_t>(migration.state))
      .Bind(migration.reason)
      .Bind(static_cast<std::int64_t>(migration.resumes_itself))
      .Bind(migration.pool)
      .Bind(static_cast<std::int64_t>(migration.chosen))
      .Bind(std::uint64_t{migration.there})
      .Bind(migration.default_before ? static_cast<std::int64_t>(*migration.default_before)
                                     : std::int64_t{-1})
      .Bind(std::uint64_t{migration.batch})
      .Bind(std::uint64_t{migration.canary})
      .Bind(static_cast<std::int64_t>(migration.pause.count()))
      .Bind(JoinLines(migration.accept))
      .Bind(migration.created)
      .Bind(migration.ended)
      .Run();
  database
      .Prepare(
          "DELETE FROM migrations WHERE ended > 0 AND id <= (SELECT id FROM migrations "
          "ORDER BY id DESC LIMIT 1 OFFSET ?)")
      .Bind(std::uint64_t{kMostKept})
      .Run();
}

std::vector<MigrationStep> ReadSteps(SqliteDatabase& database, std::uint64_t migration) {
  auto rows = database.Prepare(
      "SELECT site, batch, state, mode_before, followed_before, before, note FROM migration_steps "
      "WHERE migration = ? ORDER BY batch, site");
  rows.Bind(migration);
  std::vector<MigrationStep> steps;
  while (rows.Step()) {
    steps.push_back({.migration = migration,
                     .site = {rows.Integer(0)},
                     .batch = static_cast<std::size_t>(rows.Integer(1)),
                     .state = static_cast<MigrationStep::State>(rows.Integer(2)),
                     .mode_before = static_cast<site::RoutingMode>(rows.Integer(3)),
                     .followed_before = static_cast<site::RoutingMode>(rows.Integer(4)),
                     .before = std::string(rows.Text(5)),
                     .note = std::string(rows.Text(6))});
  }
  return steps;
}

void WriteSteps(SqliteDatabase& database, std::span<const MigrationStep> steps) {
  for (const MigrationStep& step : steps) {
    database
        .Prepare(
            "INSERT OR REPLACE INTO migration_steps (migration, site, batch, state, mode_before, "
            "followed_before, before, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .Bind(step.migration)
        .Bind(step.site.value)
        .Bind(std::uint64_t{step.batch})
        .Bind(static_cast<std::int64_t>(step.state))
        .Bind(static_cast<std::int64_t>(step.mode_before))
        .Bind(static_cast<std::int64_t>(step.followed_before))
        .Bind(step.before)
        .Bind(step.note)
        .Run();
  }
}

MigrationCounts CountSteps(SqliteDatabase& database, std::uint64_t migration) {
  MigrationCounts counts;
  {
    auto rows = database.Prepare(
        "SELECT state, count(*) FROM migration_steps WHERE migration = ? GROUP BY state");
    rows.Bind(migration);
    while (rows.Step()) {
      const auto state = static_cast<std::size_t>(rows.Integer(0));
      counts.by_state.at(state) = static_cast<std::size_t>(rows.Integer(1));
    }
  }
  {
    auto row = database.Prepare(
        "SELECT count(DISTINCT batch), count(DISTINCT CASE WHEN state <> 0 THEN batch END) "
        "FROM migration_steps WHERE migration = ? AND state <> 3");
    row.Bind(migration);
    if (row.Step()) {
      counts.batches = static_cast<std::size_t>(row.Integer(0));
      counts.batches_begun = static_cast<std::size_t>(row.Integer(1));
    }
  }
  auto rows = database.Prepare(
      "SELECT site FROM migration_steps WHERE migration = ? AND state IN (1, 4) "
      "ORDER BY site LIMIT ?");
  rows.Bind(migration).Bind(std::uint64_t{kUnderWayShown});
  while (rows.Step()) counts.under_way.push_back({rows.Integer(0)});
  return counts;
}

}  // namespace orchestrator::store
