#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

Response ShowRouting(const Services& services);
Response ListInstances(const Services& services);

// DELETE /v1/routing/instances/{name}: it is no more, so nobody waits for it.
Response DeclareGone(const Services& services, const std::string& name);

// The document as this pool's Traefiks get it, without the certificate's key.
Response ShowDocument(const routing::PoolRouting& pool);

}  // namespace orchestrator::api
