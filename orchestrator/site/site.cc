#include "orchestrator/site/site.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace orchestrator::site {

std::string ServiceName(SiteId id) { return fmt::format("{}{:04}", kServicePrefix, id.value); }

bool IsName(std::string_view text) {
  static constexpr std::string_view kOther = "-_.";
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOther.contains(c);
  });
}

std::optional<SiteId> ParseServiceName(std::string_view name) {
  if (!name.starts_with(kServicePrefix)) return {};
  const std::string_view digits = name.substr(kServicePrefix.size());
  SiteId id;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id.value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return {};
  if (id.value < 1 || id.value > SiteId::kLargest || ServiceName(id) != name) return {};
  return id;
}

std::string Text(const Address& address) {
  return address.host.text() + (address.path ? address.path->text() : "");
}

const traefik::PathPrefix* EffectivePath(const Site& site, const Address& address) {
  if (address.path) return &*address.path;
  return site.routing.path_prefix ? &*site.routing.path_prefix : nullptr;
}

const char* Name(Kind kind) {
  switch (kind) {
    case Kind::kDynamic:
      return "dynamic";
    case Kind::kStatic:
      return "static";
    case Kind::kExternal:
      return "external";
  }
  return "?";
}

const char* Name(RoutingMode mode) {
  switch (mode) {
    case RoutingMode::kDefault:
      return "default";
    case RoutingMode::kLabels:
      return "labels";
    case RoutingMode::kProvider:
      return "provider";
  }
  return "?";
}

const char* Name(UpdateOrder order) {
  return order == UpdateOrder::kStartFirst ? "start-first" : "stop-first";
}

}  // namespace orchestrator::site
