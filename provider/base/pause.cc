#include "provider/base/pause.h"

#include <condition_variable>
#include <mutex>

namespace provider {

bool Pause(const std::stop_token& stop, std::chrono::steady_clock::duration time) {
  return PauseUntil(stop, std::chrono::steady_clock::now() + time);
}

bool PauseUntil(const std::stop_token& stop, std::chrono::steady_clock::time_point end) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_until(lock, stop, end, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace provider
