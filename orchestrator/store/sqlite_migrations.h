#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "orchestrator/store/migration.h"
#include "orchestrator/store/sqlite_database.h"

// The tables `migrations` and `migration_steps`. All throw SqliteError.
namespace orchestrator::store {

std::vector<Migration> ReadMigrations(SqliteDatabase& database);  // the newest first
std::optional<Migration> ReadMigration(SqliteDatabase& database, std::uint64_t id);

// Inserts or replaces it. The oldest that have ended are forgotten when there are many.
void WriteMigration(SqliteDatabase& database, const Migration& migration);

std::vector<MigrationStep> ReadSteps(SqliteDatabase& database, std::uint64_t migration);
void WriteSteps(SqliteDatabase& database, std::span<const MigrationStep> steps);

MigrationCounts CountSteps(SqliteDatabase& database, std::uint64_t migration);

}  // namespace orchestrator::store
