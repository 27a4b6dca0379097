#pragma once

#include <string_view>
#include <vector>

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

// POST /v1/routing/plan: what an order would do; nothing changes.
Response PlanMigration(const Services& services, const Request& request);

// /v1/routing/migrations and what is below it; `path` begins with v1.
Response HandleMigrations(const Services& services, const Request& request,
                          const std::vector<std::string_view>& path);

}  // namespace orchestrator::api
