#include "orchestrator/routing/document_publisher.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <spdlog/spdlog.h>

#include "provider/base/pause.h"

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
    if (!changes) {
      spdlog::error("the documents stay as they are: {}", changes.error().message);
      provider::Pause(stop, kRetry);
      continue;
    }
    const bool done = Distribute(*changes, committed);
    seen = changes->revision;
    if (done) {
      store_.document_commits().WaitAfter(seen, Clock::now() + kIdleCheck, stop);
    } else {
      store_.commits().WaitAfter(seen, Clock::now() + kRetry, stop);
    }
  }
}

// False when a document has to be tried again.
bool DocumentPublisher::Distribute(const store::Changes& changes, Clock::time_point committed) {
  std::vector<std::vector<PoolChange>> shares(documents_.size());
  for (const store::Change& change : changes.sites) Sort(change, shares);
  is_beginning_ = false;
  for (std::size_t i = 0; i < documents_.size(); ++i) {
    if (!shares[i].empty()) documents_[i]->Apply(shares[i]);
  }
  const auto follow = [&](std::size_t i) {
    return documents_[i]->Follow(changes.DocumentRevision(documents_[i]->name()), committed);
  };
  std::set<std::size_t> targets;
  for (const Departure& departure : departures_) targets.insert(departure.to);
  for (const std::size_t target : targets) follow(target);
  Depart();
  bool done = true;
  for (std::size_t i = 0; i < documents_.size(); ++i) done &= follow(i);
  return done;
}

// Gives a change to the document that it concerns, and notes where a site is to leave another.
void DocumentPublisher::Sort(const store::Change& change,
                             std::vector<std::vector<PoolChange>>& shares) {
  const auto before = places_.find(change.id.value);
  const bool is_there = change.record || !change.problem.empty();
  const auto place = by_name_.find(change.pool);
  if (!is_there || place == by_name_.end()) {
    if (is_there) {
      spdlog::error("site {} has no routes: there is no pool {}", change.id.value, change.pool);
    }
    if (before == places_.end()) return;
    shares[before->second].push_back({change.id});
    places_.erase(before);
    std::erase_if(departures_, [&](const Departure& departure) {
      if (departure.id == change.id) shares[departure.from].push_back({change.id});
      return departure.id == change.id;
    });
    return;
  }
  const std::size_t to = place->second;
  std::erase_if(departures_, [&](Departure& departure) {
    if (departure.id == change.id) departure.to = to;
    return departure.id == change.id && departure.from == to;  // it comes back
  });
  if (before != places_.end() && before->second != to) {
    departures_.push_back({change.id, before->second, to});
  }
  // It was on its way when the process before this one ended: that pool still has it.
  for (std::size_t from = 0; is_beginning_ && from < documents_.size(); ++from) {
    if (from == to || !change.record || !documents_[from]->ServedBefore(change.id)) continue;
    departures_.push_back({change.id, from, to});
    shares[from].push_back({change.id, &*change.record, change.problem});
  }
  places_[change.id.value] = to;
  shares[to].push_back({change.id, change.record ? &*change.record : nullptr, change.problem});
}

// Lets those go whose new document is served with them.
void DocumentPublisher::Depart() {
  std::map<std::size_t, std::vector<PoolChange>> leaving;
  std::erase_if(departures_, [&](const Departure& departure) {
    if (!documents_[departure.to]->HasArrived(departure.id)) return false;
    leaving[departure.from].push_back({departure.id});
    return true;
  });
  for (auto& [from, changes] : leaving) {
    std::ranges::sort(changes, {}, &PoolChange::id);
    documents_[from]->Apply(changes);
  }
}

}  // namespace orchestrator::routing
