#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "provider/snapshot.h"

namespace provider {

// Hands immutable snapshots from one writer to many readers. Thread-safe.
class Publisher {
 public:
  using Clock = std::chrono::steady_clock;

  // Makes `snapshot` the current one and wakes all who wait.
  void Publish(std::shared_ptr<const Snapshot> snapshot);

  // Null until the first one is published: there is nothing true to say yet.
  std::shared_ptr<const Snapshot> Current() const;

  // Blocks until the current snapshot has another id than `id` (0: none), the deadline has passed,
  // `abandoned` (asked about twice a second) says so, or Close was called. Returns what is current
  // then.
  std::shared_ptr<const Snapshot> WaitForOther(std::uint64_t id, Clock::time_point deadline,
                                               const std::function<bool()>& abandoned = {}) const;

  // Wakes all who wait, now and later: the process is about to end.
  void Close();
  bool is_closed() const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::shared_ptr<const Snapshot> current_;
  bool closed_ = false;
};

}  // namespace provider
