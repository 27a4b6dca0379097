#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>

#include "orchestrator/store/record.h"
#include "provider/pool.h"

namespace orchestrator::routing {

// Keeps a service that nobody wants any more until no Traefik sends requests to it, but not for
// ever: a Traefik that is away must not keep a removed site alive. What is held back by the publish
// gate keeps it as long as it is held. Thread-safe.
class RemovalGate {
 public:
  static constexpr std::chrono::seconds kLongestWait{15};

  // `is_held`: whether a document that is held back in any pool is what takes the site's routes
  // away. `label_time`: within which Traefiks read labels.
  explicit RemovalGate(const provider::Pools& pools, std::function<bool(site::SiteId)> is_held = {},
                       std::chrono::milliseconds label_time = {})
      : pools_(pools), is_held_(std::move(is_held)), label_time_(label_time) {}

  // Whether the service of this removed or external site may go now; or its tasks (`loses_tasks`),
  // to which no label leads any more since this was first asked.
  bool IsUnused(const store::SiteRecord& record, bool loses_tasks = false);

 private:
  struct Asked {
    store::Revision revision;
    std::chrono::steady_clock::time_point since;
    std::chrono::steady_clock::time_point first;
  };

  const provider::Pools& pools_;
  const std::function<bool(site::SiteId)> is_held_;
  const std::chrono::milliseconds label_time_;
  std::mutex mutex_;
  std::map<site::SiteId, Asked> asked_;  // guarded by mutex_
};

}  // namespace orchestrator::routing
