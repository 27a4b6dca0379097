#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/routing/side_check.h"

namespace orchestrator::routing {

// Watches the first sites of a migration: whether Traefiks answer for them after it as they did
// before. `client` and `pools` must live longer. Thread-safe.
class Canary {
 public:
  Canary(provider::http::Client& client, const provider::Pools& pools, RouteOptions options)
      : client_(client), pools_(pools), options_(std::move(options)) {}

  // How each Traefik answers for the site now, as a text for MigrationStep::before; empty where
  // nobody can be asked.
  std::string Measure(const store::SiteRecord& record, const std::stop_token& stop) const;

  // Asks for the sites again and again for `time`. What has become worse than `before` (texts of
  // Measure), as a sentence; empty when nothing has.
  std::string Watch(const std::vector<std::pair<store::SiteRecord, std::string>>& sites_with_before,
                    std::chrono::milliseconds time, const std::stop_token& stop) const;

 private:
  provider::http::Client& client_;
  const provider::Pools& pools_;
  const RouteOptions options_;
};

}  // namespace orchestrator::routing
