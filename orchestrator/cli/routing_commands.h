#pragma once

#include <cstdint>
#include <string>

#include "orchestrator/cli/api_client.h"

// `orchestrator routing …`. Each returns the exit status of the program. `pool`: a name; empty for
// the default one.
namespace orchestrator::cli {

int ShowRouting(const ApiClient& api, bool json);
int ListInstances(const ApiClient& api, bool json);

// Nobody is to wait any more for this Traefik.
int DeclareGone(const ApiClient& api, const std::string& instance, bool json);

int ShowDocument(const ApiClient& api, const std::string& pool);
// What was published, the newest first.
int ListRevisions(const ApiClient& api, const std::string& pool, bool json);

// What differs between two revisions, site by site; to the newest where `to` is empty.
int ShowDifference(const ApiClient& api, const std::string& pool, const std::string& from,
                   const std::string& to, bool json);

// `revision`: a number, or "latest" for the present routes.
int RollBack(const ApiClient& api, const std::string& pool, const std::string& revision, bool json);

// Lets the document of this revision, which is held back, pass.
int ConfirmLoss(const ApiClient& api, const std::string& pool, std::uint64_t revision, bool json);

}  // namespace orchestrator::cli
