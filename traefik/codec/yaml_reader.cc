#include "traefik/codec/yaml_reader.h"

#include <algorithm>
#include <exception>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "traefik/codec/scalar.h"
#include "traefik/codec/yaml_tree.h"

namespace traefik::codec {
namespace {

using Kind = YamlNode::Kind;

constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

struct Refusal : std::exception {
  Refusal(Position where, std::string what) : at(where), detail(std::move(what)) {}
  Position at;
  std::string detail;
};

// Decodes as yaml.v3 does into a map.
class Walker {
 public:
  explicit Walker(RawBuilder& builder) : builder_(builder) {}

  void Walk(const YamlNode& node) {
    const Depth depth(*this, node.at);
    Count(node);
    switch (node.kind) {
      case Kind::kAlias:
        Follow(node, [&](const YamlNode& target) { Walk(target); });
        return;
      case Kind::kScalar:
        WalkScalar(node);
        return;
      case Kind::kList:
        builder_.StartList(node.at);
        for (const YamlNode* item : node.children) Walk(*item);
        builder_.EndList();
        return;
      case Kind::kMap:
        builder_.StartMap(node.at);
        Names own;
        WalkMembers(node, own, /*is_merged=*/false);
        builder_.EndMap();
        return;
    }
  }

 private:
  // Aliases lead deeper than the text itself is nested.
  class Depth {
   public:
    Depth(Walker& walker, Position at) : walker_(walker) {
      constexpr int kDeepest = 200;
      if (walker_.depth_ == kDeepest) throw Refusal(at, "is nested too deep");
      ++walker_.depth_;
    }
    ~Depth() { --walker_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    Walker& walker_;
  };

  using Names = std::set<std::string, std::less<>>;

  // Aliases repeat parts, without end if they are let: yaml.v3's limits.
  void Count(const YamlNode& node) {
    ++decoded_;
    if (!aliases_.empty()) ++repeated_;
    constexpr double kFew = 400'000;
    constexpr double kMany = 4'000'000;
    const auto decoded = static_cast<double>(decoded_);
    const double allowed = 0.99 - 0.89 * std::clamp((decoded - kFew) / (kMany - kFew), 0.0, 1.0);
    if (repeated_ > 100 && decoded_ > 1000 && static_cast<double>(repeated_) / decoded > allowed) {
      throw Refusal(node.at, "repeats itself too often by its aliases");
    }
  }

  template <typename Visit>
  void Follow(const YamlNode& alias, Visit&& visit) {
    if (std::ranges::find(aliases_, alias.target) != aliases_.end()) {
      throw Refusal(alias.at, fmt::format("the anchor '{}' contains itself", alias.text));
    }
    aliases_.push_back(alias.target);
    visit(*alias.target);
    aliases_.pop_back();
  }

  static bool IsMerge(const YamlNode& key) {
    return key.is_scalar() && key.text == "<<" &&
           (key.is_plain ? key.tag.empty() || key.tag == "!" || IsTagged(key, "merge")
                         : IsTagged(key, "merge"));
  }

  static bool IsTagged(const YamlNode& node, std::string_view type) {
    return node.tag.starts_with(kCoreTag) &&
           std::string_view(node.tag).substr(kCoreTag.size()) == type;
  }

  static PlainScalar Text(const YamlNode& node) {
    return {PlainScalar::Type::kValue, ItemKind::kText, node.text};
  }

  // The type that a scalar has by its look, or by its tag, which must fit its look.
  static PlainScalar Resolve(const YamlNode& node) {
    const bool has_tag = !node.tag.empty() && node.tag != "!";
    if (IsTagged(node, "str") || (!has_tag && !node.is_plain)) return Text(node);
    PlainScalar plain = ReadPlain(node.text);
    if (!has_tag) return plain;
    const auto is = [&](ItemKind kind) {
      return plain.type == PlainScalar::Type::kValue && plain.kind == kind;
    };
    const bool is_whole = is(ItemKind::kNumber) || is(ItemKind::kLarge);
    const bool fits =
        (IsTagged(node, "int") && is_whole) || (IsTagged(node, "bool") && is(ItemKind::kFlag)) ||
        (IsTagged(node, "float") && (is(ItemKind::kFraction) || is(ItemKind::kNumber))) ||
        (IsTagged(node, "null") && plain.type == PlainScalar::Type::kNull) ||
        (IsTagged(node, "merge") && plain.type == PlainScalar::Type::kMerge);
    if (!fits) {
      const std::string_view tag =
          node.tag.starts_with(kCoreTag) ? std::string_view(node.tag).substr(kCoreTag.size()) : "";
      throw Refusal(node.at, fmt::format("{} is not what its tag {}{} says: leave the tag out",
                                         node.text, tag.empty() ? "" : "!!",
                                         tag.empty() ? std::string_view(node.tag) : tag));
    }
    if (IsTagged(node, "float")) plain.kind = ItemKind::kFraction;
    return plain;
  }

  void WalkScalar(const YamlNode& node) {
    PlainScalar plain = Resolve(node);
    switch (plain.type) {
      case PlainScalar::Type::kNull:
        builder_.Null(node.at);
        return;
      case PlainScalar::Type::kTimestamp:
        throw Refusal(node.at, fmt::format("{} is a time to YAML: put it in quotes", node.text));
      case PlainScalar::Type::kMerge:
        builder_.Scalar(ItemKind::kText, "<<", node.at);
        return;
      case PlainScalar::Type::kValue:
        builder_.Scalar(plain.kind, std::move(plain.text), node.at);
    }
  }

  // Own members go before merged ones, and of several merged maps the first goes first.
  void WalkMembers(const YamlNode& map, Names& names, bool is_merged) {
    const YamlNode* merge = nullptr;
    Names written;
    for (std::size_t i = 0; i + 1 < map.children.size(); i += 2) {
      const YamlNode& key = *map.children[i];
      if (IsMerge(key)) {
        if (merge) {
          throw Refusal(key.at, "the merge key << is given twice: give it a list instead");
        }
        merge = map.children[i + 1];
        continue;
      }
      Count(key);
      std::string name = KeyText(key);
      const bool is_new = names.insert(name).second;
      if (is_merged) {  // the builder looks at the own ones
        if (!written.insert(name).second) {
          throw Refusal(key.at, fmt::format("{} is given twice", name));
        }
        if (!is_new) continue;
      }
      builder_.Key(std::move(name), key.at);
      Walk(*map.children[i + 1]);
    }
    if (merge) Merge(*merge, names);
  }

  void Merge(const YamlNode& source, Names& names) {
    if (source.kind == Kind::kList) {
      for (const YamlNode* item : source.children) MergeMap(*item, names);
    } else {
      MergeMap(source, names);
    }
  }

  void MergeMap(const YamlNode& source, Names& names) {
    const Depth depth(*this, source.at);
    const YamlNode& map = source.kind == Kind::kAlias ? *source.target : source;
    if (map.kind != Kind::kMap) throw Refusal(source.at, "is merged, so it must be a map");
    Count(source);
    if (source.kind == Kind::kAlias) {
      Follow(source, [&](const YamlNode& target) {
        Count(target);
        WalkMembers(target, names, /*is_merged=*/true);
      });
    } else {
      WalkMembers(map, names, /*is_merged=*/true);
    }
  }

  // Traefik writes keys that are no texts as "<int Value>", so all numbers are one name.
  static std::string KeyText(const YamlNode& node) {
    const YamlNode& key = node.kind == Kind::kAlias ? *node.target : node;
    if (!key.is_scalar()) throw Refusal(node.at, "has a key that is no text");
    PlainScalar plain = Resolve(key);
    if (plain.type == PlainScalar::Type::kValue && plain.kind == ItemKind::kText) return plain.text;
    if (plain.type == PlainScalar::Type::kMerge) return "<<";
    throw Refusal(node.at,
                  fmt::format("the key {} is no text to YAML: put it in quotes", key.text));
  }

  RawBuilder& builder_;
  std::vector<const YamlNode*> aliases_;  // that we are in
  int depth_ = 0;
  std::size_t decoded_ = 0;
  std::size_t repeated_ = 0;
};

}  // namespace

void ReadYaml(std::string_view text, RawBuilder& builder, Problems& problems) {
  const auto tree = ReadYamlTree(text);
  if (!tree) {
    problems.errors.push_back(tree.error());
    return;
  }
  if (tree->next_document.line > 0) {
    problems.warnings.push_back({"", "has a second document, which Traefik ignores",
                                 tree->next_document.line, tree->next_document.column});
  }
  if (!tree->root) return;
  try {
    Walker(builder).Walk(*tree->root);
  } catch (const Refusal& refusal) {
    problems.errors.push_back({"", fmt::format("cannot be read as YAML: {}", refusal.detail),
                               refusal.at.line, refusal.at.column});
  }
}

}  // namespace traefik::codec
