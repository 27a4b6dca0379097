#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "orchestrator/cli/api_client.h"

// `orchestrator routing …`. Each returns the exit status of the program.
namespace orchestrator::cli {

int ShowRouting(const ApiClient& api, bool json);
int ListInstances(const ApiClient& api, bool json);

// Nobody is to wait any more for this Traefik.
int DeclareGone(const ApiClient& api, const std::string& instance, bool json);

int ShowDocument(const ApiClient& api);
int ListMigrations(const ApiClient& api, bool json);

// Orders the switch and follows it to its end, unless `wait` is zero.
int SwitchMode(const ApiClient& api, const std::string& mode,
               const std::vector<std::int64_t>& sites, std::chrono::milliseconds wait, bool json);

}  // namespace orchestrator::cli
