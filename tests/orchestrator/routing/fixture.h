#pragma once

#include <string>

#include "orchestrator/routing/migrations.h"
#include "orchestrator/routing/mode_switch.h"
#include "orchestrator/store/store.h"

namespace tests {

inline orchestrator::routing::RouteOptions MakeRouteOptions() {
  return {{"web"}, "net", {"probe.invalid", "X-Secret", "secret", "X-Revision"}, true};
}

// Makes it the mode of new sites and of those that there are.
inline void SetDefaultMode(orchestrator::store::Store& store, const std::string& mode) {
  auto records = store.List({.after = {}, .limit = 1000, .kind = {}, .phase = {}, .host = {}});
  for (auto& record : records.value()) {
    record.followed = mode == "labels" ? orchestrator::site::RoutingMode::kLabels
                                       : orchestrator::site::RoutingMode::kProvider;
  }
  store
      .Write([&](orchestrator::store::Transaction& transaction) -> orchestrator::Result<void> {
        if (auto put = transaction.Put(*records); !put) return put;
        return transaction.SetSetting(orchestrator::routing::kDefaultModeSetting, mode);
      })
      .value();
}

}  // namespace tests
