#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/docker/types.h"
#include "orchestrator/site/site.h"

// What sites would take over the services that an existing swarm routes by labels. Nothing is
// changed here, and nothing that a label says is left out in silence: what a site says otherwise is
// a remark, what it cannot say is a refusal. Pure function.
namespace orchestrator::adopt {

struct Proposal {
  std::string service;             // its name in the swarm
  std::optional<site::Site> site;  // a valid site (site/codec.h); unset: see `refusal`
  std::vector<std::string> remarks;
  std::string refusal;  // why there is no site, for people; empty: there is one
  // The service becomes the site's, its tasks go on as they are. Otherwise it stays its owner's,
  // and an external site takes over its routing only.
  bool takes_over_service = false;
  std::string built_image = {};  // that its tasks run, where it is the one of the site's name
  std::map<std::string, std::string> labels = {};  // of the service
};

struct ProposeOptions {
  std::string network;                         // the overlay of the sites; empty: not compared
  std::vector<std::string> entry_points;       // of sites that name none
  site::SiteId next_id{1};                     // of sites whose service has no name of a site
  std::filesystem::path sites_directory = {};  // empty: not compared
  std::string time_zone = {};                  // that tasks have where their site says none
};

// In the order of the services' names. Services that are sites already or that Traefik does not
// route have no proposal. `services` are as docker/codec.h reads them: valid UTF-8.
std::vector<Proposal> Propose(const std::vector<docker::Service>& services,
                              const std::set<site::SiteId>& taken_ids,
                              const ProposeOptions& options);

}  // namespace orchestrator::adopt
