#include "traefik/codec/yaml_reader.h"

#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "traefik/codec/scalar.h"

namespace traefik::codec {
namespace {

constexpr int kDeepest = 100;
// Aliases and merges may repeat parts without end: what they add to what is written is limited.
constexpr std::size_t kMostRepeatedNodes = 400'000;
constexpr std::size_t kMostRepeatedBytes = std::size_t{64} << 20;

Position At(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

class Walker {
 public:
  Walker(std::size_t text_size, RawBuilder& builder)
      : most_nodes_(text_size + kMostRepeatedNodes),
        most_bytes_(text_size + kMostRepeatedBytes),
        builder_(builder) {}

  void Walk(const YAML::Node& node, int depth) {
    Count(node, depth);
    const Position at = At(node.Mark());
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        builder_.Null(at);
        return;
      case YAML::NodeType::Scalar:
        WalkScalar(node, at);
        return;
      case YAML::NodeType::Sequence:
        builder_.StartList(at);
        for (const YAML::Node& item : node) Walk(item, depth + 1);
        builder_.EndList();
        return;
      case YAML::NodeType::Map:
        builder_.StartMap(at);
        WalkMembers(node, depth);
        builder_.EndMap();
        return;
    }
  }

 private:
  void Count(const YAML::Node& node, int depth) {
    if (node.IsScalar()) bytes_ += node.Scalar().size();
    if (depth > kDeepest || ++nodes_ > most_nodes_ || bytes_ > most_bytes_) {
      throw YAML::Exception(node.Mark(), "is nested too deep, or repeats itself too often");
    }
  }

  static bool IsPlain(const YAML::Node& node) { return node.Tag() == "?" || node.Tag().empty(); }

  static bool IsMerge(const YAML::Node& key) {
    return key.IsScalar() && IsPlain(key) && key.Scalar() == "<<";
  }

  void WalkScalar(const YAML::Node& node, Position at) {
    if (!IsPlain(node)) {
      if (node.Tag() != "!" && node.Tag() != "tag:yaml.org,2002:str") {
        throw YAML::Exception(node.Mark(), fmt::format("has a tag ({}): leave it out", node.Tag()));
      }
      builder_.Scalar(ItemKind::kText, node.Scalar(), at);
      return;
    }
    PlainScalar plain = ReadPlain(node.Scalar());
    switch (plain.type) {
      case PlainScalar::Type::kNull:
        builder_.Null(at);
        return;
      case PlainScalar::Type::kTimestamp:
        throw YAML::Exception(node.Mark(),
                              fmt::format("{} is a time to YAML: put it in quotes", node.Scalar()));
      case PlainScalar::Type::kMerge:
        builder_.Scalar(ItemKind::kText, "<<", at);
        return;
      case PlainScalar::Type::kValue:
        builder_.Scalar(plain.kind, std::move(plain.text), at);
    }
  }

  // Own members go before merged ones, and of several merged maps the first goes first.
  void WalkMembers(const YAML::Node& map, int depth) {
    std::set<std::string, std::less<>> own;
    std::vector<YAML::Node> merged;
    for (const auto& member : map) {
      if (IsMerge(member.first)) {
        merged.push_back(member.second);
        continue;
      }
      std::string name = KeyText(member.first);
      own.insert(name);
      builder_.Key(std::move(name), At(member.first.Mark()));
      Walk(member.second, depth + 1);
    }
    if (merged.size() > 1) {
      throw YAML::Exception(map.Mark(), "has the merge key << twice: give it a list instead");
    }
    for (const YAML::Node& source : merged) Merge(source, own, depth);
  }

  void Merge(const YAML::Node& source, std::set<std::string, std::less<>>& own, int depth) {
    Count(source, depth);
    if (source.IsSequence()) {
      for (const YAML::Node& item : source) {
        if (!item.IsMap()) throw YAML::Exception(item.Mark(), "is merged, so it must be a map");
        Merge(item, own, depth + 1);
      }
      return;
    }
    if (!source.IsMap()) throw YAML::Exception(source.Mark(), "is merged, so it must be a map");
    for (const auto& member : source) {
      if (IsMerge(member.first)) continue;
      std::string name = KeyText(member.first);
      if (!own.insert(name).second) continue;
      builder_.Key(std::move(name), At(member.first.Mark()));
      Walk(member.second, depth + 1);
    }
    for (const auto& member : source) {
      if (IsMerge(member.first)) Merge(member.second, own, depth + 1);
    }
  }

  // Traefik writes keys that are no texts as "<int Value>", so all numbers are one name.
  std::string KeyText(const YAML::Node& key) {
    if (!key.IsScalar()) throw YAML::Exception(key.Mark(), "has a key that is no text");
    if (!IsPlain(key)) return key.Scalar();
    PlainScalar plain = ReadPlain(key.Scalar());
    if (plain.type == PlainScalar::Type::kValue && plain.kind == ItemKind::kText) return plain.text;
    if (plain.type == PlainScalar::Type::kMerge) return "<<";
    throw YAML::Exception(
        key.Mark(), fmt::format("the key {} is no text to YAML: put it in quotes", key.Scalar()));
  }

  const std::size_t most_nodes_;
  const std::size_t most_bytes_;
  RawBuilder& builder_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

void ReadYaml(std::string_view text, RawBuilder& builder, Problems& problems) {
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    Walker(text.size(), builder).Walk(root, 0);
  } catch (const YAML::Exception& error) {
    const Position at = At(error.mark);
    problems.errors.push_back(
        {"", fmt::format("cannot be read as YAML: {}", error.msg), at.line, at.column});
  }
}

}  // namespace traefik::codec
