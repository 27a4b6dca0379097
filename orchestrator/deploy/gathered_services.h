#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "orchestrator/site/site.h"

namespace orchestrator::deploy {

// Services that are to be read again, gathered so that one call reads many. Thread-safe.
class GatheredServices {
 public:
  // `service` is its id.
  void Add(std::string service, site::SiteId site);

  // Blocks until there are some, and then for `pause`. Each is given once, and not more at once
  // than fit into one call; none after a stop.
  std::map<std::string, site::SiteId> Take(std::chrono::milliseconds pause,
                                           const std::stop_token& stop);

 private:
  std::mutex mutex_;
  std::condition_variable_any added_;
  std::map<std::string, site::SiteId> services_;  // guarded by mutex_
};

}  // namespace orchestrator::deploy
