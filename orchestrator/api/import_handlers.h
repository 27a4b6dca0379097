#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

// POST /v1/import/swarm?dry_run=true|false: which sites would take over the services that the swarm
// has already, and, without dry_run, creates all of them that can be.
Response ImportSwarm(const Services& services, const Request& request);

}  // namespace orchestrator::api
