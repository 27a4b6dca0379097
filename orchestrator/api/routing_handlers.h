#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

Response ShowRouting(const Services& services);
Response ListInstances(const Services& services);

// The document as Traefik gets it, without the certificate's key.
Response ShowDocument(const Services& services);

// /v1/routing/migrations
Response CreateMigration(const Services& services, const Request& request);
Response ListMigrations(const Services& services);
Response ShowMigration(const Services& services, std::uint64_t id);

}  // namespace orchestrator::api
