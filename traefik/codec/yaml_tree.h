#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "traefik/codec/problem.h"
#include "traefik/codec/raw_builder.h"

namespace traefik::codec {

// A part of a YAML document before its scalars have types.
struct YamlNode {
  enum class Kind : std::uint8_t { kScalar, kList, kMap, kAlias };
  Kind kind = Kind::kScalar;
  bool is_plain = false;  // a scalar without quotes
  Position at;
  std::string text;                 // of a scalar; the name of an alias
  std::string tag;                  // as the whole document means it; empty where there is none
  std::vector<YamlNode*> children;  // elements; keys and values in turn
  YamlNode* target = nullptr;       // of an alias

  bool is_scalar() const { return kind == Kind::kScalar; }
};

// Owns the nodes of one document.
struct YamlTree {
  std::deque<YamlNode> nodes;
  YamlNode* root = nullptr;  // null: the text has no document
  Position next_document;    // line 0: there is no second one
};

// The first document of a text, by libyaml, of which yaml.v3 is a translation.
std::expected<YamlTree, Problem> ReadYamlTree(std::string_view text);

}  // namespace traefik::codec
