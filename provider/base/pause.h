#pragma once

#include <chrono>
#include <stop_token>

namespace provider {

// Waits for so long, or until `stop` is requested: whether it was not. Thread-safe.
bool Pause(const std::stop_token& stop, std::chrono::steady_clock::duration time);
bool PauseUntil(const std::stop_token& stop, std::chrono::steady_clock::time_point end);

}  // namespace provider
