#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/store/history.h"
#include "provider/document_state.h"
#include "provider/snapshot.h"

namespace orchestrator::routing {

// A document that Traefik is given from now on.
struct Publication {
  store::Revision revision = 0;
  // Null where a newer one waits behind it: only the newest is kept.
  std::shared_ptr<const provider::Snapshot> snapshot;
  provider::DocumentState state;
  std::chrono::system_clock::time_point published;
  std::optional<store::Revision> rolled_back_to;
  bool of_another_database = false;  // than what was published before: the history begins anew
  // It differs from the one before only in where tasks are: that is no news for the history.
  bool of_tasks_only = false;
};

// Parts of a document in the history, see store::HistoryPart: a shard each.
std::string PackFragments(const provider::Fragments& fragments);
Result<provider::Fragments> UnpackFragments(const std::string& bytes);

// The sites among a document's fragments.
std::size_t CountSites(const provider::DocumentState& state);

// A file beside a last known good document: while it is there, newer ones are held back.
std::filesystem::path HeldMark(const std::filesystem::path& last_known_good);

// The fragment of what all sites share; no site has this key.
inline constexpr std::uint64_t kSharedKey = 0;

// Writes what was published to disk: the newest document as the last known good one, and each into
// the history. Nobody waits for it but those who ask `kept`.
//
// Owns one thread. `history` may be null; it must live longer. Thread-safe.
class Recorder {
 public:
  struct Options {
    std::filesystem::path last_known_good;
    std::size_t revisions = 100;  // that the history keeps
    store::Revision kept = 0;     // of the file that is there already
    std::string source = {};      // the name of the database, see DatabaseName
  };

  Recorder(store::History* history, Options options);
  // Writes what waits.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void Record(Publication publication);

  // No document of `revision` is published: what was published last is what is right, also after a
  // restart. Until a document of this revision or a later one is on disk.
  void RecordHeld(store::Revision revision);

  // The revision of the document that is on disk: a restart begins with it, or a later one.
  store::Revision kept() const;

  // Why what was published last is not on disk; empty when it is, or soon will be.
  std::string problem() const;

 private:
  using Bytes = std::map<std::uint64_t, std::string>;  // by number of the part

  void Run(const std::stop_token& stop);
  void KeepNewest(std::unique_lock<std::mutex>& lock);
  bool Keep(const Publication& publication);
  void AddToHistory(const Publication& publication);
  void LoadLatest();
  std::vector<store::HistoryPart> ChangedParts(const provider::DocumentState& state);
  provider::Difference DifferenceTo(const provider::DocumentState& state,
                                    const std::vector<store::HistoryPart>& changed) const;

  store::History* const history_;
  const Options options_;

  // Used by the thread alone.
  std::optional<provider::DocumentState> last_;  // in the history
  Bytes digests_;                                // of the parts that are in the history now
  Bytes found_;                                  // those parts, until the first is added
  store::Revision latest_ = 0;
  std::string history_problem_;  // that was logged last
  std::optional<Publication> unkept_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Publication> queue_;  // guarded by mutex_, as all below
  std::optional<store::Revision> held_;
  store::Revision kept_;
  std::string problem_;
  std::jthread thread_;
};

}  // namespace orchestrator::routing
