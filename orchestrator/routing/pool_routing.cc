#include "orchestrator/routing/pool_routing.h"

#include <algorithm>

namespace orchestrator::routing {

const PoolRouting* FindPool(const PoolRoutings& pools, std::string_view name) {
  const auto found = std::ranges::find(pools, name, &PoolRouting::name);
  return found == pools.end() ? nullptr : &*found;
}

std::filesystem::path PoolDirectory(const std::filesystem::path& state_directory,
                                    std::string_view pool) {
  // That of the default pool is older than pools.
  return pool == provider::kDefaultPool ? state_directory : state_directory / "pools" / pool;
}

}  // namespace orchestrator::routing
