#include "traefik/base/rule.h"

#include <algorithm>

#include <fmt/format.h>

namespace traefik {
namespace {

constexpr std::size_t kLongestPrefix = 255;

using Failure = std::unexpected<std::string>;

bool IsPathCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("/-._~!$&'()*+,;=:@").contains(c);
}

}  // namespace

std::expected<PathPrefix, std::string> PathPrefix::Parse(std::string_view text) {
  if (text.empty() || text.front() != '/') return Failure("must start with '/'");
  if (text == "/") return Failure("is the whole site: leave path_prefix out instead");
  if (text.ends_with('/')) return Failure("must not end with '/'");
  if (text.size() > kLongestPrefix) {
    return Failure(fmt::format("has {} characters; {} are allowed", text.size(), kLongestPrefix));
  }
  if (!std::ranges::all_of(text, IsPathCharacter)) {
    return Failure("may have letters, digits and -._~!$&'()*+,;=:@ only, without % escapes");
  }
  // Traefik cleans a request's path before it looks at rules: these could never match.
  for (const std::string_view never : {"//", "/./", "/../"}) {
    if (text.contains(never)) return Failure("has an empty or dot segment, which no request keeps");
  }
  if (text.ends_with("/.") || text.ends_with("/..")) {
    return Failure("has an empty or dot segment, which no request keeps");
  }
  return PathPrefix(std::string(text));
}

std::string HostRule(std::span<const HostName> hosts) {
  std::string rule;
  for (const HostName& host : hosts) {
    if (!rule.empty()) rule += " || ";
    rule += "Host(`";
    rule += host.text();
    rule += "`)";
  }
  return rule;
}

std::string HostRule(std::span<const HostName> hosts, const PathPrefix& prefix) {
  return fmt::format("({0}) && (Path(`{1}`) || PathPrefix(`{1}/`))", HostRule(hosts),
                     prefix.text());
}

}  // namespace traefik
