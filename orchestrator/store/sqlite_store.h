#pragma once

#include <memory>
#include <string>

#include "orchestrator/store/store.h"

namespace orchestrator::store {

// Opens the SQLite store in `path`, creates it where there is none, brings its schema up to date
// and checks it. A file that is corrupt, read-only or of a newer program is an error; it stays as
// it is.
Result<std::unique_ptr<Store>> OpenSqlite(const std::string& path);

}  // namespace orchestrator::store
