#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/site/site.h"

namespace orchestrator::store {

// Every committed transaction takes the next one, from 1 on.
using Revision = std::uint64_t;

// Where a site's routes are, as committed. The two middle ones have them in both places, so that no
// request fails while a site changes sides.
enum class Phase {
  kLabels,      // labels on the service only
  kToProvider,  // both: waiting until every Traefik has the document's routes
  kProvider,    // the document only
  kToLabels,    // both: waiting until every Traefik has the labels' routes
};

constexpr bool InDocument(Phase phase) { return phase != Phase::kLabels; }
constexpr bool HasLabels(Phase phase) { return phase != Phase::kProvider; }

inline const char* Name(Phase phase) {
  switch (phase) {
    case Phase::kLabels:
      return "labels";
    case Phase::kToProvider:
      return "to-provider";
    case Phase::kProvider:
      return "provider";
    case Phase::kToLabels:
      return "to-labels";
  }
  return "?";
}

// A site with all that is known and must survive about it.
struct SiteRecord {
  site::Site site;
  Phase phase = Phase::kProvider;
  Revision revision = 0;          // of the last change that a user made: the ETag
  Revision routes_revision = 0;   // of the last change of anything that its routes depend on
  Revision labels_confirmed = 0;  // the routes_revision whose labels every Traefik has shown
  bool removing = false;          // deleted by its user; its service is still to be taken down

  // The side that it is on while it chooses none itself (labels or provider): the system's default
  // when it was made, or the provider for an external one, then what migrations say.
  site::RoutingMode followed = site::RoutingMode::kProvider;

  // Entry points of which every connection is this site's, as "udp dns"; no other site may have
  // them.
  std::vector<std::string> streams;

  // Addresses of its running tasks, where they are its servers (RouteOptions::follow_tasks);
  // nothing while they are not known.
  std::optional<std::vector<std::string>> task_addresses;

  std::uint64_t restarts = 0;  // how often its user asked for one
  std::string built_image;     // the id of the image that was built for it; empty: none
  std::string refused_task;  // of the task template that the swarm took back (deploy::Fingerprint)
  bool takes_over = false;   // a service that has the site's name and that others have made
  std::string adopted_task;  // deploy::AdoptionKey when its service was taken over as it was
  // Of routing, which its service had when it was taken over; they are its labels while its routes
  // stay what they were.
  std::map<std::string, std::string> adopted_labels;

  friend bool operator==(const SiteRecord&, const SiteRecord&) = default;
};

// The setting with the image that was built before its site was created.
inline std::string BuiltImageSetting(site::SiteId id) {
  return "built_image/" + std::to_string(id.value);
}

}  // namespace orchestrator::store
