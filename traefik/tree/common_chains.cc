#include "traefik/tree/common_chains.h"

#include <algorithm>
#include <iterator>

namespace traefik::tree {
namespace {

// Each common chain gives the tree roots of its own, so there can be a few only: a chain is common
// when at least one in so many routers has it.
constexpr std::size_t kOneIn = 8;

bool LongerFirst(const std::string* a, const std::string* b) {
  return a->size() != b->size() ? a->size() > b->size() : *a < *b;
}

}  // namespace

bool BeginsWith(std::string_view middlewares, std::string_view chain) {
  return middlewares.starts_with(chain) &&
         (middlewares.size() == chain.size() || middlewares[chain.size()] == ',');
}

void CommonChains::Count(const std::string& middlewares, int change) {
  const auto entry = counts_.try_emplace(middlewares, 0).first;
  entry->second += static_cast<std::size_t>(change);
  total_ += static_cast<std::size_t>(change);
  if (entry->second == 0) counts_.erase(entry);
  is_stale_ = true;
}

std::vector<std::string_view> CommonChains::Update() {
  if (!is_stale_) return {};
  is_stale_ = false;
  std::vector<const std::string*> now;
  for (const auto& [middlewares, count] : counts_) {
    if (!middlewares.empty() && count * kOneIn >= total_) {
      now.push_back(&*texts_.insert(middlewares).first);
    }
  }
  std::ranges::sort(now, LongerFirst);
  std::vector<const std::string*> changed;
  std::ranges::set_symmetric_difference(common_, now, std::back_inserter(changed), LongerFirst);
  common_ = std::move(now);
  std::vector<std::string_view> texts;
  for (const std::string* chain : changed) texts.emplace_back(*chain);
  return texts;
}

}  // namespace traefik::tree
