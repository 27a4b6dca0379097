#pragma once

#include <string>

#include "orchestrator/api/services.h"

namespace orchestrator::api {

// What Prometheus reads, as text.
std::string RenderMetrics(const Services& services);

}  // namespace orchestrator::api
