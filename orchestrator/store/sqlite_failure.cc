#include "orchestrator/store/sqlite_failure.h"

#include <string>

#include <fmt/format.h>
#include <sqlite3.h>

namespace orchestrator::store {
namespace {

// What a user can do about the commonest failures.
std::string Advice(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "; the disk is full: make room and try again";
    case SQLITE_READONLY:
      return "; make the file and its folder writable for this user";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "; the file is damaged: restore it from a backup";
    case SQLITE_CANTOPEN:
      return "; does the folder exist, and may this user write to it?";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "; another process holds it";
    default:
      return "";
  }
}

}  // namespace

Failure StorageFailure(std::string_view what, const SqliteError& error) {
  return Failure(Error{ErrorKind::kStorage,
                       fmt::format("{}: {}{}", what, error.what(), Advice(error.code())),
                       fmt::format("SQLite result code {}", error.code())});
}

}  // namespace orchestrator::store
