#include "provider/publisher.h"

#include <atomic>
#include <future>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "tests/provider/snapshots.h"
#include "tests/support/eventually.h"

namespace provider {
namespace {

using namespace std::chrono_literals;
using Clock = Publisher::Clock;
using tests::MakeSnapshot;

TEST_CASE("Publisher has nothing to say until the first snapshot") {
  Publisher publisher;
  CHECK(publisher.Current() == nullptr);
  CHECK(publisher.WaitForOther(0, Clock::now() + 1ms) == nullptr);
}

TEST_CASE("Waiting ends at the deadline with what is current") {
  Publisher publisher;
  publisher.Publish(MakeSnapshot(3));
  const auto deadline = Clock::now() + 20ms;
  const auto snapshot = publisher.WaitForOther(publisher.Current()->id(), deadline);
  CHECK(Clock::now() >= deadline);
  REQUIRE(snapshot);
  CHECK(snapshot->revision() == 3);
}

TEST_CASE("Waiting ends at once when another snapshot is current, also of an older revision") {
  Publisher publisher;
  const auto newer = MakeSnapshot(4);
  publisher.Publish(MakeSnapshot(3));
  CHECK(publisher.WaitForOther(0, Clock::now() + 1h)->revision() == 3);
  CHECK(publisher.WaitForOther(newer->id(), Clock::now() + 1h)->revision() == 3);
}

TEST_CASE("Waiting ends when nobody waits for the answer any more") {
  Publisher publisher;
  publisher.Publish(MakeSnapshot(1));
  std::atomic<int> asked = 0;
  const auto snapshot = publisher.WaitForOther(publisher.Current()->id(), Clock::now() + 1h,
                                               [&] { return ++asked > 0; });
  CHECK(snapshot->revision() == 1);
  CHECK(asked == 1);
}

TEST_CASE("Close wakes those who wait, now and later") {
  Publisher publisher;
  publisher.Publish(MakeSnapshot(1));
  auto waiting = std::async(std::launch::async, [&, id = publisher.Current()->id()] {
    return publisher.WaitForOther(id, Clock::now() + 1h);
  });
  publisher.Close();
  CHECK(waiting.get()->revision() == 1);
  CHECK(publisher.WaitForOther(publisher.Current()->id(), Clock::now() + 1h)->revision() == 1);
}

TEST_CASE("Publishing wakes all who wait and gives them one snapshot") {
  Publisher publisher;
  publisher.Publish(MakeSnapshot(1));
  std::vector<std::future<std::shared_ptr<const Snapshot>>> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(std::async(std::launch::async, [&, id = publisher.Current()->id()] {
      return publisher.WaitForOther(id, Clock::now() + 1h);
    }));
  }
  const auto second = MakeSnapshot(2);
  publisher.Publish(second);
  for (auto& one : waiting) CHECK(one.get() == second);
  CHECK(publisher.Current() == second);
}

TEST_CASE("Publishing the same snapshot again does not end a wait, another of its revision does") {
  Publisher publisher;
  const auto first = MakeSnapshot(1);
  publisher.Publish(first);
  std::atomic<bool> asked = false;
  auto waiting = std::async(std::launch::async, [&] {
    return publisher.WaitForOther(first->id(), Clock::now() + 1h,
                                  [&] { return asked = true, false; });
  });
  publisher.Publish(first);
  CHECK(tests::Eventually([&] { return asked.load(); }));
  CHECK(waiting.wait_for(0s) == std::future_status::timeout);
  const auto again = MakeSnapshot(1);
  publisher.Publish(again);
  CHECK(waiting.get() == again);
}

}  // namespace
}  // namespace provider
