#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/store/store.h"

namespace orchestrator::routing {

// An order to route sites from one side. The order itself only changes what is wanted; ModeSwitch
// does the work.
struct Migration {
  std::uint64_t id = 0;  // the revision that took it in
  site::RoutingMode to = site::RoutingMode::kProvider;
  std::optional<std::vector<site::SiteId>> sites;  // unset: all that do not choose themselves
  std::int64_t created = 0;                        // seconds since 1970
};

// How far the sites of an order have come, from what the store says now.
struct MigrationProgress {
  std::size_t sites = 0;       // that the order is about
  std::size_t moved = 0;       // routed from the wanted side only
  std::size_t moving = 0;      // routed from both
  std::size_t overridden = 0;  // their own routing.mode says otherwise, or a later order does
  std::vector<site::SiteId> unfinished;  // the first few

  bool finished() const { return moved + overridden == sites; }
};

// Makes `to` the default mode, or the own mode of the given sites, in one transaction with the
// order. Unknown sites are kNotFound, external ones cannot go to labels (kInvalid); nothing changes
// then.
Result<Migration> StartMigration(store::Store& store, site::RoutingMode to,
                                 std::optional<std::vector<site::SiteId>> sites);

// The last hundred, the newest first.
Result<std::vector<Migration>> ListMigrations(const store::Store& store);

Result<MigrationProgress> ProgressOf(const store::Store& store, const Migration& migration);

}  // namespace orchestrator::routing
