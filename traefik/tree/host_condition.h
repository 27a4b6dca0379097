#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace traefik::tree {

// What a rule of an HTTP router says about hosts; all else that it asks for may hold or not.
// Immutable; copies share what is large.
class HostCondition {
 public:
  // Matches nothing.
  static HostCondition Never();

  // A rule that Traefik refuses matches nothing; of Traefik 2's syntax nothing is known.
  static HostCondition Of(std::string_view rule, bool old_syntax);

  // Whether some request to `host` (in lower case), or to it with a dot at its end, may match.
  bool MayMatch(std::string_view host) const;

  // Whether every request to `host` matches, whatever else it has.
  bool Takes(std::string_view host) const;

  // Hosts that the rule names anywhere, also where it excludes them.
  const std::vector<std::string>& named() const { return named_; }

  // Hosts, and wildcards as "*.example.com", beyond which nothing matches; nothing where the rule
  // does not name any that bind it.
  const std::optional<std::vector<std::string>>& bounds() const { return bounds_; }

  // The hosts that it is bound to, without wildcards; nothing where it may match others, too.
  const std::vector<std::string>* exact_hosts() const {
    return is_exact_ && bounds_ ? &*bounds_ : nullptr;
  }

 private:
  struct Node;

  std::shared_ptr<const Node> root_;  // none where nothing is known, or nothing matches
  std::vector<std::string> named_;
  std::optional<std::vector<std::string>> bounds_;
  bool is_exact_ = false;
};

// The text after the first dot; empty where there is none.
std::string_view ParentDomain(std::string_view host);

}  // namespace traefik::tree
