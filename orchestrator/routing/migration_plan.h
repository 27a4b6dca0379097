#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/routing/routes.h"
#include "orchestrator/store/store.h"

// What an order to route sites from one side would do.
namespace orchestrator::routing {

struct MigrationOrder {
  site::RoutingMode to = site::RoutingMode::kProvider;
  // These, even where they choose otherwise themselves; unset: all that do not.
  std::optional<std::vector<site::SiteId>> sites = {};
  std::string pool = {};  // only sites of this one; empty: of any
  std::optional<site::Kind> kind = {};
  std::vector<std::string> accept = {};  // differences by their pointers, see RouteDifference
  std::size_t batch = 100;
  std::size_t canary = 5;
  std::chrono::milliseconds pause{0};

  // Whether it is about the whole system, and so about sites that are still to come.
  bool is_general() const { return !sites && pool.empty() && !kind; }
};

// Where the routes of a site say something else as labels than in the document.
struct RouteDifference {
  std::string pointer;   // into Traefik's dynamic configuration
  std::string labels;    // JSON; empty: nothing
  std::string document;  // JSON; empty: nothing
};

// What differs for visitors. How a side reaches the site's tasks, and pages for sites that do not
// answer, which only the document has, are not compared: see docs/switching.md. An error where one
// side cannot have the routes at all.
Result<std::vector<RouteDifference>> CompareSides(const site::Site& site,
                                                  const RouteOptions& options);

// The routes of a site on one side as Traefik reads them, as JSON.
Result<std::string> RoutesOnSide(const site::Site& site, site::RoutingMode side,
                                 const RouteOptions& options);

struct PlannedSite {
  enum class Verdict { kMoves, kThere, kStays };

  site::SiteId id;
  std::string pool;
  store::Phase phase = store::Phase::kProvider;
  Verdict verdict = Verdict::kMoves;
  std::string reason;  // why it stays
  std::vector<RouteDifference> differences;
  site::RoutingMode mode = site::RoutingMode::kDefault;       // its own
  site::RoutingMode followed = site::RoutingMode::kProvider;  // see SiteRecord::followed
};

const char* Name(PlannedSite::Verdict verdict);

struct MigrationPlan {
  std::vector<PlannedSite> sites;  // by their ids

  std::size_t Count(PlannedSite::Verdict verdict) const;
};

// What an order that is about this site does with it; in one with named sites, whatever their
// names.
PlannedSite PlanSite(const store::SiteRecord& record, const MigrationOrder& order,
                     const RouteOptions& options);

// Unknown sites are kNotFound, with the pointer /sites/<index>; a named one that cannot be routed
// by labels is kInvalid.
Result<MigrationPlan> PlanMigration(const store::Store& store, const RouteOptions& options,
                                    const MigrationOrder& order);

}  // namespace orchestrator::routing
