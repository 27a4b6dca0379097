#pragma once

#include <chrono>
#include <cstdint>

#include "orchestrator/site/site.h"

// Limits of a site's fields that others than their reader have to keep to.
namespace orchestrator::site {

// The engine refuses less.
inline constexpr NanoCpus kLeastCpus{1'000'000};
inline constexpr Bytes kLeastMemory{std::int64_t{6} << 20};

// Between two of Traefik's checks of a site.
inline constexpr std::chrono::milliseconds kShortestInterval{100};
inline constexpr std::chrono::milliseconds kLongestInterval{3'600'000};

}  // namespace orchestrator::site
