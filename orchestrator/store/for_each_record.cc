#include "orchestrator/store/for_each_record.h"

namespace orchestrator::store {

Result<void> ForEachRecord(const Store& store,
                           const std::function<void(const SiteRecord&)>& visit) {
  static constexpr std::size_t kPage = 1000;
  Query query;
  query.limit = kPage;
  for (;;) {
    const auto page = store.List(query);
    if (!page) return Failure(page.error());
    for (const SiteRecord& record : *page) visit(record);
    if (page->size() < kPage) return {};
    query.after = page->back().site.id;
  }
}

}  // namespace orchestrator::store
