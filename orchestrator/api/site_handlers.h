#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

// /v1/sites
Response ListSites(const Services& services, const Request& request);
Response CreateSite(const Services& services, const Request& request);

// /v1/sites/batch
Response ApplyBatch(const Services& services, const Request& request);

// /v1/sites/{id}
Response ShowSite(const Services& services, const Request& request, site::SiteId id);
Response ReplaceSite(const Services& services, const Request& request, site::SiteId id);
Response PatchSite(const Services& services, const Request& request, site::SiteId id);
Response RemoveSite(const Services& services, const Request& request, site::SiteId id);

// /v1/sites/{id}/status
Response RestartSite(const Services& services, const Request& request, site::SiteId id);
Response ShowSiteStatus(const Services& services, site::SiteId id);

}  // namespace orchestrator::api
