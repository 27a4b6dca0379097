#include "orchestrator/store/write_queue.h"

#include <exception>
#include <utility>

namespace orchestrator::store {

Result<Revision> WriteQueue::Write(const std::function<Result<void>(Transaction&)>& change,
                                   const Commit& commit) {
  QueuedWrite own{.change = &change};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&own);
  committed_.wait(lock, [&] { return own.done || !committing_; });
  if (own.done) return std::move(own.outcome);

  committing_ = true;
  const std::vector<QueuedWrite*> group = std::exchange(waiting_, {});
  lock.unlock();
  try {
    commit(group);
  } catch (const std::exception& thrown) {
    // A broken promise must not leave the others waiting for ever.
    for (QueuedWrite* write : group) {
      write->outcome =
          Failure(Error{ErrorKind::kInternal, "the change could not be committed", thrown.what()});
    }
  }
  lock.lock();
  committing_ = false;
  for (QueuedWrite* write : group) write->done = true;
  lock.unlock();
  committed_.notify_all();
  return std::move(own.outcome);
}

std::size_t WriteQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace orchestrator::store
