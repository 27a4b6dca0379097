#pragma once

#include <cstdint>
#include <string>

#include "orchestrator/cli/api_client.h"

namespace orchestrator::cli {

// `orchestrator site shell ID`: this terminal becomes one in a container of the site. A connection
// that is lost is opened again to the same session. Returns the shell's exit status.
int OpenShell(const ApiClient& api, std::int64_t id);

}  // namespace orchestrator::cli
