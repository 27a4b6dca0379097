#pragma once

#include <string>
#include <vector>

#include "traefik/codec/value.h"

namespace traefik::codec {

// One difference between two configurations: an object, or an option of an object that is in both.
struct Change {
  enum class Kind { kAdded, kRemoved, kChanged };

  Kind kind = Kind::kChanged;
  std::string pointer;  // RFC 6901
  Value before;         // not set when it was added
  Value after;          // not set when it was removed

  friend bool operator==(const Change&, const Change&) = default;
};

// What turns `before` into `after`, by pointer. Lists are one value: they change as a whole.
std::vector<Change> Diff(const Value& before, const Value& after);

// A line for each, for people: "+ /http/routers/a {…}", "- …", "~ /http/routers/a/rule: x -> y".
std::string ToText(const std::vector<Change>& changes);

// [{"change": "added", "pointer": …, "after": …}, …]
std::string ToJson(const std::vector<Change>& changes);

}  // namespace traefik::codec
