// The part of Reconciler that tells its own doings from those of others and of the swarm.

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "orchestrator/deploy/drift.h"
#include "orchestrator/deploy/reconciler.h"
#include "orchestrator/deploy/service_merge.h"

namespace orchestrator::deploy {
namespace {

std::string WhatChanged(const docker::ServiceSpec& current, const docker::ServiceSpec& wanted) {
  return fmt::format("changed by somebody else: {}", fmt::join(Differences(current, wanted), ", "));
}

}  // namespace

// Whether somebody else's change of the service is to stay, so that labels are all that is ours to
// change until the site does.
bool Reconciler::StaysChanged(const store::SiteRecord& record) const {
  if (options_.drift != DriftPolicy::kReport) return false;
  const ReconcileStatus status = memory_.StatusOf(record.site.id);
  return status.applied && status.applied->revision == record.revision && !status.drift.empty();
}

void Reconciler::ForgetDriftIfLeft(site::SiteId id) {
  if (options_.drift == DriftPolicy::kReport) memory_.SetDrift(id, "");
}

bool Reconciler::IsLeftAlone(site::SiteId id, const docker::Service& current,
                             const docker::ServiceSpec& wanted) {
  if (SentFingerprint(current.spec) != SentFingerprint(wanted)) return false;
  return StaysDrifted(id, WhatChanged(current.spec, wanted));
}

Result<bool> Reconciler::WasRolledBack(const store::SiteRecord& record,
                                       const docker::Service& current,
                                       const docker::ServiceSpec& wanted) {
  if (wanted.task == current.spec.task) return false;
  const std::string fingerprint = Fingerprint(wanted.task);
  if (record.refused_task == fingerprint) return true;
  if (!current.update_state.starts_with("rollback")) return false;
  if (!memory_.Attempts(record, wanted.task)) return false;
  // Kept over a restart, so that it is not tried again then.
  const auto written = store_.Write([&](store::Transaction& transaction) -> Result<void> {
    auto now = transaction.Find(record.site.id);
    if (!now) return Failure(now.error());
    // Ordered again meanwhile: that is still to be tried.
    if (!*now || (*now)->revision != record.revision) return {};
    (*now)->refused_task = fingerprint;
    return transaction.Put({&**now, 1});
  });
  if (!written) return Failure(written.error());
  return true;
}

bool Reconciler::StaysDrifted(site::SiteId id, std::string what) {
  const bool repair = options_.drift == DriftPolicy::kRepair;
  const auto now = SiteMemory::Clock::now();
  const auto pause = repair ? memory_.RepairPause(id, now) : SiteMemory::Clock::duration::zero();
  if (pause > SiteMemory::Clock::duration::zero()) {
    what += " (again and again after it was undone: the next repair waits)";
    queue_.AddAfter(id.value, pause);
  }
  const bool stays = !repair || pause > SiteMemory::Clock::duration::zero();
  const bool is_new = memory_.SetDrift(id, what);
  if (stays && !is_new) return true;
  CountDrift();
  spdlog::warn("site {}: {} ({})", id.value, what, stays ? "left as it is" : "to be repaired");
  return stays;
}

Result<void> Reconciler::CountRepair(site::SiteId id, Result<void> done) {
  if (done) memory_.CountRepair(id, SiteMemory::Clock::now());
  return done;
}

}  // namespace orchestrator::deploy
