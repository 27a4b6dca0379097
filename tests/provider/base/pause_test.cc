#include "provider/base/pause.h"

#include <chrono>
#include <stop_token>
#include <thread>

#include <catch2/catch_test_macros.hpp>

namespace provider {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST_CASE("A pause that was stopped before, or that is over already, does not wait") {
  std::stop_source stop;
  CHECK(Pause(stop.get_token(), -1h));
  CHECK(PauseUntil(stop.get_token(), Clock::time_point::min()));
  CHECK(Pause({}, 0s));  // nobody can stop it
  stop.request_stop();
  CHECK_FALSE(Pause(stop.get_token(), 1h));
  CHECK_FALSE(PauseUntil(stop.get_token(), Clock::now() + 1h));
}

TEST_CASE("A pause ends early when it is stopped") {
  std::stop_source stop;
  bool passed = true;
  std::jthread pausing([&] { passed = Pause(stop.get_token(), 1h); });
  stop.request_stop();
  pausing.join();
  CHECK_FALSE(passed);
}

TEST_CASE("A pause that nobody stops lasts its time") {
  const auto begin = Clock::now();
  CHECK(Pause({}, 20ms));
  CHECK(Clock::now() - begin >= 20ms);
}

}  // namespace
}  // namespace provider
