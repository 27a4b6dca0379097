#include "orchestrator/deploy/work_queue.h"

#include <atomic>
#include <future>
#include <map>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "tests/support/eventually.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using Clock = WorkQueue::Clock;

constexpr BackOff kSteady{.first = 20ms, .longest = 50ms, .jitter = 0};

TEST_CASE("Take ends with a stop, before it and while it waits") {
  WorkQueue queue;
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return queue.Take(stop.get_token()); });
  stop.request_stop();
  CHECK_FALSE(waiting.get().has_value());
  queue.Add(1);
  CHECK_FALSE(queue.Take(stop.get_token()).has_value());
  CHECK(queue.unfinished() == 1);
}

TEST_CASE("A key is in the queue once, however often it is added") {
  WorkQueue queue;
  for (int i = 0; i < 5; ++i) queue.Add(1);
  queue.Add(2);
  queue.AddAfter(1, 1h);
  CHECK(queue.unfinished() == 2);
  CHECK(queue.Take({}) == 1);
  CHECK(queue.Take({}) == 2);
  CHECK(queue.unfinished() == 2);
  queue.Succeed(1);
  queue.Succeed(2);
  CHECK(queue.unfinished() == 0);
}

TEST_CASE("A key that is added while it is worked on comes again afterwards, once") {
  WorkQueue queue;
  queue.Add(1);
  REQUIRE(queue.Take({}) == 1);
  queue.Add(1);
  queue.Add(1);
  CHECK(queue.unfinished() == 1);
  queue.Succeed(1);
  CHECK(queue.unfinished() == 1);
  REQUIRE(queue.Take({}) == 1);
  queue.Succeed(1);
  CHECK(queue.unfinished() == 0);
}

TEST_CASE("A key that is added later waits, and comes at once when it is added again") {
  WorkQueue queue;
  queue.AddAfter(1, 1h);
  queue.Add(2);
  CHECK(queue.Take({}) == 2);
  queue.Succeed(2);
  CHECK(queue.unfinished() == 1);
  queue.Add(1);
  CHECK(queue.Take({}) == 1);
}

TEST_CASE("A key that failed comes back after a pause that doubles up to a limit") {
  WorkQueue queue(kSteady);
  queue.Add(1);
  REQUIRE(queue.Take({}) == 1);
  for (const auto pause : {20ms, 40ms, 50ms, 50ms}) {
    const auto failed = Clock::now();
    queue.Fail(1);
    CHECK(queue.Take({}) == 1);
    CHECK(Clock::now() - failed >= pause);
  }
}

TEST_CASE("A success forgets the failures") {
  WorkQueue queue({.first = 10ms, .longest = 1h, .jitter = 0});
  queue.Add(1);
  REQUIRE(queue.Take({}) == 1);
  for (int i = 0; i < 4; ++i) {  // 10, 20, 40, 80 ms
    queue.Fail(1);
    REQUIRE(queue.Take({}) == 1);
  }
  queue.Succeed(1);
  queue.Add(1);
  REQUIRE(queue.Take({}) == 1);
  queue.AddAfter(2, 100ms);
  queue.Fail(1);
  CHECK(queue.Take({}) == 1);  // after 10 ms again, not 160
}

TEST_CASE("A key that failed for ever still has a pause within the limit") {
  WorkQueue queue({.first = 1ms, .longest = 2ms, .jitter = 0.2});
  queue.Add(1);
  for (int i = 0; i < 100; ++i) {
    REQUIRE(queue.Take({}) == 1);
    queue.Fail(1);
  }
  CHECK(queue.unfinished() == 1);
}

TEST_CASE("Add brings a key back at once that waits after a failure") {
  WorkQueue queue({.first = 1h, .longest = 1h, .jitter = 0});
  queue.Add(1);
  REQUIRE(queue.Take({}) == 1);
  queue.Fail(1);
  queue.Add(1);
  CHECK(queue.Take({}) == 1);
  queue.Add(1);
  queue.Fail(1);
  CHECK(queue.Take({}) == 1);
}

TEST_CASE("Adding wakes a worker that waits for a later key") {
  WorkQueue queue;
  queue.AddAfter(1, 1h);
  auto taken = std::async(std::launch::async, [&] { return queue.Take({}); });
  queue.Add(2);
  CHECK(taken.get() == 2);
}

TEST_CASE("A key is never given to two workers at once, and none is lost") {
  constexpr int kKeys = 5;
  constexpr int kRounds = 200;
  WorkQueue queue({.first = 1ms, .longest = 1ms, .jitter = 0.2});
  std::atomic<int> busy[kKeys] = {};
  std::atomic<int> wanted[kKeys] = {};
  std::atomic<int> seen[kKeys] = {};
  std::atomic<bool> shared = false;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) {
      workers.emplace_back([&](const std::stop_token& stop) {
        while (const auto key = queue.Take(stop)) {
          if (busy[*key]++ > 0) shared = true;
          seen[*key] = wanted[*key].load();
          std::this_thread::yield();
          --busy[*key];
          if (seen[*key] % 7 == 3) {
            queue.Fail(*key);
          } else {
            queue.Succeed(*key);
          }
        }
      });
    }
    for (int round = 1; round <= kRounds; ++round) {
      for (int key = 0; key < kKeys; ++key) {
        wanted[key] = round;
        queue.Add(key);
      }
    }
    for (auto& count : seen) CHECK(tests::Eventually([&] { return count == kRounds; }));
  }
  CHECK_FALSE(shared);
}

}  // namespace
}  // namespace orchestrator::deploy
