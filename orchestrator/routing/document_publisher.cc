#include "orchestrator/routing/document_publisher.h"

#include <utility>

#include <spdlog/spdlog.h>

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kIdleCheck = 10s;
constexpr auto kRetry = 500ms;

}  // namespace

DocumentPublisher::DocumentPublisher(const store::Store& store,
                                     std::vector<PoolDocument*> documents)
    : store_(store), documents_(std::move(documents)) {
  for (std::size_t i = 0; i < documents_.size(); ++i) by_name_[documents_[i]->name()] = i;
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

DocumentPublisher::~DocumentPublisher() {
  thread_.request_stop();
  thread_.join();
}

void DocumentPublisher::Run(const std::stop_token& stop) {
  store::Revision seen = 0;
  while (!stop.stop_requested()) {
    // A commit wakes this thread at once, so it was now but for some microseconds.
    const auto committed = Clock::now();
    const auto changes = store_.ChangesAfter(seen);
    bool done = changes.has_value();
    if (changes) {
      done = Distribute(*changes, committed);
      seen = changes->revision;
    } else {
      spdlog::error("the documents stay as they are: {}", changes.error().message);
    }
    if (done) {
      store_.document_commits().WaitAfter(seen, Clock::now() + kIdleCheck, stop);
    } else {
      // No commit wakes this wait but a new one, which is worth another try anyway.
      store_.commits().WaitAfter(store_.commits().last(), Clock::now() + kRetry, stop);
    }
  }
}

// False when a document has to be tried again.
bool DocumentPublisher::Distribute(const store::Changes& changes, Clock::time_point committed) {
  std::vector<std::vector<PoolChange>> shares(documents_.size());
  for (const store::Change& change : changes.sites) {
    const auto before = places_.find(change.id.value);
    const bool is_there = change.record || !change.problem.empty();
    const auto place = by_name_.find(change.pool);
    const bool has_place = is_there && place != by_name_.end();
    if (before != places_.end() && (!has_place || before->second != place->second)) {
      shares[before->second].push_back({change.id});
      places_.erase(before);
    }
    if (is_there && !has_place) {
      spdlog::error("site {} has no routes: there is no pool {}", change.id.value, change.pool);
    }
    if (!has_place) continue;
    places_[change.id.value] = place->second;
    shares[place->second].push_back(
        {change.id, change.record ? &*change.record : nullptr, change.problem});
  }
  bool done = true;
  for (std::size_t i = 0; i < documents_.size(); ++i) {
    if (!shares[i].empty()) documents_[i]->Apply(shares[i]);
    done &= documents_[i]->Follow(changes.DocumentRevision(documents_[i]->name()), committed);
  }
  return done;
}

}  // namespace orchestrator::routing
