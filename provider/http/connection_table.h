#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace provider::http {

// The open connections of a server and what each is doing, so that one which takes too long, or
// does nothing while others wait, can be cut. Cutting only ends the connection's bytes: the thread
// that serves it notices, and closes it.
//
// Thread-safe.
class ConnectionTable {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Phase : std::uint8_t {
    kIdle,     // waits for a request
    kReading,  // of which a part has come
    kReadingBody,
    kAnswering,  // is with the handler, for as long as that takes
    kSending,
  };

  struct Limits {
    Clock::duration reading;
    Clock::duration reading_body;
    Clock::duration sending;  // 0: none
  };

  void Open(int descriptor);
  void Enter(int descriptor, Phase phase);
  // Also shuts the socket down and closes it.
  void Close(int descriptor);

  // Cuts those that are in their phase for longer than its limit at `now`.
  void CutLate(const Limits& limits, Clock::time_point now);

  // Cuts up to `count` of those that have waited for a request for at least `idle` at `now`, those
  // that wait for the longest time first; then of those of whose request a part has come, but not
  // all for at least `slow`.
  void CutIdle(std::size_t count, Clock::duration idle, Clock::duration slow,
               Clock::time_point now);

  void CutAll();

  // Until all are closed, or the deadline.
  void WaitForAll(Clock::time_point deadline);

 private:
  struct State {
    Phase phase;
    Clock::time_point since;
  };

  std::mutex mutex_;
  std::condition_variable closed_;
  std::map<int, State> open_;  // guarded by mutex_; by descriptor
};

}  // namespace provider::http
