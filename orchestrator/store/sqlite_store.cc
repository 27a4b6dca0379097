#include "orchestrator/store/sqlite_store.h"

#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "orchestrator/store/sqlite_database.h"
#include "orchestrator/store/sqlite_failure.h"
#include "orchestrator/store/sqlite_migrations.h"
#include "orchestrator/store/sqlite_record.h"
#include "orchestrator/store/sqlite_schema.h"
#include "orchestrator/store/sqlite_settings.h"
#include "orchestrator/store/sqlite_transaction.h"
#include "orchestrator/store/write_queue.h"
#include "provider/base/spread.h"

namespace orchestrator::store {
namespace {

constexpr std::string_view kRevision = "revision";

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const std::string& path) : writer_(path), reader_(path) {
    MigrateSchema(writer_);
    commits_.Notify(RevisionSetting(writer_, kRevision));
    for (const auto& [pool, revision] : DocumentRevisions(writer_)) {
      document_commits_.Notify(revision);
    }
  }

  Result<Revision> Write(const std::function<Result<void>(Transaction&)>& change) override {
    return queue_.Write(change, [this](std::span<QueuedWrite* const> group) { Commit(group); });
  }

  Result<std::optional<SiteRecord>> Find(site::SiteId id) const override {
    const std::lock_guard lock(reader_mutex_);
    return Guard("cannot read the site", [&]() -> Result<std::optional<SiteRecord>> {
      return FindRecord(reader_, id, parsed_);
    });
  }

  Result<std::vector<SiteRecord>> List(const Query& query) const override {
    const std::lock_guard lock(reader_mutex_);
    return Guard("cannot list the sites", [&]() -> Result<std::vector<SiteRecord>> {
      static const std::string kQuery = fmt::format(
          "SELECT {} FROM sites WHERE id > ?1 AND removing = 0 AND (?2 < 0 OR kind = ?2) "
          "AND (?3 < 0 OR phase = ?3) "
          "AND (?4 = '' OR id IN (SELECT site FROM hosts WHERE host = ?4)) ORDER BY id LIMIT ?5",
          kRecordColumns);
      auto rows = reader_.Prepare(kQuery.c_str());
      rows.Bind(query.after.value)
          .Bind(query.kind ? static_cast<std::int64_t>(*query.kind) : std::int64_t{-1})
          .Bind(query.phase ? static_cast<std::int64_t>(*query.phase) : std::int64_t{-1})
          .Bind(query.host)
          .Bind(static_cast<std::uint64_t>(query.limit));
      std::vector<SiteRecord> records;
      while (rows.Step()) records.push_back(ReadRecord(rows, nullptr));
      return records;
    });
  }

  Result<Counts> Count() const override {
    const std::lock_guard lock(reader_mutex_);
    // Every site is looked at, which those who watch shall not cause again and again.
    const Revision revision = commits_.last();
    if (counted_ && counted_->first == revision) return counted_->second;
    return Guard("cannot count the sites", [&]() -> Result<Counts> {
      Counts counts;
      auto rows = reader_.Prepare(
          "SELECT removing, phase, count(*), pool FROM sites GROUP BY removing, phase, pool");
      while (rows.Step()) {
        const auto count = static_cast<std::size_t>(rows.Integer(2));
        if (rows.Integer(0) != 0) {
          counts.removing += count;
        } else {
          counts.sites += count;
          counts.by_phase[rows.Integer(1)] += count;
          counts.by_pool[std::string(rows.Text(3))] += count;
        }
      }
      counted_.emplace(revision, counts);
      return counts;
    });
  }

  Result<Changes> ChangesAfter(Revision revision) const override {
    std::vector<RecordRow> rows;  // of the sites that are there, in order
    auto changes = Guard("cannot read what changed", [&] { return ReadChanges(revision, rows); });
    if (!changes) return changes;
    std::vector<Change*> there;
    for (Change& change : changes->sites) {
      if (!change.pool.empty()) there.push_back(&change);
    }
    // Without the lock: at the start this is a lot, and more than can be remembered.
    ParsedSites* const parsed = rows.size() < ParsedSites::kMost ? &parsed_ : nullptr;
    provider::Spread(rows.size(), [&](std::size_t i) {
      auto record = ParseRow(std::move(rows[i]), parsed);
      if (record) {
        there[i]->record = *std::move(record);
      } else {
        // One that cannot be read must not keep the others from being known.
        there[i]->problem = record.error().message;
      }
    });
    return changes;
  }

  Result<Revision> DocumentRevision(std::string_view pool) const override {
    const std::lock_guard lock(reader_mutex_);
    return Guard("cannot read a setting", [&]() -> Result<Revision> {
      return RevisionSetting(reader_, DocumentRevisionKey(pool));
    });
  }

  Result<site::SiteId> NextId() const override {
    const std::lock_guard lock(reader_mutex_);
    return FindNextId(reader_);
  }

  Result<std::optional<std::string>> Setting(std::string_view key) const override {
    const std::lock_guard lock(reader_mutex_);
    return Guard("cannot read a setting",
                 [&]() -> Result<std::optional<std::string>> { return FindSetting(reader_, key); });
  }

  Result<std::vector<Migration>> Migrations() const override {
    const std::lock_guard lock(reader_mutex_);
    return Guard("cannot list the migrations",
                 [&]() -> Result<std::vector<Migration>> { return ReadMigrations(reader_); });
  }

  Result<std::vector<MigrationStep>> StepsOf(std::uint64_t migration) const override {
    const std::lock_guard lock(reader_mutex_);
    return Guard(
        "cannot read the steps of the migration",
        [&]() -> Result<std::vector<MigrationStep>> { return ReadSteps(reader_, migration); });
  }

  Result<MigrationCounts> CountSteps(std::uint64_t migration) const override {
    const std::lock_guard lock(reader_mutex_);
    return Guard("cannot count the steps of the migration", [&]() -> Result<MigrationCounts> {
      return store::CountSteps(reader_, migration);
    });
  }

 private:
  // What changed, with the rows of those that are there apart.
  Result<Changes> ReadChanges(Revision revision, std::vector<RecordRow>& found) const {
    const std::lock_guard lock(reader_mutex_);
    const SqliteScope scope(reader_, "BEGIN");  // one consistent view
    Changes changes;
    changes.revision = RevisionSetting(reader_, kRevision);
    changes.document_revisions = DocumentRevisions(reader_);
    // Without the index's name SQLite reads all sites in their order, which is good for all of them
    // only.
    static const auto query = [](std::string_view index) {
      return fmt::format(
          "SELECT changes.site, sites.id IS NULL, pool, {} FROM changes {} LEFT JOIN sites ON "
          "sites.id = changes.site WHERE changes.revision > ? ORDER BY changes.site",
          kRecordColumns, index);
    };
    static const std::string kAll = query("");
    static const std::string kLater = query("INDEXED BY changes_by_revision");
    auto rows = reader_.Prepare(revision == 0 ? kAll.c_str() : kLater.c_str());
    rows.Bind(revision);
    while (rows.Step()) {
      Change& change = changes.sites.emplace_back(Change{site::SiteId{rows.Integer(0)}, {}});
      if (rows.Integer(1) != 0) continue;
      change.pool = rows.Text(2);
      found.push_back(ReadRow(rows, 3));
    }
    return changes;
  }

  // All of them in one transaction, so that they share the wait for the disk.
  void Commit(std::span<QueuedWrite* const> group) {
    bool document_changed = false;
    auto last = Guard("cannot write to the database", [&]() -> Result<Revision> {
      const SqliteScope scope(writer_, "BEGIN IMMEDIATE");
      const Revision before = RevisionSetting(writer_, kRevision);
      Revision revision = before;
      for (QueuedWrite* write : group) {
        write->outcome = Apply(*write->change, revision + 1, document_changed);
        if (write->outcome) revision = *write->outcome;
      }
      if (revision == before) return before;
      PutSetting(writer_, kRevision, std::to_string(revision));
      scope.Commit();
      return revision;
    });
    if (last) {
      commits_.Notify(*last);
      if (document_changed) document_commits_.Notify(*last);
      return;
    }
    // Those that failed, too: it may have been because of another one that is taken back now.
    for (QueuedWrite* write : group) write->outcome = Failure(last.error());
  }

  // One change, which leaves nothing behind when it fails.
  Result<Revision> Apply(const std::function<Result<void>(Transaction&)>& change, Revision revision,
                         bool& document_changed) {
    writer_.Execute("SAVEPOINT change");
    SqliteTransaction transaction(writer_, parsed_, revision);
    Result<void> changed;
    try {
      changed = change(transaction);
    } catch (const std::exception& thrown) {
      // It belongs to one writer; the others must not wait for ever.
      changed = Failure(Error{ErrorKind::kInternal, "the change failed", thrown.what()});
    }
    if (!writer_.in_transaction()) {
      // After some failures (a full disk) SQLite takes back all of the transaction by itself.
      throw SqliteError(SQLITE_ABORT_ROLLBACK,
                        changed ? "it was taken back" : changed.error().message);
    }
    if (!changed) writer_.Execute("ROLLBACK TO change");
    writer_.Execute("RELEASE change");
    if (!changed) return Failure(changed.error());
    document_changed |= transaction.changes_document();
    return transaction.revision();
  }

  mutable ParsedSites parsed_;
  WriteQueue queue_;
  SqliteDatabase writer_;  // used by the thread that the queue chose
  mutable std::mutex reader_mutex_;
  mutable SqliteDatabase reader_;                               // guarded by reader_mutex_
  mutable std::optional<std::pair<Revision, Counts>> counted_;  // guarded by reader_mutex_
};

void CheckIntegrity(const std::string& path) {
  SqliteDatabase database(path);
  auto row = database.Prepare("PRAGMA quick_check(1)");
  if (row.Step() && row.Text(0) != "ok")
    throw SqliteError(SQLITE_CORRUPT, std::string(row.Text(0)));
}

}  // namespace

std::optional<Revision> PeekDocumentRevision(const std::string& path, std::string_view pool) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> database(raw, sqlite3_close);
  if (opened != SQLITE_OK) return {};
  sqlite3_stmt* row = nullptr;
  const int prepared =
      sqlite3_prepare_v2(raw, "SELECT value FROM settings WHERE key = ?", -1, &row, nullptr);
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(row, sqlite3_finalize);
  if (prepared != SQLITE_OK) return {};
  const std::string key = DocumentRevisionKey(pool);
  sqlite3_bind_text(row, 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC);
  if (sqlite3_step(row) != SQLITE_ROW) return {};
  return static_cast<Revision>(sqlite3_column_int64(row, 0));
}

Result<std::unique_ptr<Store>> OpenSqlite(const std::string& path) {
  return Guard(fmt::format("cannot open the database {}", path),
               [&]() -> Result<std::unique_ptr<Store>> {
                 CheckIntegrity(path);
                 return std::make_unique<SqliteStore>(path);
               });
}

}  // namespace orchestrator::store
