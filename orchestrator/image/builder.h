#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "orchestrator/docker/container_client.h"
#include "orchestrator/docker/image_client.h"
#include "orchestrator/files/site_files.h"
#include "orchestrator/image/build_log.h"
#include "orchestrator/image/build_status.h"
#include "orchestrator/store/store.h"

namespace orchestrator::image {

// Every image of ours has this label; its value is the owner.
inline constexpr std::string_view kOwnerLabel = "orchestrator.image";

struct BuilderOptions {
  std::filesystem::path sites_directory;
  std::filesystem::path log_directory;
  files::Options files;           // without a quota
  std::string base_image;         // of a Dockerfile that is made where there is none
  std::string owner;              // of the images: those of another orchestrator here stay
  std::int64_t memory_bytes = 0;  // of each step, where the order says nothing
  std::int64_t nano_cpus = 0;     // 0: no limit
  std::int64_t most_bytes = 0;    // that its steps may write together, and it may be given
  std::chrono::seconds time_limit{0};
  std::size_t most_at_once = 2;
};

struct BuildOrder {
  std::optional<std::string> dockerfile;  // its text; unset: the site's own file
  std::optional<std::int64_t> memory_bytes;
  std::optional<std::int64_t> swap_bytes;
  bool before_creation = false;  // the site need not exist yet; it gets the image when it does
};

// Builds the images of sites with the engine, from the site's directory. A new image is deployed by
// its id, so one that came out the same restarts nothing; older ones are removed when no container
// uses them any more.
//
// One build a site at a time, and so many of all sites; others wait for their turn. The removal of
// the site cancels its build. A build ends with the process:
// what there is of its log says so. Owns its threads; all references must live longer. Thread-safe.
class Builder {
 public:
  Builder(store::Store& store, docker::ImageClient& images, docker::ContainerClient& containers,
          BuilderOptions options);
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // Returns when the build has begun or waits. kConflict while there is one for this site,
  // kUnavailable when too many wait or no thread can be made.
  Result<void> Start(site::SiteId id, BuildOrder order);

  // Waits for the end of the build that runs or waits, if there is one.
  BuildStatus WaitFinished(site::SiteId id, const std::stop_token& stop) const;

  // kConflict when there is none.
  Result<void> Cancel(site::SiteId id);

  BuildStatus StatusOf(site::SiteId id) const;
  // The messages of the last build, which may be of an earlier process; null where there was none.
  std::shared_ptr<const BuildLog> LogOf(site::SiteId id) const;
  std::vector<std::string> KeptLog(site::SiteId id) const;

  // Goes back to the base image, and removes the images of the site. Good when there are none;
  // kConflict while a build runs.
  Result<void> Delete(site::SiteId id, const std::stop_token& stop);

 private:
  struct Build {
    std::shared_ptr<BuildLog> log;
    BuildStatus status;                           // guarded by mutex_
    std::chrono::steady_clock::time_point ended;  // guarded by mutex_
    bool before_creation = false;
    BuildStatus when_cancelled;  // guarded by mutex_, and set before `cancel`
    std::stop_source cancel;
    std::jthread thread;
  };

  void Run(site::SiteId id, const BuildOrder& order, Build& build);
  bool WaitForTurn(Build& build);
  BuildStatus ExecuteSafely(site::SiteId id, const BuildOrder& order, Build& build);
  BuildStatus Execute(site::SiteId id, const BuildOrder& order, Build& build);
  void RemoveSteps(const std::vector<std::string>& ids);
  Result<void> Deploy(site::SiteId id, const std::string& image_id, bool before_creation);
  Result<std::string> WantedImage(site::SiteId id) const;  // empty: none was built
  Result<void> CancelAs(site::SiteId id, BuildStatus status);
  BuildStatus Cancelled(const Build& build) const;
  std::filesystem::path LogFile(site::SiteId id) const;
  void ForgetEnded();
  void Sweep(const std::stop_token& stop);
  void CancelOfRemovedSites();
  bool RemoveLeftContainers(const std::stop_token& stop);
  bool IsUnderWay(site::SiteId id) const;
  bool RemoveUnused(const std::stop_token& stop);

  store::Store& store_;
  docker::ImageClient& images_;
  docker::ContainerClient& containers_;
  const BuilderOptions options_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<site::SiteId, std::shared_ptr<Build>> builds_;  // guarded by mutex_
  std::deque<const Build*> line_;                          // that wait; guarded by mutex_
  std::size_t running_ = 0;                                // guarded by mutex_
  // What the output of builds that failed names as containers of their steps, and when the build
  // began; guarded by mutex_.
  std::map<std::string, std::chrono::system_clock::time_point> left_containers_;
  bool sweep_wanted_ = true;  // guarded by mutex_
  std::jthread sweeper_;
};

}  // namespace orchestrator::image
