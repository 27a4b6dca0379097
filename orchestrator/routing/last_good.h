#pragma once

#include "orchestrator/routing/routes.h"

namespace orchestrator::routing {

// Whether routes that a site had before can stay while new ones cannot be made: they match nothing
// outside of the site's present addresses, and all that they need is still there.
bool StillUsable(const traefik::Fragment& routes, const site::Site& site,
                 const RouteOptions& options);

}  // namespace orchestrator::routing
