#include "orchestrator/store/store.h"

namespace orchestrator::store {

void CommitSignal::Notify(Revision revision) {
  {
    const std::lock_guard lock(mutex_);
    if (revision > last_) last_ = revision;
  }
  changed_.notify_all();
}

Revision CommitSignal::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void CommitSignal::WaitAfter(Revision seen, std::chrono::steady_clock::time_point deadline,
                             const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, deadline, [&] { return last_ > seen; });
}

}  // namespace orchestrator::store
