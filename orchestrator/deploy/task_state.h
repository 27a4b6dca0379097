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

}  // namespace orchestrator::deploy
