#include "orchestrator/store/sqlite_settings.h"

#include <cstdlib>

#include <fmt/format.h>

namespace orchestrator::store {
namespace {

using site::kDefaultPool;

// The default pool's name is older than pools.
constexpr std::string_view kDocumentRevision = "document_revision";
constexpr std::string_view kPoolDocumentRevision = "document_revision/";

}  // namespace

std::optional<std::string> FindSetting(SqliteDatabase& database, std::string_view key) {
  auto row = database.Prepare("SELECT value FROM settings WHERE key = ?");
  row.Bind(key);
  if (!row.Step()) return {};
  return std::string(row.Text(0));
}

void PutSetting(SqliteDatabase& database, std::string_view key, std::string_view value) {
  database
      .Prepare(
          "INSERT INTO settings (key, value) VALUES (?, ?) "
          "ON CONFLICT (key) DO UPDATE SET value = excluded.value")
      .Bind(key)
      .Bind(value)
      .Run();
}

Revision RevisionSetting(SqliteDatabase& database, std::string_view key) {
  const auto text = FindSetting(database, key);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

std::string DocumentRevisionKey(std::string_view pool) {
  return pool == kDefaultPool ? std::string(kDocumentRevision)
                              : fmt::format("{}{}", kPoolDocumentRevision, pool);
}

std::map<std::string, Revision, std::less<>> DocumentRevisions(SqliteDatabase& database) {
  std::map<std::string, Revision, std::less<>> revisions;
  auto rows = database.Prepare(
      "SELECT key, CAST(value AS INTEGER) FROM settings "
      "WHERE key = 'document_revision' OR (key > 'document_revision/' AND key < "
      "'document_revision0')");
  while (rows.Step()) {
    const std::string_view key = rows.Text(0);
    const std::string pool(key == kDocumentRevision ? kDefaultPool
                                                    : key.substr(kPoolDocumentRevision.size()));
    revisions[pool] = static_cast<Revision>(rows.Integer(1));
  }
  return revisions;
}

}  // namespace orchestrator::store
