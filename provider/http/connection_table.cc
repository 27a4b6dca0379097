#include "provider/http/connection_table.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace provider::http {

void ConnectionTable::Open(int descriptor) {
  const std::lock_guard lock(mutex_);
  open_[descriptor] = {Phase::kIdle, Clock::now()};
}

void ConnectionTable::Enter(int descriptor, Phase phase) {
  const std::lock_guard lock(mutex_);
  if (const auto found = open_.find(descriptor); found != open_.end()) {
    found->second = {phase, Clock::now()};
  }
}

void ConnectionTable::Close(int descriptor) {
  {
    // With the lock, since the number may be another connection's right after.
    const std::lock_guard lock(mutex_);
    open_.erase(descriptor);
    shutdown(descriptor, SHUT_RDWR);
    close(descriptor);
  }
  closed_.notify_all();
}

void ConnectionTable::CutLate(const Limits& limits, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (const auto& [descriptor, state] : open_) {
    const bool late =
        (state.phase == Phase::kReading && now - state.since > limits.reading) ||
        (state.phase == Phase::kReadingBody && now - state.since > limits.reading_body) ||
        (state.phase == Phase::kSending && limits.sending != Clock::duration::zero() &&
         now - state.since > limits.sending);
    if (late) shutdown(descriptor, SHUT_RDWR);
  }
}

void ConnectionTable::CutIdle(std::size_t count, Clock::duration idle, Clock::duration slow,
                              Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  std::vector<std::tuple<Phase, Clock::time_point, int>> waiting;
  for (const auto& [descriptor, state] : open_) {
    const Clock::duration time = now - state.since;
    if ((state.phase == Phase::kIdle && time >= idle) ||
        (state.phase == Phase::kReading && time >= slow)) {
      waiting.emplace_back(state.phase, state.since, descriptor);
    }
  }
  std::ranges::sort(waiting);
  waiting.resize(std::min(waiting.size(), count));
  for (const auto& [phase, since, descriptor] : waiting) shutdown(descriptor, SHUT_RDWR);
}

void ConnectionTable::CutAll() {
  const std::lock_guard lock(mutex_);
  for (const auto& [descriptor, state] : open_) shutdown(descriptor, SHUT_RDWR);
}

void ConnectionTable::WaitForAll(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  closed_.wait_until(lock, deadline, [this] { return open_.empty(); });
}

}  // namespace provider::http
