#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/routing/migration_plan.h"
#include "orchestrator/store/store.h"

// Orders to route sites from one side. They only say what is wanted: MigrationRunner carries them
// out.
namespace orchestrator::routing {

// The store's setting that holds the system's default mode: that of new sites.
inline constexpr std::string_view kDefaultModeSetting = "default_mode";

Result<site::RoutingMode> DefaultMode(const store::Store& store);
Result<site::RoutingMode> DefaultMode(store::Transaction& transaction);

// Takes the order in, with its plan and, where it is about the whole system, the default mode. Bad
// sites are as for PlanMigration, another migration that goes on in one of its pools is a
// kConflict; nothing changes then.
Result<store::Migration> StartMigration(store::Store& store, const RouteOptions& options,
                                        const MigrationOrder& order);

// The steps for sites of a plan that move, from `first_batch` on.
std::vector<store::MigrationStep> StepsFor(const MigrationPlan& plan,
                                           const store::Migration& migration,
                                           std::size_t first_batch);

enum class MigrationCommand { kPause, kResume, kAbort, kRollBack };

// kNotFound where there is no such migration, kConflict where it is too late for the command.
Result<store::Migration> CommandMigration(store::Store& store, std::uint64_t id,
                                          MigrationCommand command);

// Sites that do not move whatever they follow, since they choose themselves or labels cannot say
// their routes, and that follow this side; but for external ones in the document, which the
// system's default does not concern. An order about the whole system is about what they
// follow too, or they would move of themselves when their owners change them.
Result<std::vector<site::SiteId>> FindBound(const store::Store& store, site::RoutingMode followed);

// All of these inside a transaction of others.
Result<void> LetFollow(store::Transaction& transaction, const std::vector<site::SiteId>& bound,
                       site::RoutingMode to);
// New sites are to be where they were before the migration, unless somebody has ordered otherwise.
Result<void> RestoreDefaultMode(store::Transaction& transaction, const store::Migration& migration);
Result<void> BeginRollback(store::Transaction& transaction, store::Migration& migration,
                           std::string reason);
// Says in the migration that it is over; whoever holds it stores it.
void EndMigration(store::Migration& migration, store::Migration::State state);

// kNotFound where there is none.
Result<store::Migration> FindMigration(const store::Store& store, std::uint64_t id);

}  // namespace orchestrator::routing
