#include "provider/http/connection_threads.h"

#include <atomic>
#include <latch>
#include <semaphore>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include "tests/support/eventually.h"

namespace provider::http {
namespace {

using tests::Eventually;

TEST_CASE("A burst of work that blocks gets a thread each, up to the limit") {
  constexpr int kMost = 100;
  for (int round = 0; round < 20; ++round) {
    ConnectionThreads threads(kMost, 10);
    std::atomic<int> running = 0;
    std::latch all(kMost);
    // While idle threads are just waking up, what they will take must not be counted on them twice.
    for (int i = 0; i < 4; ++i) REQUIRE(threads.Run([] {}));
    for (int i = 0; i < kMost; ++i) {
      REQUIRE(threads.Run([&] {
        ++running;
        all.arrive_and_wait();
      }));
    }
    CHECK(Eventually([&] { return running == kMost; }));
    threads.End();
  }
}

TEST_CASE("Work beyond the threads waits, and beyond that is refused") {
  ConnectionThreads threads(1, 2);
  std::binary_semaphore go(0);
  std::binary_semaphore begun(0);
  std::atomic<int> done = 0;
  REQUIRE(threads.Run([&] {
    begun.release();
    go.acquire();
    ++done;
  }));
  begun.acquire();
  CHECK(threads.waiting() == 0);
  CHECK(threads.Run([&] { ++done; }));
  CHECK(threads.Run([&] { ++done; }));
  CHECK(threads.waiting() == 2);
  CHECK_FALSE(threads.Run([&] { ++done; }));
  go.release();
  threads.End();
  CHECK(done == 3);
  CHECK_FALSE(threads.Run([] {}));
}

TEST_CASE("Work from many threads is all done, each piece once") {
  ConnectionThreads threads(8, 100'000);
  std::atomic<int> done = 0;
  std::atomic<int> taken = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 4; ++i) {
      writers.emplace_back([&] {
        for (int k = 0; k < 2'000; ++k) taken += threads.Run([&] { ++done; }) ? 1 : 0;
      });
    }
  }
  threads.End();
  CHECK(taken == 8'000);
  CHECK(done == 8'000);
}

}  // namespace
}  // namespace provider::http
