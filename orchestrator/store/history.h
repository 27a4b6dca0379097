#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/store/record.h"

namespace orchestrator::store {

// A document that was published, as the list shows it.
struct PublishedRevision {
  Revision revision = 0;
  std::int64_t published = 0;  // milliseconds since 1970
  std::size_t sites = 0;       // with routes
  std::size_t added = 0;       // these three: against the one before
  std::size_t removed = 0;
  std::size_t changed = 0;
  std::optional<Revision> rolled_back_to;  // whose routes it has

  friend bool operator==(const PublishedRevision&, const PublishedRevision&) = default;
};

// A part of a document as bytes that mean nothing here.
struct HistoryPart {
  std::uint64_t number = 0;
  std::string bytes;  // empty: there is no such part any more

  friend bool operator==(const HistoryPart&, const HistoryPart&) = default;
};

// The parts of this number in two revisions; empty where there is none.
struct HistoryPair {
  std::uint64_t number = 0;
  std::string before;
  std::string after;
};

// What was published, in a database of its own: derived, but kept, so that it can be looked at and
// gone back to. A revision costs what has changed in it. Thread-safe.
class History {
 public:
  virtual ~History() = default;

  // Adds a revision, later than all before, that differs from the one before in these parts; the
  // same revision again takes the place of the last. Keeps the newest `keep`, and the pinned one.
  virtual Result<void> Add(const PublishedRevision& revision, std::span<const HistoryPart> changed,
                           std::size_t keep) = 0;

  // Keeps this revision however old it gets, in the place of the one that was pinned before.
  // kNotFound when it is not kept any more.
  virtual Result<void> Pin(std::optional<Revision> revision) = 0;

  // Forgets everything.
  virtual Result<void> Clear() = 0;

  virtual Result<std::vector<PublishedRevision>> List() const = 0;  // the newest first

  // kNotFound for a revision that is not kept.
  virtual Result<std::vector<HistoryPart>> PartsOf(Revision revision) const = 0;
  // Empty where the revision has no such part.
  virtual Result<std::string> FindPart(Revision revision, std::uint64_t number) const = 0;
  virtual Result<std::vector<HistoryPair>> Differing(Revision before, Revision after) const = 0;
};

Result<std::unique_ptr<History>> OpenHistory(const std::string& path);

}  // namespace orchestrator::store
