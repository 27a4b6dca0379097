#pragma once

#include <string>
#include <vector>

#include "orchestrator/docker/types.h"

namespace orchestrator::deploy {

// The parts in which a service is not what is wanted, in words for people ("image", "label x", …).
std::vector<std::string> Differences(const docker::ServiceSpec& seen,
                                     const docker::ServiceSpec& wanted);

}  // namespace orchestrator::deploy
