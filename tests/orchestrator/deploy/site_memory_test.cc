#include "orchestrator/deploy/site_memory.h"

#include <thread>

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using tests::MakeRecord;
using tests::MakeSite;

constexpr site::SiteId kSite{1};

TEST_CASE("What is undone again and again is undone at growing intervals") {
  SiteMemory memory;
  auto now = SiteMemory::Clock::now();
  SiteMemory::Clock::duration last{};
  for (int i = 0; i < 20; ++i) {
    const auto pause = memory.RepairPause(kSite, now);
    INFO("repair " << i);
    CHECK(pause >= last);
    if (i < 4) CHECK(pause == 0s);
    if (i == 4) CHECK(pause == 1s);
    last = pause;
    now += pause;
    CHECK(memory.RepairPause(kSite, now) == 0s);
    memory.CountRepair(kSite, now);
  }
  CHECK(last == 256s);

  SECTION("another site is not concerned") { CHECK(memory.RepairPause({2}, now) == 0s); }
  SECTION("after a long peace it counts anew") {
    now += 1h;
    CHECK(memory.RepairPause(kSite, now) == 0s);
    memory.CountRepair(kSite, now);
    CHECK(memory.RepairPause(kSite, now) == 0s);
  }
}

TEST_CASE("Who waits for a site is told when it was applied or refused, and why not in time") {
  SiteMemory memory;
  store::SiteRecord record = MakeRecord(MakeSite(1));
  record.revision = 5;
  CHECK(memory.WaitApplied(kSite, 5, SiteMemory::Clock::now(), {}).contains("waiting"));

  std::string answer = "not yet";
  std::string other;
  {
    std::jthread waiter(
        [&] { answer = memory.WaitApplied(kSite, 5, SiteMemory::Clock::now() + 10s, {}); });
    std::jthread other_waiter(
        [&] { other = memory.WaitApplied({2}, 5, SiteMemory::Clock::now() + 10s, {}); });
    memory.SetApplied(record, /*rolled_back=*/false);
    memory.SetProblem({2}, "no such image");
    memory.SetRefused({2}, 5);
  }
  CHECK(answer.empty());
  CHECK(other == "no such image");
  CHECK(memory.WaitApplied(kSite, 6, SiteMemory::Clock::now(), {}) != "");
}

}  // namespace
}  // namespace orchestrator::deploy
