#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/adopt/labels.h"
#include "orchestrator/adopt/taken_routes.h"

namespace orchestrator::adopt {

// Reads the options of a service's load balancer into port, sticky cookie and health check. Adds
// every key that no site can say to `beyond_sites`. The error is a sentence that names the label.
std::expected<void, std::string> ReadLoadBalancer(const Options& options, TakenRoutes& routes,
                                                  std::vector<std::string>& beyond_sites);

// A whole number in decimal digits, from least to most.
std::optional<std::int64_t> ReadNumber(std::string_view text, std::int64_t least,
                                       std::int64_t most);

}  // namespace orchestrator::adopt
