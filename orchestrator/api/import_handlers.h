#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

// POST /v1/import/swarm?dry_run=true|false: which sites would take over the services that the swarm
// has already, and, without dry_run, creates all of them that can be.
Response ImportSwarm(const Services& services, const Request& request);

// POST /v1/import/document?dry_run=true|false: which external sites would serve a dynamic
// configuration of Traefik (the body, JSON or YAML), what each would change, and what is left over;
// without dry_run, creates them all or none.
Response ImportDocument(const Services& services, const Request& request);

// POST /v1/import/labels?dry_run=true|false&stack=NAME: the same for the labels of the services in
// a stack file (the body), or, where the body is {}, of those that the swarm runs.
Response ImportLabels(const Services& services, const Request& request);

}  // namespace orchestrator::api
