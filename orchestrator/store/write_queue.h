#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/store/store.h"

namespace orchestrator::store {

// A change that waits for its transaction, or what came of it.
struct QueuedWrite {
  const std::function<Result<void>(Transaction&)>* change = nullptr;
  Result<Revision> outcome = Revision{0};
  bool done = false;
};

// Lets writers that come at the same time share one transaction: while one is being committed, the
// next ones gather; then the first of them commits them all. So the wait for the disk is paid once
// for all of them, and a single writer waits for nobody. Thread-safe.
class WriteQueue {
 public:
  // Runs on the thread of one of the writers, never twice at once. Must set every outcome and must
  // not throw.
  using Commit = std::function<void(std::span<QueuedWrite* const> group)>;

  // Returns when `change` was part of a commit. Its order is that of the calls.
  Result<Revision> Write(const std::function<Result<void>(Transaction&)>& change,
                         const Commit& commit);

  // Writers whose transaction has not begun.
  std::size_t waiting() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable committed_;
  std::vector<QueuedWrite*> waiting_;  // guarded by mutex_
  bool committing_ = false;            // guarded by mutex_
};

}  // namespace orchestrator::store
