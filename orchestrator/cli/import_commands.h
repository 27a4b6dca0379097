#pragma once

#include <string>

#include "orchestrator/cli/api_client.h"

namespace orchestrator::cli {

// `orchestrator import swarm`: takes over what runs on the swarm already, or shows what it would.
// Returns the exit status of the program.
int ImportSwarm(const ApiClient& api, bool dry_run, bool json);

struct RoutingImportOptions {
  std::string file;       // labels: a stack file; empty: those of the running swarm
  std::string stack;      // labels: the name of the stack
  std::string rest_file;  // where what becomes no site is written; empty: nowhere
  bool dry_run = false;
  bool json = false;
};

// `orchestrator import document|labels` (`kind`): external sites from a file of Traefik's file
// provider, or from labels of services.
int ImportRouting(const ApiClient& api, const std::string& kind,
                  const RoutingImportOptions& options);

}  // namespace orchestrator::cli
