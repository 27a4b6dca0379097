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

  // Blocks until there are some, and then for `pause`. Each is given once; none after a stop.
  std::map<std::string, site::SiteId> Take(std::chrono::milliseconds pause,
                                           const std::stop_token& stop);

  // Those that were added and not yet done with: the last ones taken are when more are.
  std::size_t pending() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any added_;
  std::map<std::string, site::SiteId> services_;  // guarded by mutex_
  std::size_t taken_ = 0;                         // guarded by mutex_
};

}  // namespace orchestrator::deploy
