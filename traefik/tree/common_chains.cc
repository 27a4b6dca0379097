#include "traefik/tree/common_chains.h"

#include <algorithm>
#include <iterator>

namespace traefik::tree {
namespace {

// Each common chain gives the tree roots of its own, so there can be a few only: a chain is common
// when at least one in so many routers begins with it.
constexpr std::size_t kOneIn = 8;

// Whether a middleware, by its name as a JSON text, does the same wherever it stands above a
// router: it keeps nothing from one request to the next, and changes nothing that rules look at.
// That is known of the provider's own ones only.
bool MayStandAbove(std::string_view name) {
  return name == R"("orchestrator-down")" || name == R"("orchestrator-no-task")" ||
         name == R"("orchestrator-retry")" || name.starts_with(R"("max-request-)");
}

// Where the names of a list end, up to the first that has to stay with its router.
std::vector<std::size_t> Ends(std::string_view middlewares) {
  std::vector<std::size_t> ends;
  bool in_name = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < middlewares.size(); ++at) {
    if (middlewares[at] == '\\') {
      ++at;
    } else if (middlewares[at] == '"') {
      in_name = !in_name;
      if (in_name) {
        begin = at;
      } else if (MayStandAbove(middlewares.substr(begin, at + 1 - begin))) {
        ends.push_back(at + 1);
      } else {
        break;
      }
    }
  }
  return ends;
}

bool LongerFirst(const std::string* a, const std::string* b) {
  return a->size() != b->size() ? a->size() > b->size() : *a < *b;
}

}  // namespace

bool BeginsWith(std::string_view middlewares, std::string_view chain) {
  return middlewares.starts_with(chain) &&
         (middlewares.size() == chain.size() || middlewares[chain.size()] == ',');
}

void CommonChains::Count(std::string_view middlewares, int change) {
  for (const std::size_t end : Ends(middlewares)) {
    const std::string_view chain = middlewares.substr(0, end);
    auto entry = counts_.find(chain);
    if (entry == counts_.end()) entry = counts_.emplace(chain, 0).first;
    entry->second += static_cast<std::size_t>(change);
    if (entry->second == 0) counts_.erase(entry);
  }
  total_ += static_cast<std::size_t>(change);
  is_stale_ = true;
}

std::vector<std::string_view> CommonChains::Update() {
  if (!is_stale_) return {};
  is_stale_ = false;
  std::vector<const std::string*> now;
  for (const auto& [chain, count] : counts_) {
    if (count * kOneIn >= total_) now.push_back(&*texts_.insert(chain).first);
  }
  std::ranges::sort(now, LongerFirst);
  std::vector<const std::string*> changed;
  std::ranges::set_symmetric_difference(common_, now, std::back_inserter(changed), LongerFirst);
  common_ = std::move(now);
  std::vector<std::string_view> texts;
  texts.reserve(changed.size());
  for (const std::string* chain : changed) texts.emplace_back(*chain);
  return texts;
}

}  // namespace traefik::tree
