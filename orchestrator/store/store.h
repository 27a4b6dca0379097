#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/store/migration.h"
#include "orchestrator/store/record.h"

namespace orchestrator::store {

// What one write transaction can do. Valid only inside the function that Store::Write calls.
class Transaction {
 public:
  virtual ~Transaction() = default;

  // The revision that this transaction will have when it commits.
  virtual Revision revision() const = 0;

  virtual Result<std::optional<SiteRecord>> Find(site::SiteId id) = 0;

  // Inserts or replaces, and claims the hosts and streams of those that are not being removed. All
  // claims of `records` are given up first, so that sites may swap hosts. A host that another site
  // has is a kConflict whose field pointer is /<index in records>/hosts/<index>; of a stream it is
  // /<index in records>/routing/extra.
  virtual Result<void> Put(std::span<const SiteRecord> records) = 0;

  virtual Result<void> Erase(site::SiteId id) = 0;

  // Makes the revision of this transaction a later one than `revision`. Before all else in it.
  virtual Result<void> SkipBeyond(Revision revision) = 0;

  // Says that the document which the Traefiks of this pool read is another one from this revision
  // on.
  virtual Result<void> MarkDocumentChanged(std::string_view pool) = 0;

  // The smallest id above all that there ever were: no site gets what was another's.
  virtual Result<site::SiteId> NextId() = 0;

  virtual Result<std::optional<std::string>> Setting(std::string_view key) = 0;
  virtual Result<void> SetSetting(std::string_view key, std::string_view value) = 0;

  virtual Result<std::vector<Migration>> Migrations() = 0;  // the newest first

  // Both insert or replace. The oldest migrations that have ended are forgotten when there are
  // many.
  virtual Result<void> PutMigration(const Migration& migration) = 0;
  virtual Result<void> PutSteps(std::span<const MigrationStep> steps) = 0;
};

// A site that changed, with its record, or without when it is gone.
struct Change {
  site::SiteId id;
  std::optional<SiteRecord> record;
  std::string problem = {};  // why the record cannot be read: the site is not gone then
  std::string pool = {};     // of a site that is not gone
};

struct Changes {
  Revision revision = 0;      // all up to here is included
  std::vector<Change> sites;  // in the order of their ids
  // By pool: the last one that changed routes in its document.
  std::map<std::string, Revision, std::less<>> document_revisions;

  // 0: there never was a document of this pool.
  Revision DocumentRevision(std::string_view pool) const {
    const auto found = document_revisions.find(pool);
    return found == document_revisions.end() ? 0 : found->second;
  }
};

struct Query {
  site::SiteId after;  // ids above this one
  std::size_t limit = 100;
  std::optional<site::Kind> kind;
  std::optional<Phase> phase;
  std::string host;  // exact; empty: any
};

struct Counts {
  std::size_t sites = 0;  // without those being removed
  std::size_t removing = 0;
  std::size_t by_phase[4] = {};                             // indexed by Phase
  std::map<std::string, std::size_t, std::less<>> by_pool;  // without those being removed
};

// Lets threads wait for the next commit. Thread-safe.
class CommitSignal {
 public:
  void Notify(Revision revision);
  Revision last() const;

  // Blocks until a commit after `seen`, the deadline, or a stop.
  void WaitAfter(Revision seen, std::chrono::steady_clock::time_point deadline,
                 const std::stop_token& stop) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  Revision last_ = 0;
};

// The one place where wanted state lives. Every change is one transaction that also takes the next
// revision; what was committed survives a crash of the process and of the machine. Thread-safe.
//
// Errors are kStorage when the database cannot do its work; nothing has changed then.
class Store {
 public:
  virtual ~Store() = default;

  // Runs `change` in one transaction and commits it; its error rolls back and is returned. May run
  // `change` again when the database asks for a retry, and on the thread of another writer, who
  // shares the commit: so it must not touch anything else, wait for anything, or throw.
  virtual Result<Revision> Write(const std::function<Result<void>(Transaction&)>& change) = 0;

  virtual Result<std::optional<SiteRecord>> Find(site::SiteId id) const = 0;
  virtual Result<std::vector<SiteRecord>> List(const Query& query) const = 0;  // by id
  virtual Result<Counts> Count() const = 0;

  // All that changed after `revision`; everything there is for revision 0.
  virtual Result<Changes> ChangesAfter(Revision revision) const = 0;

  // See Changes::document_revisions.
  virtual Result<Revision> DocumentRevision(std::string_view pool) const = 0;

  // See Transaction::NextId; another one may take it meanwhile.
  virtual Result<site::SiteId> NextId() const = 0;

  virtual Result<std::optional<std::string>> Setting(std::string_view key) const = 0;

  virtual Result<std::vector<Migration>> Migrations() const = 0;  // the newest first
  // In the order of their batches and sites.
  virtual Result<std::vector<MigrationStep>> StepsOf(std::uint64_t migration) const = 0;
  virtual Result<MigrationCounts> CountSteps(std::uint64_t migration) const = 0;

  const CommitSignal& commits() const { return commits_; }

  // Only the commits that changed a document.
  const CommitSignal& document_commits() const { return document_commits_; }

 protected:
  CommitSignal commits_;
  CommitSignal document_commits_;
};

}  // namespace orchestrator::store
