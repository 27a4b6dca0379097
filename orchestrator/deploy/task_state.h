#pragma once

#include <cstdint>

#include "orchestrator/docker/types.h"

namespace orchestrator::deploy {

// Whether a task runs, as far as can be known at `now`, in Unix seconds: after an engine was
// restarted, the swarm may go on to call a task running that it has told to stop, and never hear of
// it again.
bool Runs(const docker::Task& task, std::int64_t now);

// Whether it runs or may still begin to.
bool MayRun(const docker::Task& task, std::int64_t now);

// Whether the swarm has an update of the service on its way, or left it in the middle.
bool HasUnsettledUpdate(const docker::Service& service);

// Whether the swarm replaces tasks at `now`. Any update of the service would end that, and take the
// task that still serves away before the next one is ready, with the way back to it. What does not
// get on, as without a suitable node, is not waited for.
bool ReplacesTasks(const docker::Service& service, std::int64_t now);

}  // namespace orchestrator::deploy
