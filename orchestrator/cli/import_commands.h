#pragma once

#include "orchestrator/cli/api_client.h"

namespace orchestrator::cli {

// `orchestrator import swarm`: takes over what runs on the swarm already, or shows what it would.
// Returns the exit status of the program.
int ImportSwarm(const ApiClient& api, bool dry_run, bool json);

}  // namespace orchestrator::cli
