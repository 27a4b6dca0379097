#pragma once

#include <string>

#include "orchestrator/cli/api_client.h"

namespace orchestrator::cli {

// `orchestrator import swarm`: takes over what runs on the swarm already, or shows what it would.
// Returns the exit status of the program.
int ImportSwarm(const ApiClient& api, bool dry_run, bool json);

struct DocumentImportOptions {
  std::string file;
  std::string rest_file;  // where what becomes no site is written; empty: nowhere
  bool dry_run = false;
  bool json = false;
};

// `orchestrator import document`: sites from a file of Traefik's file provider.
int ImportDocument(const ApiClient& api, const DocumentImportOptions& options);

}  // namespace orchestrator::cli
