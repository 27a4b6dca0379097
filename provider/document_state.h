#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "traefik/document.h"

namespace provider {

// Fragments of neighbouring keys. Immutable, so they are shared between threads and documents.
using Fragments = std::map<std::uint64_t, std::shared_ptr<const traefik::Fragment>>;

// What a document was made of: its shards in the order of their numbers, without empty ones. A copy
// shares all of them. Documents that differ in one fragment share all shards but one.
struct DocumentState {
  struct Shard {
    std::uint64_t number = 0;
    std::shared_ptr<const Fragments> fragments;
  };
  std::vector<Shard> shards;

  // Null where there is none.
  const traefik::Fragment* Find(std::uint64_t key) const;
  std::size_t CountFragments() const;
  std::vector<std::uint64_t> Keys() const;  // in their order
};

// The shard that a key is in.
std::uint64_t ShardOf(std::uint64_t key);

// Keys by what happened to their fragments, each list in order.
struct Difference {
  std::vector<std::uint64_t> added;
  std::vector<std::uint64_t> removed;
  std::vector<std::uint64_t> changed;

  friend bool operator==(const Difference&, const Difference&) = default;
};

// Looks only at shards that the two do not share.
Difference Compare(const DocumentState& before, const DocumentState& after);

}  // namespace provider
