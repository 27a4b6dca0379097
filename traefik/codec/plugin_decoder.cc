#include "traefik/codec/plugin_decoder.h"

#include <cmath>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "traefik/codec/scalar.h"

namespace traefik::codec {
namespace {

std::vector<std::string_view> Split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

// One item of a typed list; nothing when it is not of that kind.
std::optional<Value> Item(int kind, std::string_view text) {
  switch (static_cast<ItemKind>(kind)) {
    case ItemKind::kFlag:
      if (const auto flag = ParseFlag(text)) return Value{*flag};
      return {};
    case ItemKind::kNumber:
    case ItemKind::kLarge:
      if (const auto number = ParseNumber(text)) return Value{*number};
      return {};
    case ItemKind::kFraction: {
      char* end = nullptr;
      const std::string copy(text);
      const double number = std::strtod(copy.c_str(), &end);
      if (copy.empty() || *end != '\0' || copy[0] == ' ' || !std::isfinite(number)) return {};
      return Value{number};
    }
    case ItemKind::kText:
      return Value{std::string(text)};
  }
  return {};
}

class PluginDecoder {
 public:
  PluginDecoder(bool typed, Problems& problems) : typed_(typed), problems_(problems) {}

  Value Any(const RawNode& node, const Path& path) {
    if (!node.children.empty()) return Members(node, path);
    if (typed_ && node.text.starts_with(kItemSeparator)) return TypedList(node, path);
    return {node.text};
  }

  Value Members(const RawNode& node, const Path& path) {
    for (const RawNode& child : node.children) {
      // Traefik looks at the first letter of every name, and ends where there is none.
      if (child.name.empty()) Fail(child, path, "has an empty name, at which Traefik fails");
    }
    if (!node.children.empty() && node.children.front().name.starts_with('[')) {
      List items;
      for (const RawNode& child : node.children) items.push_back(Any(child, {&path, child.name}));
      return {std::move(items)};
    }
    Object members;
    for (const RawNode& child : node.children) {
      members.push_back({child.name, Any(child, {&path, child.name})});
    }
    return {std::move(members)};
  }

 private:
  Value TypedList(const RawNode& node, const Path& path) {
    const auto parts = Split(node.text, kItemSeparator);
    const auto kind = parts.size() > 1 ? ParseNumber(parts[1]) : std::nullopt;
    if (!kind || *kind < 0 || *kind > 100) {
      Fail(node, path, "starts with the sign that Traefik uses for lists");
      return {};
    }
    List items;
    for (std::size_t i = 2; i < parts.size(); ++i) {
      auto item = Item(static_cast<int>(*kind), parts[i]);
      if (item) {
        items.push_back(*std::move(item));
      } else {
        Fail(node, path, "is a list of values of different kinds, which Traefik refuses");
        return {};
      }
    }
    return {std::move(items)};
  }

  void Fail(const RawNode& node, const Path& path, std::string detail) {
    problems_.errors.push_back({path.Pointer(), std::move(detail), node.line, node.column});
  }

  const bool typed_;
  Problems& problems_;
};

}  // namespace

Value DecodePlugins(const RawNode& plugins, bool typed, const Path& path, Problems& problems) {
  PluginDecoder decoder(typed, problems);
  Object members;
  for (const RawNode& plugin : plugins.children) {
    const Path place{&path, plugin.name};
    // A plugin's own value is ignored: it is configured by members only.
    Value configuration = plugin.children.empty() ? Value{Object{}} : Value{};
    if (!plugin.children.empty()) {
      Object object;
      for (const RawNode& child : plugin.children) {
        object.push_back({child.name, decoder.Any(child, {&place, child.name})});
      }
      configuration = {std::move(object)};
    }
    members.push_back({plugin.name, std::move(configuration)});
  }
  return {std::move(members)};
}

}  // namespace traefik::codec
