#include "tests/bench/report.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace tests {

double Milliseconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void Report(const std::string& name, std::vector<double> samples, const nlohmann::json& more) {
  std::ranges::sort(samples);
  const auto quantile = [&](double q) {
    return samples[static_cast<std::size_t>(q * static_cast<double>(samples.size() - 1))];
  };
  nlohmann::json line{{"benchmark", name},    {"unit", "ms"},         {"samples", samples.size()},
                      {"p50", quantile(0.5)}, {"p90", quantile(0.9)}, {"p99", quantile(0.99)},
                      {"max", samples.back()}};
  line.update(more);
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

}  // namespace tests
