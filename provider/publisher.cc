#include "provider/publisher.h"

#include <algorithm>
#include <utility>

namespace provider {
namespace {

constexpr std::chrono::milliseconds kAbandonedCheck{500};

}  // namespace

void Publisher::Publish(std::shared_ptr<const Snapshot> snapshot) {
  {
    const std::lock_guard lock(mutex_);
    current_ = std::move(snapshot);
  }
  changed_.notify_all();
}

std::shared_ptr<const Snapshot> Publisher::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::shared_ptr<const Snapshot> Publisher::WaitForOther(
    std::uint64_t id, Clock::time_point deadline, const std::function<bool()>& abandoned) const {
  std::unique_lock lock(mutex_);
  const auto is_over = [&] { return closed_ || (current_ && current_->id() != id); };
  while (!is_over() && Clock::now() < deadline) {
    changed_.wait_until(lock, std::min(deadline, Clock::now() + kAbandonedCheck), is_over);
    if (is_over() || !abandoned) continue;
    lock.unlock();
    const bool gone = abandoned();
    lock.lock();
    if (gone) break;
  }
  return current_;
}

bool Publisher::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void Publisher::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

}  // namespace provider
