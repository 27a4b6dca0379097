#include "orchestrator/routing/removal_gate.h"

namespace orchestrator::routing {

bool RemovalGate::IsUnused(const store::SiteRecord& record, bool loses_tasks) {
  const bool is_held = is_held_ && is_held_(record.site.id);
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  Asked& asked = asked_.try_emplace(record.site.id, record.revision, now, now).first->second;
  if (asked.revision != record.revision) asked = {record.revision, now, now};
  const provider::Pool* const pool = pools_.Find(record.site.routing.pool);
  const provider::Confirmation confirmation =
      pool ? pool->instances.Confirm(record.routes_revision) : provider::Confirmation();
  // While a document is held back, its routes are to lead somewhere, however long that takes.
  if (confirmation.held || is_held) asked.since = now;
  if (is_held || (loses_tasks && now - asked.first < label_time_)) return false;
  // With labels alone, the routes go together with the service.
  const bool unused = !store::InDocument(record.phase) || confirmation.everywhere || !pool ||
                      (pool->instances.List().empty() && !confirmation.held) ||
                      now - asked.since >= kLongestWait;
  if (unused) asked_.erase(record.site.id);
  return unused;
}

}  // namespace orchestrator::routing
