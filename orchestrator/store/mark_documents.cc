#include "orchestrator/store/mark_documents.h"

namespace orchestrator::store {

Result<void> MarkDocumentsChanged(Transaction& transaction, const std::set<std::string>& pools) {
  for (const std::string& pool : pools) {
    if (auto marked = transaction.MarkDocumentChanged(pool); !marked) return marked;
  }
  return {};
}

}  // namespace orchestrator::store
