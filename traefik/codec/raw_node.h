#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "traefik/codec/problem.h"

namespace traefik::codec {

// A configuration before anybody knows what its names mean: what labels and documents have in
// common. It is that of Traefik (paerser's parser.Node), in which everything is text, since its
// rules for odd input follow from it.
struct RawNode {
  std::string name;               // as written; "[…]" of a list's element
  std::string text;               // of a scalar, or of a list of scalars (JoinItems)
  std::vector<RawNode> children;  // members, in byte order of their names, or elements
  unsigned line = 0;
  unsigned column = 0;
};

// How Traefik writes a list of scalars as one text: "║24║a║b", where 24 is Go's number of the kind.
inline constexpr std::string_view kItemSeparator = "║";

enum class ItemKind : int { kFlag = 1, kNumber = 2, kLarge = 11, kFraction = 14, kText = 24 };

// The tree of a document, JSON or YAML, with the rules of Traefik's YAML reader. Problems are
// added. Nothing when it cannot be read at all.
RawNode ReadDocument(std::string_view text, Problems& problems);

// The same of TOML, which only Traefik's file provider reads.
RawNode ReadTomlDocument(std::string_view text, Problems& problems);

}  // namespace traefik::codec
