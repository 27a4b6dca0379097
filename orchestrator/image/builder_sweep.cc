// What Builder does by itself: it cancels builds of removed sites, and removes what builds have
// left.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "orchestrator/deploy/service_spec.h"
#include "orchestrator/docker/timestamp.h"
#include "orchestrator/image/builder.h"

namespace orchestrator::image {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 1s;
constexpr auto kSweepPeriod = 10min;
constexpr auto kSweepRetry = 10s;  // while a container still uses an image; longer each time
constexpr auto kKept = 5min;       // the log of a build that has ended, in memory

// A build's output may name containers that are not its own. Those are older than the build, of the
// swarm, or of terminals; and nobody in a build knows the ids of others.
bool MayBeOfBuild(const docker::Container& container, std::string_view id,
                  std::chrono::system_clock::time_point started) {
  if (!container.id.starts_with(id)) return false;
  const auto since =
      std::chrono::duration_cast<std::chrono::seconds>(started.time_since_epoch()).count();
  if (docker::WholeUnixSeconds(container.created_at) < since) return false;
  return std::ranges::none_of(container.labels, [](const auto& label) {
    return label.first.starts_with("com.docker.swarm.") ||
           label.first.starts_with("orchestrator.terminal");
  });
}

}  // namespace

void Builder::Sweep(const std::stop_token& stop) {
  auto next = std::chrono::steady_clock::now();
  std::optional<std::chrono::steady_clock::time_point> in_use_since;
  while (!stop.stop_requested()) {
    CancelOfRemovedSites();
    bool wanted = false;
    {
      const std::lock_guard lock(mutex_);
      wanted = std::exchange(sweep_wanted_, false);
    }
    if (wanted || std::chrono::steady_clock::now() >= next) {
      const bool all = RemoveUnused(stop) & RemoveLeftContainers(stop);
      ForgetEnded();
      const auto now = std::chrono::steady_clock::now();
      if (all) in_use_since.reset();
      if (!all && (wanted || !in_use_since)) in_use_since = now;
      // The later, the longer it has not helped: a stopped container may use an image for ever.
      next = now + (all ? kSweepPeriod
                        : std::clamp<std::chrono::steady_clock::duration>(
                              (now - *in_use_since) / 2, kSweepRetry, kSweepPeriod));
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, kLook, [&] { return sweep_wanted_; });
  }
}

// False when some are still to be removed.
bool Builder::RemoveLeftContainers(const std::stop_token& stop) {
  decltype(left_containers_) left;
  {
    const std::lock_guard lock(mutex_);
    left = left_containers_;
  }
  for (const auto& [id, started] : left) {
    const auto container = containers_.Find(id, stop);
    Result<void> done;
    if (!container && container.error().kind == ErrorKind::kUnavailable) continue;
    if (container && MayBeOfBuild(*container, id, started)) {
      done = containers_.Remove(container->id, stop);
    }
    if (!done) continue;
    const std::lock_guard lock(mutex_);
    left_containers_.erase(id);
  }
  const std::lock_guard lock(mutex_);
  return left_containers_.empty();
}

void Builder::CancelOfRemovedSites() {
  std::vector<site::SiteId> running;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, build] : builds_) {
      const bool runs = build->status.is_unfinished();
      if (runs && !build->before_creation) running.push_back(id);
    }
  }
  for (const site::SiteId id : running) {
    const auto record = store_.Find(id);
    if (!record || (*record && !(*record)->removing)) continue;
    spdlog::info("site {} was removed: its build is cancelled", id.value);
    // It may just have ended.
    static_cast<void>(
        CancelAs(id, {.state = BuildState::kCancelled, .error = "the site was removed"}));
  }
}

// The logs of builds that ended a while ago are in their files.
void Builder::ForgetEnded() {
  std::vector<std::shared_ptr<Build>> ended;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  std::erase_if(builds_, [&](const auto& entry) {
    const auto& build = entry.second;
    if (build->status.is_unfinished() || std::chrono::steady_clock::now() - build->ended < kKept) {
      return false;
    }
    ended.push_back(build);
    return true;
  });
}

bool Builder::IsUnderWay(site::SiteId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = builds_.find(id);
  return found != builds_.end() && found->second->status.is_unfinished();
}

// Removes what was built for sites that have another image by now, or are gone. False when some is
// still in use.
bool Builder::RemoveUnused(const std::stop_token& stop) {
  const auto images = images_.List(fmt::format("{}={}", kOwnerLabel, options_.owner), stop);
  if (!images) return true;
  bool all = true;
  for (const docker::Image& image : *images) {
    const auto label = image.labels.find(std::string(deploy::kSiteLabel));
    if (label == image.labels.end()) continue;
    const site::SiteId id{std::strtoll(label->second.c_str(), nullptr, 10)};
    // What others have made from it under a name of their own has our label, too.
    const std::string own_tag = site::ServiceName(id) + ":latest";
    if (std::ranges::any_of(image.tags, [&](const std::string& tag) {
          return tag != own_tag && tag != "<none>:<none>";
        })) {
      continue;
    }
    // In this order: a build that ends in between has stored its image by then.
    if (IsUnderWay(id)) continue;
    const auto wanted = WantedImage(id);
    if (!wanted || *wanted == image.id) continue;
    const auto removed = images_.Remove(image.id, stop);
    if (removed) {
      spdlog::info("site {}: image {} removed", id.value, image.id.substr(0, 19));
    } else if (removed.error().kind == ErrorKind::kConflict) {
      all = false;
    }
  }
  return all;
}

}  // namespace orchestrator::image
