#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/routing/pool_document.h"
#include "orchestrator/routing/recorder.h"
#include "orchestrator/store/history.h"
#include "provider/last_known_good.h"
#include "provider/pool.h"

namespace orchestrator::routing {

// What one pool of Traefiks has for itself.
struct PoolRouting {
  provider::Pool& traefiks;
  std::optional<provider::LastKnownGood> before = {};  // what was served before this process
  std::unique_ptr<store::History> history = {};        // null: there is none
  std::unique_ptr<Recorder> recorder = {};
  std::unique_ptr<PoolDocument> document = {};

  const std::string& name() const { return traefiks.name; }
};

// All of them, the default one first.
using PoolRoutings = std::deque<PoolRouting>;

// Null where there is none of this name.
const PoolRouting* FindPool(const PoolRoutings& pools, std::string_view name);

// The folder of what a pool has on disk, in the state directory.
std::filesystem::path PoolDirectory(const std::filesystem::path& state_directory,
                                    std::string_view pool);

}  // namespace orchestrator::routing
