#include "orchestrator/deploy/work_queue.h"

#include <algorithm>
#include <utility>

namespace orchestrator::deploy {

void WorkQueue::Add(Key key) { AddAfter(key, Clock::duration::zero()); }

void WorkQueue::AddAfter(Key key, Clock::duration delay) {
  const auto due = Clock::now() + delay;
  {
    const std::lock_guard lock(mutex_);
    if (working_.contains(key)) {
      const auto [found, added] = again_.try_emplace(key, due);
      if (!added) found->second = std::min(found->second, due);
      return;
    }
    AddLocked(key, due);
  }
  changed_.notify_one();
}

std::optional<WorkQueue::Key> WorkQueue::Take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stop.stop_requested()) return {};
    if (by_time_.empty()) {
      changed_.wait(lock, stop, [&] { return !by_time_.empty(); });
      continue;
    }
    const auto [due, key] = *by_time_.begin();
    if (due > Clock::now()) {
      changed_.wait_until(lock, stop, due, [&, first = due] {
        return by_time_.empty() || by_time_.begin()->first != first;
      });
      continue;
    }
    by_time_.erase(by_time_.begin());
    due_.erase(key);
    working_.insert(key);
    return key;
  }
}

void WorkQueue::Succeed(Key key) {
  {
    const std::lock_guard lock(mutex_);
    working_.erase(key);
    failures_.erase(key);
    const auto again = again_.find(key);
    if (again == again_.end()) return;
    AddLocked(key, again->second);
    again_.erase(again);
  }
  changed_.notify_one();
}

void WorkQueue::Fail(Key key) {
  {
    const std::lock_guard lock(mutex_);
    working_.erase(key);
    auto due = Clock::now() + NextPause(key);
    if (const auto again = again_.find(key); again != again_.end()) {
      due = std::min(due, again->second);
      again_.erase(again);
    }
    AddLocked(key, due);
  }
  changed_.notify_one();
}

std::size_t WorkQueue::unfinished() const {
  const std::lock_guard lock(mutex_);
  return by_time_.size() + working_.size();
}

WorkQueue::Clock::duration WorkQueue::NextPause(Key key) {
  static constexpr unsigned kMostDoublings = 20;
  const unsigned failures = std::min(failures_[key]++, kMostDoublings);
  const auto pause = std::min(back_off_.first * (std::int64_t{1} << failures), back_off_.longest);
  std::uniform_real_distribution<double> spread(1 - back_off_.jitter, 1 + back_off_.jitter);
  return std::chrono::duration_cast<Clock::duration>(pause * spread(random_));
}

void WorkQueue::AddLocked(Key key, Clock::time_point due) {
  const auto [found, added] = due_.try_emplace(key, due);
  if (!added) {
    if (found->second <= due) return;
    by_time_.erase({found->second, key});
    found->second = due;
  }
  by_time_.insert({due, key});
}

}  // namespace orchestrator::deploy
