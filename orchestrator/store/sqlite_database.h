#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace orchestrator::store {

// A failure that SQLite reported, with its extended result code. Does not leave this folder.
class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

// A prepared statement in use: binds, steps, reads; is reset when it goes out of scope.
class SqliteStatement {
 public:
  SqliteStatement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  // Parameters are bound in the order of the calls.
  SqliteStatement& Bind(std::int64_t value);
  SqliteStatement& Bind(std::uint64_t value) { return Bind(static_cast<std::int64_t>(value)); }
  SqliteStatement& Bind(std::string_view value);
  SqliteStatement& BindOptional(const std::optional<std::string>& value);  // or NULL
  SqliteStatement& BindBytes(std::string_view bytes);                      // a BLOB

  bool Step();  // true while there is a row
  void Run();   // steps to the end

  bool IsNull(int column) const;
  std::int64_t Integer(int column) const;
  std::string_view Text(int column) const;  // or bytes; valid until the next step

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

// One SQLite connection with its prepared statements. Used by one thread at a time. Throws
// SqliteError.
class SqliteDatabase {
 public:
  // Opens for reading and writing, creates the file (mode 0600) where there is none; WAL,
  // synchronous FULL, foreign keys on.
  explicit SqliteDatabase(const std::string& path);
  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  // `sql` must be a literal: statements are kept by its address.
  SqliteStatement Prepare(const char* sql);

  void Execute(const std::string& sql);
  bool in_transaction() const;

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };

  sqlite3* database_ = nullptr;
  std::map<const char*, std::unique_ptr<sqlite3_stmt, Finalizer>> statements_;
};

// A transaction, which is rolled back unless it was committed.
class SqliteScope {
 public:
  // `begin`: the statement that begins it.
  SqliteScope(SqliteDatabase& database, const std::string& begin) : database_(database) {
    database_.Execute(begin);
  }
  ~SqliteScope();
  SqliteScope(const SqliteScope&) = delete;
  SqliteScope& operator=(const SqliteScope&) = delete;

  void Commit() const { database_.Execute("COMMIT"); }

 private:
  SqliteDatabase& database_;
};

}  // namespace orchestrator::store
