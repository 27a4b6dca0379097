#pragma once

#include "orchestrator/store/sqlite_database.h"

namespace orchestrator::store {

// Brings the database to this program's schema, one numbered step after the other, each in its own
// transaction. Throws SqliteError; a database of a newer program is refused untouched.
void MigrateSchema(SqliteDatabase& database);

}  // namespace orchestrator::store
