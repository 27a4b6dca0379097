#pragma once

#include <optional>

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

// What was published to a pool, and what is to be: /v1/routing/revisions and /v1/routing/confirm.
namespace orchestrator::api {

Response ListRevisions(const routing::PoolRouting& pool);

// One, with its difference to the one before.
Response ShowRevision(const routing::PoolRouting& pool, store::Revision revision);

// ?to=N; the newest where it is left out.
Response ShowDifference(const routing::PoolRouting& pool, const Request& request,
                        store::Revision from);

// No revision: back to the present routes.
Response RollBack(const Services& services, const routing::PoolRouting& pool,
                  std::optional<store::Revision> to);

// Lets the document that is held back pass: {"revision": N}.
Response ConfirmLoss(const Services& services, const routing::PoolRouting& pool,
                     const Request& request);

}  // namespace orchestrator::api
