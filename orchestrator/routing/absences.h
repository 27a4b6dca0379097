#pragma once

#include <string>
#include <vector>

#include "orchestrator/store/store.h"

// The named Traefiks that were declared gone, as the store remembers them.
namespace orchestrator::routing {

Result<std::vector<std::string>> LoadAbsences(const store::Store& store);

// Writes down that this instance is gone, or that it is back.
Result<void> SetAbsence(store::Store& store, const std::string& instance, bool gone);

}  // namespace orchestrator::routing
