#pragma once

#include "orchestrator/site/site.h"
#include "traefik/document.h"

namespace orchestrator::routing {

// Routes that a site had before, with the servers of its own service that it has in `now`: those of
// then may be addresses that are somebody else's by now. Where one of the two has no such service,
// `then` as it is.
traefik::Fragment WithServersOf(const traefik::Fragment& now, traefik::Fragment then,
                                site::SiteId id);

}  // namespace orchestrator::routing
