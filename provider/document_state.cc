#include "provider/document_state.h"

#include <algorithm>

#include "traefik/layout.h"

namespace provider {
namespace {

const Fragments kNone;

void CompareShards(const Fragments& before, const Fragments& after, Difference& difference) {
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    if (now == after.end() || (old != before.end() && old->first < now->first)) {
      difference.removed.push_back(old->first);
      ++old;
    } else if (old == before.end() || now->first < old->first) {
      difference.added.push_back(now->first);
      ++now;
    } else {
      if (old->second != now->second && *old->second != *now->second) {
        difference.changed.push_back(now->first);
      }
      ++old;
      ++now;
    }
  }
}

}  // namespace

std::uint64_t ShardOf(std::uint64_t key) { return key / traefik::kPartSize; }

const traefik::Fragment* DocumentState::Find(std::uint64_t key) const {
  const auto shard = std::ranges::lower_bound(shards, ShardOf(key), {}, &Shard::number);
  if (shard == shards.end() || shard->number != ShardOf(key)) return nullptr;
  const auto fragment = shard->fragments->find(key);
  return fragment == shard->fragments->end() ? nullptr : fragment->second.get();
}

std::size_t DocumentState::CountFragments() const {
  std::size_t count = 0;
  for (const Shard& shard : shards) count += shard.fragments->size();
  return count;
}

std::vector<std::uint64_t> DocumentState::Keys() const {
  std::vector<std::uint64_t> keys;
  for (const Shard& shard : shards) {
    for (const auto& [key, fragment] : *shard.fragments) keys.push_back(key);
  }
  return keys;
}

Difference Compare(const DocumentState& before, const DocumentState& after) {
  Difference difference;
  auto old = before.shards.begin();
  auto now = after.shards.begin();
  while (old != before.shards.end() || now != after.shards.end()) {
    if (now == after.shards.end() || (old != before.shards.end() && old->number < now->number)) {
      CompareShards(*old->fragments, kNone, difference);
      ++old;
    } else if (old == before.shards.end() || now->number < old->number) {
      CompareShards(kNone, *now->fragments, difference);
      ++now;
    } else {
      if (old->fragments != now->fragments) {
        CompareShards(*old->fragments, *now->fragments, difference);
      }
      ++old;
      ++now;
    }
  }
  return difference;
}

}  // namespace provider
