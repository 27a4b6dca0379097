#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "orchestrator/deploy/reconciler.h"
#include "orchestrator/docker/engine.h"
#include "orchestrator/store/record.h"

namespace orchestrator::deploy {

enum class DeploymentState {
  kRunning,     // what is wanted is what runs (also: nothing is wanted, nothing runs)
  kPending,     // on its way; `reason` says what is waited for
  kRolledBack,  // the swarm refused it and runs the one before
};

struct Deployment {
  DeploymentState state = DeploymentState::kPending;
  std::string reason;  // for people; empty when running
  std::string output;  // what the failing task wrote last, if there is one
  std::string drift;   // what somebody else changed
  std::string update_state;
  std::size_t running_tasks = 0;
  std::size_t wanted_tasks = 0;
  std::vector<docker::Task> tasks;  // the newest first
};

const char* Name(DeploymentState state);

// How far a site's deployment has come, asked of the engine now. `engine` may be null where only
// external sites are.
Result<Deployment> Observe(docker::Engine* engine, Reconciler& reconciler,
                           const store::SiteRecord& record, const std::stop_token& stop);

}  // namespace orchestrator::deploy
