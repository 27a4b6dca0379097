#include <chrono>
#include <future>

#include <catch2/catch_test_macros.hpp>

#include "orchestrator/store/store.h"

namespace orchestrator::store {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST_CASE("A wait ends at its deadline when nothing is committed") {
  const CommitSignal signal;
  const auto deadline = Clock::now() + 20ms;
  signal.WaitAfter(0, deadline, {});
  CHECK(Clock::now() >= deadline);
  CHECK(signal.last() == 0);
}

TEST_CASE("A wait ends with a stop") {
  const CommitSignal signal;
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    signal.WaitAfter(0, Clock::now() + 1h, stop.get_token());
    return signal.last();
  });
  stop.request_stop();
  CHECK(waiting.get() == 0);
}

TEST_CASE("A wait ends at once when the commit has been before it") {
  CommitSignal signal;
  signal.Notify(5);
  const auto begin = Clock::now();
  signal.WaitAfter(4, begin + 1h, {});
  CHECK(Clock::now() < begin + 1h);
}

TEST_CASE("A commit wakes those who wait") {
  CommitSignal signal;
  auto waiting = std::async(std::launch::async, [&] {
    signal.WaitAfter(0, Clock::now() + 1h, {});
    return signal.last();
  });
  signal.Notify(1);
  CHECK(waiting.get() == 1);
}

TEST_CASE("The last commit never goes back") {
  CommitSignal signal;
  signal.Notify(5);
  signal.Notify(3);
  CHECK(signal.last() == 5);
}

}  // namespace
}  // namespace orchestrator::store
