#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/store/parsed_sites.h"
#include "orchestrator/store/sqlite_database.h"
#include "orchestrator/store/store.h"

namespace orchestrator::store {

// Above all ids that there ever were.
Result<site::SiteId> FindNextId(SqliteDatabase& database);

// One change of the store, inside a transaction of the database that its owner begins and ends.
class SqliteTransaction final : public Transaction {
 public:
  SqliteTransaction(SqliteDatabase& database, ParsedSites& parsed, Revision revision)
      : database_(database), parsed_(parsed), revision_(revision) {}
  Revision revision() const override { return revision_; }
  Result<std::optional<SiteRecord>> Find(site::SiteId id) override;
  Result<void> Put(std::span<const SiteRecord> records) override;
  Result<void> Erase(site::SiteId id) override;
  Result<void> SkipBeyond(Revision revision) override;
  Result<void> MarkDocumentChanged(std::string_view pool) override;
  bool changes_document() const { return changes_document_; }
  Result<site::SiteId> NextId() override;
  Result<std::optional<std::string>> Setting(std::string_view key) override;
  Result<void> SetSetting(std::string_view key, std::string_view value) override;
  Result<std::vector<Migration>> Migrations() override;
  Result<void> PutMigration(const Migration& migration) override;
  Result<void> PutSteps(std::span<const MigrationStep> steps) override;

 private:
  void PutOne(const SiteRecord& record);
  void MarkChanged(site::SiteId id);
  Result<void> Claim(const site::Site& site, std::size_t index);
  Result<void> ClaimStreams(const SiteRecord& record, std::size_t index);

  SqliteDatabase& database_;
  ParsedSites& parsed_;
  Revision revision_;
  bool changes_document_ = false;
};

}  // namespace orchestrator::store
