#pragma once

#include <set>

#include "orchestrator/adopt/document_import.h"

namespace orchestrator::adopt {

// Makes sites of the routers of a configuration that has been checked. Pure function.
DocumentImport ImportRouters(traefik::codec::Value whole, site::SiteId next_id,
                             const routing::RouteOptions& options);

}  // namespace orchestrator::adopt
