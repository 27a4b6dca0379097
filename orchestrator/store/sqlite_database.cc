#include "orchestrator/store/sqlite_database.h"

#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <sys/stat.h>

namespace orchestrator::store {
namespace {

constexpr int kBusyMilliseconds = 5000;

[[noreturn]] void Throw(sqlite3* database, int code) {
  throw SqliteError(code, database ? sqlite3_errmsg(database) : sqlite3_errstr(code));
}

}  // namespace

SqliteStatement::~SqliteStatement() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

SqliteStatement& SqliteStatement::Bind(std::int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_, ++bound_, value); code != SQLITE_OK) {
    Throw(database_, code);
  }
  return *this;
}

SqliteStatement& SqliteStatement::Bind(std::string_view value) {
  const int code = sqlite3_bind_text64(statement_, ++bound_, value.data(), value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) Throw(database_, code);
  return *this;
}

SqliteStatement& SqliteStatement::BindOptional(const std::optional<std::string>& value) {
  if (value) return Bind(std::string_view(*value));
  if (const int code = sqlite3_bind_null(statement_, ++bound_); code != SQLITE_OK) {
    Throw(database_, code);
  }
  return *this;
}

SqliteStatement& SqliteStatement::BindBytes(std::string_view bytes) {
  const int code =
      sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) Throw(database_, code);
  return *this;
}

bool SqliteStatement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) Throw(database_, sqlite3_extended_errcode(database_));
  return false;
}

void SqliteStatement::Run() {
  while (Step()) {
  }
}

std::int64_t SqliteStatement::Integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

bool SqliteStatement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string_view SqliteStatement::Text(int column) const {
  const bool is_blob = sqlite3_column_type(statement_, column) == SQLITE_BLOB;
  const auto* text = is_blob
                         ? static_cast<const char*>(sqlite3_column_blob(statement_, column))
                         : reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return {text ? text : "", static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

SqliteDatabase::SqliteDatabase(const std::string& path) {
  const mode_t mask = umask(0077);
  const int code =
      sqlite3_open_v2(path.c_str(), &database_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  umask(mask);
  try {
    if (code != SQLITE_OK) Throw(database_, code);
    sqlite3_extended_result_codes(database_, 1);
    sqlite3_busy_timeout(database_, kBusyMilliseconds);
    if (sqlite3_db_readonly(database_, "main") == 1) {
      throw SqliteError(SQLITE_READONLY, "the file is read-only");
    }
    Execute("PRAGMA journal_mode = WAL");
    Execute("PRAGMA synchronous = FULL");
    Execute("PRAGMA foreign_keys = ON");
  } catch (...) {
    sqlite3_close_v2(database_);
    throw;
  }
}

SqliteDatabase::~SqliteDatabase() {
  statements_.clear();
  sqlite3_close_v2(database_);
}

void SqliteDatabase::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteStatement SqliteDatabase::Prepare(const char* sql) {
  auto& statement = statements_[sql];
  if (!statement) {
    sqlite3_stmt* prepared = nullptr;
    const int code =
        sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
    if (code != SQLITE_OK) Throw(database_, code);
    statement.reset(prepared);
  }
  return {database_, statement.get()};
}

void SqliteDatabase::Execute(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Throw(database_, code);
}

bool SqliteDatabase::in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

SqliteScope::~SqliteScope() {
  if (!database_.in_transaction()) return;
  try {
    database_.Execute("ROLLBACK");
  } catch (const SqliteError& error) {
    // The connection stays in the transaction; the next BEGIN fails and says so, too.
    spdlog::error("the database cannot go back: {}", error.what());
  }
}

}  // namespace orchestrator::store
