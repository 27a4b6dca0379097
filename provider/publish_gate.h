#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace provider {

// How much may vanish from one document to the next without anybody's consent: a share of the
// sites that have routes, or this many, whichever is more.
struct GateLimits {
  double share = 0.2;
  std::size_t least = 10;
};

// What a document would take away from the one that is served.
struct Loss {
  std::size_t before = 0;      // sites with routes in the document that is served
  std::size_t vanishing = 0;   // of which the next one has none, nor are they anywhere else
  bool is_older = false;       // the next one is of an older state than the one that is served
  bool is_of_nothing = false;  // that state has no sites at all
};

struct Objection {
  std::string reason;  // a sentence
  bool can_be_confirmed = true;
};

// Why the next document must not be published unless somebody says so; nothing where it may. Pure.
std::optional<Objection> FindObjection(const Loss& loss, const GateLimits& limits);

}  // namespace provider
