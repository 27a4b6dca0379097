#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace traefik::codec {

// Something that is wrong with a configuration, or changed or ignored by Traefik.
struct Problem {
  std::string pointer;  // RFC 6901; of labels the label's key
  std::string detail;   // a sentence for the person who wrote it
  unsigned line = 0;    // from 1; 0 where it is not known
  unsigned column = 0;

  friend bool operator==(const Problem&, const Problem&) = default;
};

struct Problems {
  std::vector<Problem> errors;    // Traefik refuses it, or it would do harm there
  std::vector<Problem> warnings;  // Traefik takes it, but not as it is written
};

// The way to a part, from the outside in; a chain of stack objects.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;

  std::string Pointer() const;
};

}  // namespace traefik::codec
