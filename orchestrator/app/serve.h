#pragma once

#include "orchestrator/config/config.h"
#include "orchestrator/error.h"

namespace orchestrator::app {

// Runs the orchestrator until SIGTERM or SIGINT. An error is why it could not start; nothing was
// changed then.
Result<void> Serve(const config::Config& config);

}  // namespace orchestrator::app
