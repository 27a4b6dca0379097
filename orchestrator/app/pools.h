#pragma once

#include <functional>
#include <string>

#include "orchestrator/config/config.h"
#include "orchestrator/error.h"
#include "orchestrator/routing/pool_routing.h"
#include "orchestrator/store/store.h"

// How the pools of the configuration come to life, step by step.
namespace orchestrator::app {

// Each with what its Traefiks were given before this process, where that is on disk and whole.
Result<routing::PoolRoutings> LoadPools(const config::Config& config, provider::Pools& pools);

// Serves that to all that are not served anything yet.
void ServeFromBefore(const routing::PoolRoutings& pools);

// The same, but for those of which the store is known to have a newer document: that may have
// routes which the old one lacks.
void ServeCurrentFromBefore(const routing::PoolRoutings& pools, const config::Config& config);

bool HasAnyFromBefore(const routing::PoolRoutings& pools);

// Refuses sites of pools that the configuration does not have: they would lose their routes.
Result<void> CheckPoolsOfSites(const store::Store& store, const config::Config& config);

// Notes where the store is not where it was when the documents from before were made of it. Before
// anything else is written.
Result<void> CompareWithServed(store::Store& store, const routing::PoolRoutings& pools);

// Makes the rest of each. `database_name`: see routing::DatabaseName.
void BuildPools(
    routing::PoolRoutings& pools, const config::Config& config, const store::Store& store,
    const std::string& database_name, const routing::RouteOptions& routes,
    const std::function<provider::Assembly(const traefik::RevisionProbe&)>& make_assembly);

// How the data plane of this pool's Traefiks is asked: what those of another pool do not answer.
traefik::RevisionProbe ProbeOf(const std::string& pool, traefik::RevisionProbe probe);

}  // namespace orchestrator::app
