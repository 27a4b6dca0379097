#include "orchestrator/store/sqlite_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>

#include "orchestrator/site/codec.h"
#include "orchestrator/store/sqlite_database.h"
#include "orchestrator/store/sqlite_migrations.h"
#include "orchestrator/store/sqlite_record.h"
#include "orchestrator/store/sqlite_schema.h"
#include "orchestrator/store/write_queue.h"
#include "provider/spread.h"

namespace orchestrator::store {
namespace {

using site::kDefaultPool;

constexpr std::string_view kRevision = "revision";

// The setting with the revision of a pool's document. The default pool's name is older than pools.
constexpr std::string_view kDocumentRevision = "document_revision";
constexpr std::string_view kPoolDocumentRevision = "document_revision/";

std::string DocumentRevisionKey(std::string_view pool) {
  return pool == kDefaultPool ? std::string(kDocumentRevision)
                              : fmt::format("{}{}", kPoolDocumentRevision, pool);
}

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

Failure StorageFailure(std::string_view what, const SqliteError& error) {
  return Failure(Error{ErrorKind::kStorage,
                       fmt::format("{}: {}{}", what, error.what(), Advice(error.code())),
                       fmt::format("SQLite result code {}", error.code())});
}

// Runs `body` and turns what SQLite throws into a value.
template <typename Body>
auto Guard(std::string_view what, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const SqliteError& error) {
    return StorageFailure(what, error);
  }
}

SiteRecord ReadRecord(const SqliteStatement& row, ParsedSites* parsed) {
  auto record = ParseRow(ReadRow(row, 0), parsed);
  if (!record) throw SqliteError(SQLITE_CORRUPT, record.error().message);
  return *std::move(record);
}

std::optional<SiteRecord> FindRecord(SqliteDatabase& database, site::SiteId id,
                                     ParsedSites& parsed) {
  static const std::string kQuery =
      fmt::format("SELECT {} FROM sites WHERE id = ?", kRecordColumns);
  auto row = database.Prepare(kQuery.c_str());
  row.Bind(id.value);
  if (!row.Step()) return {};
  return ReadRecord(row, &parsed);
}

std::optional<std::string> FindSetting(SqliteDatabase& database, std::string_view key) {
  auto row = database.Prepare("SELECT value FROM settings WHERE key = ?");
  row.Bind(key);
  if (!row.Step()) return {};
  return std::string(row.Text(0));
}

// Above all ids that there ever were.
Result<site::SiteId> FindNextId(SqliteDatabase& database) {
  return Guard("cannot choose an id", [&]() -> Result<site::SiteId> {
    auto row = database.Prepare("SELECT coalesce(max(site), 0) + 1 FROM changes");
    row.Step();
    const site::SiteId id{row.Integer(0)};
    if (id.value <= site::SiteId::kLargest) return id;
    return Failure(Error{ErrorKind::kConflict, "the largest id is in use: give an id of your own"});
  });
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

class SqliteTransaction final : public Transaction {
 public:
  SqliteTransaction(SqliteDatabase& database, ParsedSites& parsed, Revision revision)
      : database_(database), parsed_(parsed), revision_(revision) {}

  Revision revision() const override { return revision_; }

  Result<std::optional<SiteRecord>> Find(site::SiteId id) override {
    return Guard("cannot read the site", [&]() -> Result<std::optional<SiteRecord>> {
      return FindRecord(database_, id, parsed_);
    });
  }

  Result<void> Put(std::span<const SiteRecord> records) override {
    return Guard("cannot store the site", [&]() -> Result<void> {
      for (const SiteRecord& record : records) {
        database_.Prepare("DELETE FROM hosts WHERE site = ?").Bind(record.site.id.value).Run();
        database_.Prepare("DELETE FROM streams WHERE site = ?").Bind(record.site.id.value).Run();
      }
      for (std::size_t i = 0; i < records.size(); ++i) {
        PutOne(records[i]);
        if (records[i].removing) continue;
        if (auto claimed = Claim(records[i].site, i); !claimed) return claimed;
        if (auto claimed = ClaimStreams(records[i], i); !claimed) return claimed;
      }
      return {};
    });
  }

  Result<void> Erase(site::SiteId id) override {
    return Guard("cannot remove the site", [&]() -> Result<void> {
      database_.Prepare("DELETE FROM sites WHERE id = ?").Bind(id.value).Run();
      MarkChanged(id);
      return {};
    });
  }

  Result<void> SkipBeyond(Revision revision) override {
    revision_ = std::max(revision_, revision + 1);
    return {};
  }

  Result<void> MarkDocumentChanged(std::string_view pool) override {
    changes_document_ = true;
    return SetSetting(DocumentRevisionKey(pool), std::to_string(revision_));
  }

  bool changes_document() const { return changes_document_; }

  Result<site::SiteId> NextId() override { return FindNextId(database_); }

  Result<std::optional<std::string>> Setting(std::string_view key) override {
    return Guard("cannot read a setting", [&]() -> Result<std::optional<std::string>> {
      return FindSetting(database_, key);
    });
  }

  Result<void> SetSetting(std::string_view key, std::string_view value) override {
    return Guard("cannot store a setting", [&]() -> Result<void> {
      PutSetting(database_, key, value);
      return {};
    });
  }

  Result<std::vector<Migration>> Migrations() override {
    return Guard("cannot list the migrations",
                 [&]() -> Result<std::vector<Migration>> { return ReadMigrations(database_); });
  }

  Result<void> PutMigration(const Migration& migration) override {
    return Guard("cannot store the migration", [&]() -> Result<void> {
      WriteMigration(database_, migration);
      return {};
    });
  }

  Result<void> PutSteps(std::span<const MigrationStep> steps) override {
    return Guard("cannot store the steps of the migration", [&]() -> Result<void> {
      WriteSteps(database_, steps);
      return {};
    });
  }

 private:
  void PutOne(const SiteRecord& record) {
    database_
        .Prepare(
            "INSERT INTO sites (id, kind, phase, revision, routes_revision, labels_confirmed, "
            "removing, restarts, built_image, refused_task, adopted_task, specification, "
            "streams, pool, task_addresses, followed, adopted_labels, takes_over, deployed) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, phase = excluded.phase, "
            "revision = excluded.revision, routes_revision = excluded.routes_revision, "
            "labels_confirmed = excluded.labels_confirmed, removing = excluded.removing, "
            "restarts = excluded.restarts, built_image = excluded.built_image, "
            "refused_task = excluded.refused_task, adopted_task = excluded.adopted_task, "
            "specification = excluded.specification, streams = excluded.streams, "
            "pool = excluded.pool, task_addresses = excluded.task_addresses, "
            "followed = excluded.followed, adopted_labels = excluded.adopted_labels, "
            "takes_over = excluded.takes_over, deployed = excluded.deployed")
        .Bind(record.site.id.value)
        .Bind(static_cast<std::int64_t>(record.site.kind))
        .Bind(static_cast<std::int64_t>(record.phase))
        .Bind(record.revision)
        .Bind(record.routes_revision)
        .Bind(record.labels_confirmed)
        .Bind(static_cast<std::int64_t>(record.removing))
        .Bind(record.restarts)
        .Bind(record.built_image)
        .Bind(record.refused_task)
        .Bind(record.adopted_task)
        .Bind(site::ToJson(record.site))
        .Bind(JoinLines(record.streams))
        .Bind(record.site.routing.pool)
        .BindOptional(record.task_addresses ? std::optional(JoinLines(*record.task_addresses))
                                            : std::nullopt)
        .Bind(static_cast<std::int64_t>(record.followed))
        .Bind(LabelsText(record.adopted_labels))
        .Bind(static_cast<std::int64_t>(record.takes_over))
        .Bind(record.deployed)
        .Run();
    MarkChanged(record.site.id);
  }

  void MarkChanged(site::SiteId id) {
    database_
        .Prepare(
            "INSERT INTO changes (site, revision) VALUES (?, ?) "
            "ON CONFLICT (site) DO UPDATE SET revision = excluded.revision")
        .Bind(id.value)
        .Bind(revision_)
        .Run();
  }

  Result<void> Claim(const site::Site& site, std::size_t index) {
    for (std::size_t i = 0; i < site.hosts.size(); ++i) {
      const std::string& host = site.hosts[i].host.text();
      const traefik::PathPrefix* const path = site::EffectivePath(site, site.hosts[i]);
      const std::string prefix = path ? path->text() : "";
      auto owner = database_.Prepare("SELECT site FROM hosts WHERE host = ? AND path_prefix = ?");
      owner.Bind(host).Bind(prefix);
      if (owner.Step()) {
        const std::string what =
            fmt::format("{}{} belongs to site {}", host, prefix, owner.Integer(0));
        return Failure(
            Error{ErrorKind::kConflict, what, {}, {{fmt::format("/{}/hosts/{}", index, i), what}}});
      }
      database_.Prepare("INSERT INTO hosts (host, path_prefix, site) VALUES (?, ?, ?)")
          .Bind(host)
          .Bind(prefix)
          .Bind(site.id.value)
          .Run();
    }
    return {};
  }

  Result<void> ClaimStreams(const SiteRecord& record, std::size_t index) {
    for (const std::string& stream : record.streams) {
      auto owner = database_.Prepare("SELECT site FROM streams WHERE stream = ?");
      owner.Bind(stream);
      if (owner.Step()) {
        const std::string what =
            fmt::format("all of the entry point {} belongs to site {}", stream, owner.Integer(0));
        const std::string pointer = fmt::format("/{}/routing/extra", index);
        return Failure(Error{ErrorKind::kConflict, what, {}, {{pointer, what}}});
      }
      database_.Prepare("INSERT INTO streams (stream, site) VALUES (?, ?)")
          .Bind(stream)
          .Bind(record.site.id.value)
          .Run();
    }
    return {};
  }

  SqliteDatabase& database_;
  ParsedSites& parsed_;
  Revision revision_;
  bool changes_document_ = false;
};

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
