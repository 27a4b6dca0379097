#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/store/record.h"
#include "orchestrator/store/sqlite_database.h"

// The table `settings`. All throw SqliteError.
namespace orchestrator::store {

std::optional<std::string> FindSetting(SqliteDatabase& database, std::string_view key);
void PutSetting(SqliteDatabase& database, std::string_view key, std::string_view value);

// 0 where there is none.
Revision RevisionSetting(SqliteDatabase& database, std::string_view key);

// The setting with the revision of a pool's document.
std::string DocumentRevisionKey(std::string_view pool);
// By pool.
std::map<std::string, Revision, std::less<>> DocumentRevisions(SqliteDatabase& database);

}  // namespace orchestrator::store
