#pragma once

#include "orchestrator/config/config.h"

namespace orchestrator::app {

// Makes the process's log on standard error, as text or as one JSON object a line.
void SetUpLog(const config::Log& log);

}  // namespace orchestrator::app
