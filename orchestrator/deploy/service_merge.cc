#include "orchestrator/deploy/service_merge.h"

#include <algorithm>

#include "orchestrator/deploy/adoption.h"
#include "orchestrator/deploy/service_spec.h"

namespace orchestrator::deploy {
namespace {

constexpr std::string_view kRefused = "-refused";

void MergeTask(const docker::TaskTemplate& current, docker::TaskTemplate& wanted) {
  for (const auto& [key, value] : current.container_labels) {
    if (!key.starts_with("orchestrator.")) wanted.container_labels.try_emplace(key, value);
  }
  for (const docker::Mount& mount : current.mounts) {
    if (!OwnsMountPoint(mount.target)) wanted.mounts.push_back(mount);
  }
  if (std::ranges::is_permutation(current.mounts, wanted.mounts)) wanted.mounts = current.mounts;
  if (wanted.stop_signal.empty() && !OwnsStopSignal(current.stop_signal)) {
    wanted.stop_signal = current.stop_signal;
  }
  const auto& check = current.health_check;
  if (check && !wanted.health_check && !IsReadinessCheck(*check)) wanted.health_check = check;
}

}  // namespace

bool IsMarked(const docker::ServiceSpec& spec) {
  // Either label may have been taken away by hand, which is drift.
  return spec.labels.contains(std::string(kSiteLabel)) ||
         spec.labels.contains(std::string(kSpecLabel));
}

bool IsOurs(const store::SiteRecord& record, const docker::ServiceSpec& current) {
  return record.takes_over || IsMarked(current);
}

std::string SentFingerprint(const docker::ServiceSpec& spec) {
  const auto found = spec.labels.find(std::string(kSpecLabel));
  return found == spec.labels.end() ? std::string() : found->second;
}

void Merge(const store::SiteRecord& record, const docker::ServiceSpec& current,
           const OwnsLabel& owns_label, docker::ServiceSpec& wanted) {
  for (const auto& [key, value] : current.labels) {
    if (!owns_label(key, record.site.id)) wanted.labels.try_emplace(key, value);
  }
  // A service that was taken over keeps its tasks until its site changes.
  if (!record.adopted_task.empty() && record.adopted_task == AdoptionKey(record)) {
    wanted.task = current.task;
    wanted.endpoint_mode = current.endpoint_mode;
    return;
  }
  MergeTask(current.task, wanted.task);
}

bool DifferInLabelsOnly(const docker::ServiceSpec& one, const docker::ServiceSpec& other) {
  docker::ServiceSpec same = other;
  same.labels = one.labels;
  return same == one;
}

void MarkRefused(docker::ServiceSpec& wanted) {
  wanted.labels[std::string(kSpecLabel)] += kRefused;
}

}  // namespace orchestrator::deploy
