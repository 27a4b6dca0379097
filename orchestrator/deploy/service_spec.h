#pragma once

#include <filesystem>
#include <string>

#include "orchestrator/docker/types.h"
#include "orchestrator/site/site.h"

namespace orchestrator::deploy {

// Every service of ours has this label; its value is the site's id.
inline constexpr std::string_view kSiteLabel = "orchestrator.site";

struct ServiceOptions {
  std::filesystem::path sites_directory;
  std::string dynamic_image;
  std::string static_image;
  std::string endpoint_mode;  // vip | dnsrr
  std::string time_zone;      // for TZ
};

// The service of a dynamic or static site, in every detail but its labels of routing. Pure
// function.
docker::ServiceSpec WantedService(const site::Site& site, const ServiceOptions& options,
                                  const std::string& network_id);

}  // namespace orchestrator::deploy
