#pragma once

#include <string>

#include "orchestrator/routing/mode_switch.h"
#include "orchestrator/store/store.h"

namespace tests {

inline orchestrator::routing::RouteOptions MakeRouteOptions() {
  return {{"web"}, "net", {"probe.invalid", "X-Secret", "secret", "X-Revision"}, true};
}

inline void SetDefaultMode(orchestrator::store::Store& store, const std::string& mode) {
  store
      .Write([&](orchestrator::store::Transaction& transaction) {
        return transaction.SetSetting(orchestrator::routing::kDefaultModeSetting, mode);
      })
      .value();
}

}  // namespace tests
