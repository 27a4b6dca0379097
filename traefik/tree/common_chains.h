#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace traefik::tree {

// Whether the list of middlewares begins with this chain. Both are names as JSON texts, joined by
// commas.
bool BeginsWith(std::string_view middlewares, std::string_view chain);

// Chains of middlewares that many routers begin with, so that a router above them can have them
// once. What is common is a function of what was counted. Not thread-safe.
class CommonChains {
 public:
  // `change` routers more, or fewer, with these middlewares.
  void Count(std::string_view middlewares, int change);

  // Takes in what was counted. The chains that were common and are not, or are and were not.
  std::vector<std::string_view> Update();

  // The longest first. They stay where they are as long as this object.
  const std::vector<const std::string*>& common() const { return common_; }

 private:
  std::map<std::string, std::size_t, std::less<>> counts_;
  std::size_t total_ = 0;
  bool is_stale_ = false;
  std::set<std::string> texts_;  // of all that ever were common
  std::vector<const std::string*> common_;
};

}  // namespace traefik::tree
