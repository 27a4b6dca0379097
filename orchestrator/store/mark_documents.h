#pragma once

#include <set>
#include <string>

#include "orchestrator/store/store.h"

namespace orchestrator::store {

// Says of each of these pools that its document is another one from this transaction on.
Result<void> MarkDocumentsChanged(Transaction& transaction, const std::set<std::string>& pools);

}  // namespace orchestrator::store
