#pragma once

#include <chrono>
#include <thread>

namespace tests {

// Asks `condition` again and again until it holds or the time is over. Whether it held in the end.
template <typename Condition>
bool Eventually(Condition&& condition, std::chrono::milliseconds limit = std::chrono::seconds(10),
                std::chrono::milliseconds pause = std::chrono::milliseconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::yield();
    std::this_thread::sleep_until(std::chrono::steady_clock::now() + pause);
  }
  return true;
}

}  // namespace tests
