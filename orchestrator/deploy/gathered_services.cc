#include "orchestrator/deploy/gathered_services.h"

#include <utility>

namespace orchestrator::deploy {
namespace {

constexpr std::size_t kMostAtOnce = 100;  // they stand in a URL

}  // namespace

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
  added_.wait(lock, stop, [&] { return !services_.empty(); });
  if (pause.count() > 0) added_.wait_for(lock, stop, pause, [] { return false; });
  std::map<std::string, site::SiteId> taken;
  if (stop.stop_requested()) return taken;
  while (!services_.empty() && taken.size() < kMostAtOnce) {
    taken.insert(services_.extract(services_.begin()));
  }
  return taken;
}

}  // namespace orchestrator::deploy
