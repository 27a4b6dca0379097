#include "orchestrator/deploy/site_memory.h"

#include <algorithm>

#include "orchestrator/deploy/service_spec.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostKept = 2000;
constexpr unsigned kFreeRepairs = 3;    // in a row, before a repair waits
constexpr unsigned kMostDoublings = 8;  // 256 s
constexpr auto kFirstPause = 1s;
constexpr auto kRepairMemory = 15min;  // longer than the longest pause
constexpr auto kLeavingTime = 3min;    // longer than tasks may take to end
constexpr auto kOwnEventTime = 2s;     // within which the event of our own change comes

}  // namespace

void SiteMemory::Forget(site::SiteId id) {
  const std::lock_guard lock(mutex_);
  statuses_.erase(id);
  attempts_.erase(id);
  repairs_.erase(id);
  own_changes_.erase(id);
  kept_.erase(id);
}

ReconcileStatus SiteMemory::StatusOf(site::SiteId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = statuses_.find(id);
  return found == statuses_.end() ? ReconcileStatus{} : found->second;
}

std::string SiteMemory::WaitApplied(site::SiteId id, store::Revision revision,
                                    Clock::time_point deadline, const std::stop_token& stop) const {
  std::string problem = "waiting for its turn to be sent to the swarm";
  bool applied = false;
  Waiter waiter;
  std::unique_lock lock(mutex_);
  const auto place = waiters_.emplace(id, &waiter);
  waiter.changed.wait_until(lock, stop, deadline, [&] {
    const auto found = statuses_.find(id);
    if (found == statuses_.end()) return false;
    const ReconcileStatus& status = found->second;
    if (!status.problem.empty()) problem = status.problem;
    applied =
        (status.applied && status.applied->revision >= revision) || status.settling >= revision;
    return applied || status.refused >= revision;
  });
  waiters_.erase(place);
  return applied ? "" : problem;
}

void SiteMemory::SetApplied(const store::SiteRecord& record, bool rolled_back) {
  const std::lock_guard lock(mutex_);
  ReconcileStatus& status = statuses_[record.site.id];
  if (status.applied && status.applied->revision > record.revision) return;  // seen late
  status.problem.clear();
  status.rolled_back = rolled_back;
  if (status.applied && status.applied->revision < record.revision) status.drift.clear();
  status.elsewhere = !HasService(record);
  const bool same = status.applied && status.applied->routes_revision == record.routes_revision &&
                    status.applied->phase == record.phase;
  const auto since = same ? status.applied->since : Clock::now();
  status.applied = Applied{record.revision, record.routes_revision, record.phase, since};
  Wake(record.site.id);
}

void SiteMemory::SetProblem(site::SiteId id, const std::string& problem) {
  const std::lock_guard lock(mutex_);
  statuses_[id].problem = problem;
}

void SiteMemory::SetRefused(site::SiteId id, store::Revision revision) {
  const std::lock_guard lock(mutex_);
  statuses_[id].refused = revision;
  Wake(id);
}

void SiteMemory::SetSettling(site::SiteId id, store::Revision revision) {
  const std::lock_guard lock(mutex_);
  statuses_[id].settling = revision;
  statuses_[id].problem.clear();
  Wake(id);
}

bool SiteMemory::SetDrift(site::SiteId id, const std::string& what) {
  const std::lock_guard lock(mutex_);
  std::string& drift = statuses_[id].drift;
  if (drift == what) return false;
  drift = what;
  return true;
}

bool SiteMemory::WasSeen(site::SiteId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = statuses_.find(id);
  return found != statuses_.end() && found->second.applied && !found->second.elsewhere;
}

void SiteMemory::Keep(site::SiteId id, const docker::Service& service) {
  const std::lock_guard lock(mutex_);
  const auto known = kept_.find(id);
  if (known != kept_.end() && known->second.service.id == service.id &&
      known->second.service.version > service.version) {
    return;  // seen late
  }
  kept_.insert_or_assign(id, Kept{service, Clock::now()});
  if (kept_.size() <= kMostKept) return;
  kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& e) { return e.second.since; }));
}

std::optional<docker::Service> SiteMemory::Take(site::SiteId id) {
  const std::lock_guard lock(mutex_);
  auto taken = kept_.extract(id);
  if (taken.empty()) return std::nullopt;
  return std::move(taken.mapped().service);
}

void SiteMemory::SetLeaving(site::SiteId id) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  std::erase_if(leaving_, [&](const auto& entry) { return entry.second < now; });
  leaving_[id] = now + kLeavingTime;
}

bool SiteMemory::IsLeaving(site::SiteId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = leaving_.find(id);
  return found != leaving_.end() && found->second >= Clock::now();
}

void SiteMemory::ExpectEvent(site::SiteId id) {
  const std::lock_guard lock(mutex_);
  OwnChange& change = own_changes_[id];
  ++change.events;
  change.until = Clock::now() + kOwnEventTime;
}

void SiteMemory::ExpectNoEvent(site::SiteId id) {
  const std::lock_guard lock(mutex_);
  const auto own = own_changes_.find(id);
  if (own != own_changes_.end() && --own->second.events == 0) own_changes_.erase(own);
}

bool SiteMemory::IsExpected(site::SiteId id) {
  const std::lock_guard lock(mutex_);
  const auto own = own_changes_.find(id);
  if (own == own_changes_.end()) return false;
  const bool expected = own->second.until >= Clock::now();
  if (!expected || --own->second.events == 0) own_changes_.erase(own);
  return expected;
}

SiteMemory::Clock::duration SiteMemory::RepairPause(site::SiteId id, Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  const auto found = repairs_.find(id);
  if (found == repairs_.end() || found->second.times <= kFreeRepairs) return {};
  const unsigned doublings = std::min(found->second.times - kFreeRepairs - 1, kMostDoublings);
  const Clock::time_point due = found->second.last + kFirstPause * (1U << doublings);
  return std::max(due - now, Clock::duration::zero());
}

void SiteMemory::CountRepair(site::SiteId id, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Repairs& repairs = repairs_[id];
  if (now - repairs.last > kRepairMemory) repairs.times = 0;
  ++repairs.times;
  repairs.last = now;
}

void SiteMemory::SetAttempt(const store::SiteRecord& record, const docker::TaskTemplate& sent) {
  const std::lock_guard lock(mutex_);
  Attempt& attempt = attempts_[record.site.id];
  if (attempt.task != sent || attempt.revision < record.revision) attempt = {sent, 0, 0};
  attempt.revision = record.revision;
  ++attempt.times;
}

std::optional<unsigned> SiteMemory::Attempts(const store::SiteRecord& record,
                                             const docker::TaskTemplate& wanted) const {
  const std::lock_guard lock(mutex_);
  const auto found = attempts_.find(record.site.id);
  if (found == attempts_.end() || found->second.task != wanted ||
      found->second.revision < record.revision) {
    return {};
  }
  return found->second.times;
}

void SiteMemory::ForgetAttempts(site::SiteId id) {
  const std::lock_guard lock(mutex_);
  const auto found = attempts_.find(id);
  if (found != attempts_.end()) found->second.times = 0;
}

void SiteMemory::Wake(site::SiteId id) const {
  const auto [first, last] = waiters_.equal_range(id);
  for (auto waiter = first; waiter != last; ++waiter) waiter->second->changed.notify_one();
}

}  // namespace orchestrator::deploy
