#include "orchestrator/routing/removal_gate.h"

namespace orchestrator::routing {

bool RemovalGate::IsUnused(const store::SiteRecord& record) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  Asked& asked = asked_.try_emplace(record.site.id, record.revision, now).first->second;
  if (asked.revision != record.revision) asked = {record.revision, now};
  // With labels alone, the routes go together with the service.
  const bool unused = !store::InDocument(record.phase) || instances_.List().empty() ||
                      instances_.Confirm(record.routes_revision).everywhere ||
                      now - asked.since >= kLongestWait;
  if (unused) asked_.erase(record.site.id);
  return unused;
}

}  // namespace orchestrator::routing
