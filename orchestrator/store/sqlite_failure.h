#pragma once

#include <string_view>

#include "orchestrator/error.h"
#include "orchestrator/store/sqlite_database.h"

namespace orchestrator::store {

// A kStorage with `what` ("cannot …"), what SQLite says, and what a user can do about it.
Failure StorageFailure(std::string_view what, const SqliteError& error);

// Runs `body` and turns what SQLite throws into a value.
template <typename Body>
auto Guard(std::string_view what, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const SqliteError& error) {
    return StorageFailure(what, error);
  }
}

}  // namespace orchestrator::store
