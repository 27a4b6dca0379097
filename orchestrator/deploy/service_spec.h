#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/docker/types.h"
#include "orchestrator/files/owner.h"
#include "orchestrator/store/record.h"

namespace orchestrator::deploy {

// Every service of ours has this label; its value is the site's id.
inline constexpr std::string_view kSiteLabel = "orchestrator.site";

struct ServiceOptions {
  std::filesystem::path sites_directory;
  std::string dynamic_image;
  std::string static_image;
  std::string endpoint_mode;               // vip | dnsrr
  std::string time_zone;                   // for TZ
  std::optional<files::Owner> owner = {};  // of folders that are made for sites
  // How long a task serves on after it was told to end, so that those who send requests to its
  // address hear of it first; 0: not at all.
  std::chrono::seconds drain{0};
};

// The stop signal of tasks that serve on until their grace period is over: programs ignore it.
inline constexpr std::string_view kIgnoredSignal = "SIGURG";

// A service has this label, too: the fingerprint of what was last sent as a whole. While it is the
// same as that of what is wanted, a difference is somebody else's doing.
inline constexpr std::string_view kSpecLabel = "orchestrator.spec";

// Whether the site has a service: for its tasks or, where it is external, for its labels alone.
bool HasService(const store::SiteRecord& record);

// The service of a site that has one, in every detail but its labels of routing. Pure function.
docker::ServiceSpec WantedService(const store::SiteRecord& record, const ServiceOptions& options,
                                  const std::string& network_id);

// The image that the tasks of the site run: its own, the one built for it, or the base image.
std::string WantedImage(const store::SiteRecord& record, const ServiceOptions& options);

// Whether it is the check of a site's readiness. All others stay as they are.
bool IsReadinessCheck(const docker::HealthCheck& check);

// Whether the stop signal is one that tasks have from us. All others stay as they are.
bool OwnsStopSignal(std::string_view signal);

// Whether the mount point is one of those that sites have from us. All others stay as they are.
bool OwnsMountPoint(std::string_view target);

// Whether the tasks run a program of the site's own, which can change all of its directory.
bool RunsOwnProgram(const docker::TaskTemplate& task);

// A short text that is the same for the same value only.
std::string Fingerprint(const docker::TaskTemplate& task);
std::string Fingerprint(const docker::ServiceSpec& spec);

}  // namespace orchestrator::deploy
