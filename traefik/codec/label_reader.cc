#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "traefik/codec/decoder.h"
#include "traefik/codec/labels.h"
#include "traefik/codec/raw_node.h"
#include "traefik/codec/scalar.h"
#include "traefik/schema/schema.h"

namespace traefik::codec {
namespace {

// Traefik compares beginnings, not parts: "traefik.httpx" is about routing, too, and then wrong.
constexpr std::array<std::string_view, 4> kBeginnings = {
    "traefik.http", "traefik.tcp", "traefik.udp", "traefik.tls.stores.default"};

constexpr std::array<std::string_view, 3> kServiceBeginnings = {"traefik.enable", "traefik.docker.",
                                                                "traefik.swarm."};

bool StartsLike(std::string_view key, std::span<const std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view beginning) {
    return key.size() >= beginning.size() && EqualFold(key.substr(0, beginning.size()), beginning);
  });
}

// Deeper than any label, and far from the end of the stack.
constexpr std::size_t kMostParts = 100;

class LabelReader {
 public:
  explicit LabelReader(Problems& problems) : problems_(problems) {}

  void Add(const std::string& key, const std::string& value) {
    std::vector<std::string_view> parts;
    if (!Split(key, parts)) return;
    if (parts[0] != "traefik") {
      Fail(key, fmt::format("starts with '{}': Traefik wants 'traefik' in lower case", parts[0]));
      return;
    }
    RawNode* node = &root_;
    for (std::size_t i = 1; i < parts.size(); ++i) node = &Child(*node, parts[i]);
    node->text = value;
  }

  const RawNode& root() const { return root_; }

 private:
  bool Split(const std::string& key, std::vector<std::string_view>& parts) {
    std::string_view rest = key;
    for (;;) {
      if (parts.size() > kMostParts) {
        Fail(key.substr(0, 100), "has too many parts");
        return false;
      }
      const auto dot = rest.find('.');
      const std::string_view part = rest.substr(0, dot);
      if (part.empty()) {
        Fail(key, "has two dots in a row, or one at its end");
        return false;
      }
      if (part[0] == '[') {
        Fail(key, fmt::format("has a part that starts with '[': {}", part));
        return false;
      }
      if (part.ends_with(']')) {
        const auto bracket = part.find('[');
        if (bracket == std::string_view::npos) {
          Fail(key,
               fmt::format("has a part that ends with ']' and has no '[': {}. Traefik's provider "
                           "breaks down at it, for all services",
                           part));
          return false;
        }
        parts.push_back(part.substr(0, bracket));
        parts.push_back(part.substr(bracket));
      } else {
        parts.push_back(part);
      }
      if (dot == std::string_view::npos) return true;
      rest.remove_prefix(dot + 1);
    }
  }

  // The names of a user's own objects are one, too, when only their case differs.
  static RawNode& Child(RawNode& node, std::string_view name) {
    for (RawNode& child : node.children) {
      if (EqualFold(child.name, name)) return child;
    }
    node.children.push_back({.name = std::string(name), .text = {}, .children = {}});
    return node.children.back();
  }

  void Fail(const std::string& key, std::string detail) {
    problems_.errors.push_back({key, std::move(detail), 0, 0});
  }

  Problems& problems_;
  RawNode root_;
};

// "/http/routers/a/rule" → "traefik.http.routers.a.rule"
void NameLabels(std::vector<Problem>& problems) {
  for (Problem& problem : problems) {
    if (!problem.pointer.starts_with('/')) continue;
    std::string key = "traefik";
    for (std::size_t i = 0; i < problem.pointer.size(); ++i) {
      const std::string_view rest = std::string_view(problem.pointer).substr(i);
      if (rest.starts_with("/[")) continue;  // an index goes on with the name before it
      if (rest.starts_with("~1") || rest.starts_with("~0")) {
        key += rest[1] == '1' ? '/' : '~';
        ++i;
      } else {
        key += rest[0] == '/' ? '.' : rest[0];
      }
    }
    problem.pointer = std::move(key);
  }
}

Value DecodeAs(const schema::Struct& type, std::span<const std::string_view> beginnings,
               const Labels& labels, schema::Version target, Problems& problems) {
  Problems found;
  LabelReader reader(found);
  for (const auto& [key, value] : labels) {
    if (StartsLike(key, beginnings)) reader.Add(key, value);
  }
  Value value = Decode(type, reader.root(), Source::kLabels, found, target);
  NameLabels(found.errors);
  NameLabels(found.warnings);
  problems.errors.insert(problems.errors.end(), found.errors.begin(), found.errors.end());
  problems.warnings.insert(problems.warnings.end(), found.warnings.begin(), found.warnings.end());
  return value;
}

}  // namespace

Value DecodeLabels(const Labels& labels, Problems& problems, schema::Version target) {
  return DecodeAs(schema::Configuration(), kBeginnings, labels, target, problems);
}

Value DecodeServiceLabels(const Labels& labels, Problems& problems) {
  return DecodeAs(schema::ServiceLabels(), kServiceBeginnings, labels, schema::kNewest, problems);
}

}  // namespace traefik::codec
