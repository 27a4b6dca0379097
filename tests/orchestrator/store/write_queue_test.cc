#include "orchestrator/store/write_queue.h"

#include <algorithm>
#include <atomic>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::store {
namespace {

using tests::MakeRecord;
using tests::MakeSite;
using tests::TestStore;

// A commit that tells when it has begun and goes on when it may.
struct HeldCommit {
  std::binary_semaphore begun{0};
  std::binary_semaphore may_go_on{0};
};

TEST_CASE("Writers that come during a commit are committed together by the next one") {
  constexpr int kLater = 5;
  WriteQueue queue;
  HeldCommit first;
  std::vector<std::size_t> groups;  // one commit at a time writes to it
  const WriteQueue::Commit commit = [&](std::span<QueuedWrite* const> group) {
    groups.push_back(group.size());
    if (groups.size() == 1) {
      first.begun.release();
      first.may_go_on.acquire();
    }
    Revision revision = groups.size() * 100;
    for (QueuedWrite* write : group) write->outcome = revision++;
  };
  const std::function<Result<void>(Transaction&)> change;
  std::jthread leader([&] { queue.Write(change, commit).value(); });
  first.begun.acquire();
  std::atomic<int> answered = 0;
  std::vector<std::jthread> others;
  for (int i = 0; i < kLater; ++i) {
    others.emplace_back([&] {
      if (queue.Write(change, commit).has_value()) ++answered;
    });
  }
  // Those that have come are asleep in the queue: nothing else can be seen of them.
  REQUIRE(tests::Eventually([&] { return queue.waiting() == kLater; }));
  CHECK(answered == 0);
  first.may_go_on.release();
  others.clear();
  CHECK(answered == kLater);
  CHECK(groups == std::vector<std::size_t>{1, kLater});
}

TEST_CASE("Of writers at the same time only those that fail are taken back") {
  TestStore store;
  constexpr int kWriters = 40;
  std::atomic<int> refused = 0;
  std::vector<Revision> revisions(kWriters);
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&, i] {
        const auto written = store->Write([&](Transaction& transaction) -> Result<void> {
          SiteRecord record = MakeRecord(MakeSite(i + 1));
          record.revision = transaction.revision();
          if (auto put = transaction.Put({&record, 1}); !put) return put;
          if (i % 4 != 0) return {};
          if (i % 8 == 0) throw std::runtime_error("a broken promise");
          return Failure(Error{ErrorKind::kInvalid, "not this one"});
        });
        if (written) {
          revisions[i] = *written;
        } else {
          ++refused;
        }
      });
    }
  }
  CHECK(refused == kWriters / 4);
  std::vector<Revision> good;
  for (int i = 0; i < kWriters; ++i) {
    const auto found = store->Find({i + 1});
    REQUIRE(found.has_value());
    CHECK(found->has_value() == (i % 4 != 0));
    if (*found) {
      CHECK((*found)->revision == revisions[i]);
      good.push_back(revisions[i]);
    }
  }
  // Each its own revision, and none is left out for those that failed.
  std::ranges::sort(good);
  for (std::size_t i = 0; i < good.size(); ++i) CHECK(good[i] == i + 1);
  CHECK(store->ChangesAfter(0).value().revision == good.size());
}

}  // namespace
}  // namespace orchestrator::store
