#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/store/store.h"

namespace orchestrator::store {

// Opens the SQLite store in `path`, creates it where there is none, brings its schema up to date
// and checks it. A file that is corrupt, read-only or of a newer program is an error; it stays as
// it is.
Result<std::unique_ptr<Store>> OpenSqlite(const std::string& path);

// The revision of this pool's document in the SQLite store in `path`, read without opening it as a
// store: within a millisecond, however large it is. Nothing where that is not possible now.
std::optional<Revision> PeekDocumentRevision(const std::string& path, std::string_view pool);

}  // namespace orchestrator::store
