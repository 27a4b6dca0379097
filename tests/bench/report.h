#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace tests {

double Milliseconds(std::chrono::steady_clock::duration duration);

// One line of JSON: the quantiles of the samples, in milliseconds, and `more`.
void Report(const std::string& name, std::vector<double> samples, const nlohmann::json& more);

}  // namespace tests
