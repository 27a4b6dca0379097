#include "orchestrator/deploy/gathered_services.h"

#include <utility>

namespace orchestrator::deploy {

void GatheredServices::Add(std::string service, site::SiteId site) {
  {
    const std::lock_guard lock(mutex_);
    services_.insert_or_assign(std::move(service), site);
  }
  added_.notify_one();
}

std::map<std::string, site::SiteId> GatheredServices::Take(std::chrono::milliseconds pause,
                                                           const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  taken_ = 0;
  added_.wait(lock, stop, [&] { return !services_.empty(); });
  if (pause.count() > 0) added_.wait_for(lock, stop, pause, [] { return false; });
  if (stop.stop_requested()) return {};
  taken_ = services_.size();
  return std::exchange(services_, {});
}

std::size_t GatheredServices::pending() const {
  const std::lock_guard lock(mutex_);
  return services_.size() + taken_;
}

}  // namespace orchestrator::deploy
