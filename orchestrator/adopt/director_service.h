#pragma once

#include <string>
#include <vector>

#include "orchestrator/docker/types.h"
#include "orchestrator/site/site.h"

namespace orchestrator::adopt {

// The site whose tasks Director's service runs: all but its hosts and routing. What the site says
// otherwise than the service is remarked.
site::Site ReadDirectorService(const docker::ServiceSpec& spec, site::SiteId id,
                               std::vector<std::string>& remarks);

}  // namespace orchestrator::adopt
