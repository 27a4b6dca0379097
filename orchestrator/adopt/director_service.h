#pragma once

#include <string>
#include <vector>

#include "orchestrator/adopt/proposal.h"
#include "orchestrator/docker/types.h"
#include "orchestrator/site/site.h"

namespace orchestrator::adopt {

// The site whose tasks Director's service runs: all but its hosts and routing. What the site says
// otherwise than the service is remarked.
site::Site ReadDirectorService(const docker::ServiceSpec& spec, site::SiteId id,
                               const ProposeOptions& options, std::vector<std::string>& remarks);

// The image that was built for the site, which the site does not name; empty: there is none.
std::string BuiltImageOf(const docker::ServiceSpec& spec, site::SiteId id);

}  // namespace orchestrator::adopt
