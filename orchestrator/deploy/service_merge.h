#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "orchestrator/docker/types.h"
#include "orchestrator/store/record.h"

// What is wanted of a service, beside what others made of it. Pure functions.
namespace orchestrator::deploy {

using OwnsLabel = std::function<bool(std::string_view key, site::SiteId id)>;

// Whether this program made the service.
bool IsMarked(const docker::ServiceSpec& spec);

// Whether this program made the service, or is to take it over. One that only has the name of the
// site's is somebody's: it must be neither changed nor removed.
bool IsOurs(const store::SiteRecord& record, const docker::ServiceSpec& current);

// What the service's own label says that was wanted last; empty: nothing.
std::string SentFingerprint(const docker::ServiceSpec& spec);

// Adds to `wanted` what others have in `current` under labels and mount points of their own, and
// keeps the order of mounts, which Docker's command line sorts at each update.
void Merge(const store::SiteRecord& record, const docker::ServiceSpec& current,
           const OwnsLabel& owns_label, docker::ServiceSpec& wanted);

// Whether only labels have to change, so that no task does.
bool DifferInLabelsOnly(const docker::ServiceSpec& one, const docker::ServiceSpec& other);

// Marks `wanted` as one whose task template the swarm took back: it has the template of before, and
// wanting the same again is a new wish.
void MarkRefused(docker::ServiceSpec& wanted);

}  // namespace orchestrator::deploy
