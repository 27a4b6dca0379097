#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <stop_token>

namespace orchestrator::deploy {

// How long a key waits after it failed: doubled each time, with jitter so that keys that failed
// together do not come back together.
struct BackOff {
  std::chrono::milliseconds first{100};
  std::chrono::milliseconds longest{30'000};
  double jitter = 0.2;  // ± this share
};

// A queue of keys to work on. A key is in it once, however often it is added; it is never given to
// two workers at once; one that is added while it is worked on comes again afterwards. Thread-safe.
class WorkQueue {
 public:
  using Key = std::int64_t;
  using Clock = std::chrono::steady_clock;

  explicit WorkQueue(BackOff back_off = {}) : back_off_(back_off) {}

  // At once, even when the key is waiting after a failure.
  void Add(Key key);

  // No earlier than after `delay`, unless it is due before.
  void AddAfter(Key key, Clock::duration delay);

  // The next key that is due, or nothing after a stop.
  std::optional<Key> Take(const std::stop_token& stop);

  // Ends the work on a key that was taken. A success forgets its failures; a failure brings it
  // back.
  void Succeed(Key key);
  void Fail(Key key);

  // Keys that wait for their turn or are worked on.
  std::size_t unfinished() const;

 private:
  Clock::duration NextPause(Key key);
  void AddLocked(Key key, Clock::time_point due);

  const BackOff back_off_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<Key, Clock::time_point> due_;                 // guarded by mutex_
  std::set<std::pair<Clock::time_point, Key>> by_time_;  // guarded by mutex_; the same, by time
  std::set<Key> working_;                                // guarded by mutex_
  std::map<Key, Clock::time_point> again_;               // guarded by mutex_; added while worked on
  std::map<Key, unsigned> failures_;                     // guarded by mutex_
  std::minstd_rand random_{std::random_device{}()};      // guarded by mutex_
};

}  // namespace orchestrator::deploy
