#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "orchestrator/store/history.h"
#include "orchestrator/store/sqlite_database.h"

namespace orchestrator::store {
namespace {

// A part is valid from the revision that brought it to the one before it was replaced.
constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS revisions (
  revision       INTEGER PRIMARY KEY,
  published      INTEGER NOT NULL,
  sites          INTEGER NOT NULL,
  added          INTEGER NOT NULL,
  removed        INTEGER NOT NULL,
  changed        INTEGER NOT NULL,
  rolled_back_to INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS parts (
  number INTEGER NOT NULL,
  first  INTEGER NOT NULL,
  last   INTEGER NOT NULL,
  bytes  BLOB NOT NULL,
  PRIMARY KEY (number, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS parts_by_last ON parts (last);
CREATE TABLE IF NOT EXISTS pins (
  revision INTEGER PRIMARY KEY
) STRICT;
)sql";

constexpr std::int64_t kStillValid = std::int64_t{1} << 62;

class SqliteHistory final : public History {
 public:
  explicit SqliteHistory(const std::string& path) : database_(path) { database_.Execute(kSchema); }

  Result<void> Add(const PublishedRevision& revision, std::span<const HistoryPart> changed,
                   std::size_t keep) override {
    return Guard("add to", [&]() -> Result<void> {
      const SqliteScope scope(database_, "BEGIN IMMEDIATE");
      for (const HistoryPart& part : changed) Replace(part, revision.revision);
      database_
          .Prepare(
              "INSERT OR REPLACE INTO revisions (revision, published, sites, added, removed, "
              "changed, rolled_back_to) VALUES (?, ?, ?, ?, ?, ?, ?)")
          .Bind(revision.revision)
          .Bind(revision.published)
          .Bind(static_cast<std::uint64_t>(revision.sites))
          .Bind(static_cast<std::uint64_t>(revision.added))
          .Bind(static_cast<std::uint64_t>(revision.removed))
          .Bind(static_cast<std::uint64_t>(revision.changed))
          .Bind(revision.rolled_back_to.value_or(0))
          .Run();
      Prune(keep);
      scope.Commit();
      return {};
    });
  }

  Result<void> Pin(std::optional<Revision> revision) override {
    return Guard("pin a revision of", [&]() -> Result<void> {
      if (revision) {
        if (auto known = Know(*revision); !known) return known;
      }
      const SqliteScope scope(database_, "BEGIN IMMEDIATE");
      database_.Execute("DELETE FROM pins");
      if (revision) {
        database_.Prepare("INSERT INTO pins (revision) VALUES (?)").Bind(*revision).Run();
      }
      scope.Commit();
      return {};
    });
  }

  Result<void> Clear() override {
    return Guard("clear", [&]() -> Result<void> {
      const SqliteScope scope(database_, "BEGIN IMMEDIATE");
      database_.Execute("DELETE FROM parts; DELETE FROM revisions; DELETE FROM pins");
      scope.Commit();
      return {};
    });
  }

  Result<std::vector<PublishedRevision>> List() const override {
    return Guard("read", [&]() -> Result<std::vector<PublishedRevision>> {
      std::vector<PublishedRevision> list;
      auto rows = database_.Prepare(
          "SELECT revision, published, sites, added, removed, changed, rolled_back_to "
          "FROM revisions ORDER BY revision DESC");
      while (rows.Step()) {
        const auto count = [&](int column) {
          return static_cast<std::size_t>(rows.Integer(column));
        };
        PublishedRevision& revision = list.emplace_back();
        revision.revision = static_cast<Revision>(rows.Integer(0));
        revision.published = rows.Integer(1);
        revision.sites = count(2);
        revision.added = count(3);
        revision.removed = count(4);
        revision.changed = count(5);
        if (rows.Integer(6) != 0) revision.rolled_back_to = static_cast<Revision>(rows.Integer(6));
      }
      return list;
    });
  }

  Result<std::vector<HistoryPart>> PartsOf(Revision revision) const override {
    return Guard("read", [&]() -> Result<std::vector<HistoryPart>> {
      if (auto known = Know(revision); !known) return Failure(known.error());
      std::vector<HistoryPart> parts;
      auto rows = database_.Prepare(
          "SELECT number, bytes FROM parts WHERE first <= ?1 AND last >= ?1 ORDER BY number");
      rows.Bind(revision);
      while (rows.Step()) {
        parts.push_back({static_cast<std::uint64_t>(rows.Integer(0)), std::string(rows.Text(1))});
      }
      return parts;
    });
  }

  Result<std::string> FindPart(Revision revision, std::uint64_t number) const override {
    return Guard("read", [&]() -> Result<std::string> {
      if (auto known = Know(revision); !known) return Failure(known.error());
      auto row = database_.Prepare(
          "SELECT bytes FROM parts WHERE number = ?2 AND first <= ?1 AND last >= ?1");
      row.Bind(revision).Bind(number);
      return row.Step() ? std::string(row.Text(0)) : std::string();
    });
  }

  Result<std::vector<HistoryPair>> Differing(Revision before, Revision after) const override {
    return Guard("read", [&]() -> Result<std::vector<HistoryPair>> {
      for (const Revision revision : {before, after}) {
        if (auto known = Know(revision); !known) return Failure(known.error());
      }
      std::vector<HistoryPair> pairs;
      auto rows = database_.Prepare(
          "SELECT number, bytes, first <= ?1 AND last >= ?1 FROM parts "
          "WHERE (first <= ?1 AND last >= ?1) <> (first <= ?2 AND last >= ?2) ORDER BY number");
      rows.Bind(before).Bind(after);
      while (rows.Step()) {
        const auto number = static_cast<std::uint64_t>(rows.Integer(0));
        if (pairs.empty() || pairs.back().number != number) pairs.push_back({number, {}, {}});
        (rows.Integer(2) != 0 ? pairs.back().before : pairs.back().after) = rows.Text(1);
      }
      return pairs;
    });
  }

 private:
  template <typename Body>
  auto Guard(std::string_view what, Body&& body) const -> decltype(body()) {
    const std::lock_guard lock(mutex_);
    try {
      return body();
    } catch (const SqliteError& error) {
      return Failure(Error{ErrorKind::kStorage, fmt::format("cannot {} the history of routing: {}",
                                                            what, error.what())});
    }
  }

  Result<void> Know(Revision revision) const {
    auto row = database_.Prepare("SELECT 1 FROM revisions WHERE revision = ?");
    row.Bind(revision);
    if (row.Step()) return {};
    return Failure(
        Error{ErrorKind::kNotFound,
              fmt::format("revision {} was not published, or is not kept any more", revision)});
  }

  void Replace(const HistoryPart& part, Revision revision) {
    database_.Prepare("DELETE FROM parts WHERE number = ? AND first = ?")
        .Bind(part.number)
        .Bind(revision)
        .Run();
    database_.Prepare("UPDATE parts SET last = ? WHERE number = ? AND last = ?")
        .Bind(revision - 1)
        .Bind(part.number)
        .Bind(kStillValid)
        .Run();
    if (part.bytes.empty()) return;
    database_.Prepare("INSERT INTO parts (number, first, last, bytes) VALUES (?, ?, ?, ?)")
        .Bind(part.number)
        .Bind(revision)
        .Bind(kStillValid)
        .BindBytes(part.bytes)
        .Run();
  }

  // Takes away what no kept revision has.
  void Prune(std::size_t keep) {
    Revision oldest = 0;
    Revision pinned = 0;
    {
      auto row = database_.Prepare("SELECT revision FROM pins");
      if (row.Step()) pinned = static_cast<Revision>(row.Integer(0));
    }
    {
      auto row = database_.Prepare(
          "SELECT revision FROM revisions ORDER BY revision DESC LIMIT 1 OFFSET ?");
      row.Bind(static_cast<std::uint64_t>(keep > 0 ? keep - 1 : 0));
      if (!row.Step()) return;
      oldest = static_cast<Revision>(row.Integer(0));
    }
    database_.Prepare("DELETE FROM revisions WHERE revision < ? AND revision <> ?")
        .Bind(oldest)
        .Bind(pinned)
        .Run();
    database_.Prepare("DELETE FROM parts WHERE last < ?1 AND NOT (first <= ?2 AND last >= ?2)")
        .Bind(oldest)
        .Bind(pinned)
        .Run();
  }

  mutable std::mutex mutex_;
  mutable SqliteDatabase database_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<History>> OpenHistory(const std::string& path) {
  try {
    return std::make_unique<SqliteHistory>(path);
  } catch (const SqliteError& error) {
    return Failure(Error{ErrorKind::kStorage,
                         fmt::format("cannot open {}: {}; it is not needed for routing: move it "
                                     "away to begin a new one",
                                     path, error.what())});
  }
}

}  // namespace orchestrator::store
