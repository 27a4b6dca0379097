#pragma once

#include <string>
#include <string_view>

namespace traefik::check {

// The two options with conditions, which know different words.
enum class ConditionOf { kCircuitBreaker, kBuffering };

// What Traefik would not take of a condition as `NetworkErrorRatio() > 0.30`: comparisons of calls
// with values, joined by && and ||. A sentence with the place; empty when nothing is wrong.
std::string ConditionProblem(std::string_view text, ConditionOf option);

}  // namespace traefik::check
