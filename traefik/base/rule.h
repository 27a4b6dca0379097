#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "traefik/base/host_name.h"

namespace traefik {

// A path prefix that may stand in a rule: starts with '/', no trailing '/', no dot segments, only
// characters that need no escape in a URL path. A value type.
class PathPrefix {
 public:
  // The error is a sentence for the person who typed the prefix. "/" is refused: leave it out.
  static std::expected<PathPrefix, std::string> Parse(std::string_view text);

  const std::string& text() const { return text_; }

  friend auto operator<=>(const PathPrefix&, const PathPrefix&) = default;

 private:
  explicit PathPrefix(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// "Host(`a`) || Host(`b`)", in the given order. Needs at least one host.
std::string HostRule(std::span<const HostName> hosts);

// The same, for requests to the prefix itself and below it. Traefik's PathPrefix(`/api`) alone
// would take `/apix` too, so the rule names the path and the folder.
std::string HostRule(std::span<const HostName> hosts, const PathPrefix& prefix);

}  // namespace traefik
