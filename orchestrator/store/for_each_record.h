#pragma once

#include <functional>

#include "orchestrator/store/store.h"

namespace orchestrator::store {

// Gives every record to `visit`, in the order of ids, page by page: what changes meanwhile may be
// seen or not.
Result<void> ForEachRecord(const Store& store, const std::function<void(const SiteRecord&)>& visit);

}  // namespace orchestrator::store
