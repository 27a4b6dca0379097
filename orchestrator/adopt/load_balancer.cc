#include "orchestrator/adopt/load_balancer.h"

#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "orchestrator/site/limits.h"
#include "orchestrator/site/units.h"

namespace orchestrator::adopt {
namespace {

using Failure = std::unexpected<std::string>;

constexpr std::int64_t kLargestPort = 65'535;
constexpr std::chrono::milliseconds kTraefikInterval{30'000};  // where a check names none

// Options that say what Traefik does without them.
bool IsDefault(std::string_view option, std::string_view value) {
  return (option == "loadbalancer.passhostheader" && Lower(value) == "true") ||
         (option == "loadbalancer.server.scheme" && value == "http") ||
         (option == "loadbalancer.strategy" && value == "wrr");
}

std::expected<std::chrono::milliseconds, std::string> ReadInterval(const Label& label) {
  // Traefik reads bare numbers as seconds.
  const auto seconds = ReadNumber(label.value, 0, site::kLongestInterval.count());
  const auto interval = seconds ? std::chrono::milliseconds(std::chrono::seconds(*seconds))
                                : site::ParseDuration(label.value);
  if (!interval || *interval < site::kShortestInterval || *interval > site::kLongestInterval) {
    return Failure(
        fmt::format("the label {} is '{}'; sites have intervals from 100ms to 1h, in "
                    "one unit",
                    label.key, label.value));
  }
  return *interval;
}

std::expected<void, std::string> CheckSwitch(const Label& label) {
  if (label.value.empty() || Lower(label.value) == "true") return {};
  return Failure(fmt::format("the label {} is '{}', and what Traefik makes of it no site says",
                             label.key, label.value));
}

}  // namespace

std::optional<std::int64_t> ReadNumber(std::string_view text, std::int64_t least,
                                       std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  if (number < least || number > most) return {};
  return number;
}

std::expected<void, std::string> ReadLoadBalancer(const Options& options, TakenRoutes& routes,
                                                  std::vector<std::string>& beyond_sites) {
  const Label* sticky = nullptr;
  const Label* check = nullptr;
  site::HealthCheck health_check{{}, kTraefikInterval};
  for (const auto& [option, label] : options) {
    if (option == "loadbalancer.server.port") {
      const auto port = ReadNumber(label.value, 1, kLargestPort);
      if (!port) {
        return Failure(fmt::format("the label {} is '{}', not a port", label.key, label.value));
      }
      routes.port = static_cast<std::uint16_t>(*port);
    } else if (option == "loadbalancer.sticky") {
      sticky = &label;
      if (auto good = CheckSwitch(label); !good) return good;
    } else if (option == "loadbalancer.sticky.cookie") {
      if (auto good = CheckSwitch(label); !good) return good;
      if (!routes.sticky_cookie) routes.sticky_cookie.emplace();
    } else if (option == "loadbalancer.sticky.cookie.name") {
      routes.sticky_cookie = label.value;
    } else if (option == "loadbalancer.healthcheck.path") {
      check = &label;
      health_check.path = label.value;
    } else if (option == "loadbalancer.healthcheck.interval") {
      if (!check) check = &label;
      const auto interval = ReadInterval(label);
      if (!interval) return Failure(interval.error());
      health_check.interval = *interval;
    } else if (!IsDefault(option, label.value)) {
      beyond_sites.push_back(label.key);
    }
  }
  if (sticky && !routes.sticky_cookie) {
    return Failure(
        fmt::format("the label {} is there without a cookie, and sites stick by one", sticky->key));
  }
  if (!check) return {};
  if (health_check.path.empty()) {
    return Failure(fmt::format("the label {} is there, but no path to check", check->key));
  }
  routes.health_check = std::move(health_check);
  return {};
}

}  // namespace orchestrator::adopt
