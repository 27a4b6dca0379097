#include "traefik/codec/locate.h"

#include <algorithm>
#include <string>

#include "traefik/codec/scalar.h"

namespace traefik::codec {
namespace {

// "a~1b" → "a/b"
std::string Unescaped(std::string_view part) {
  std::string name;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool is_escape = part[i] == '~' && i + 1 < part.size();
    name += is_escape ? (part[++i] == '1' ? '/' : '~') : part[i];
  }
  return name;
}

const RawNode* Child(const RawNode& node, std::string_view part) {
  const std::string name = Unescaped(part);
  const auto found = std::ranges::find_if(node.children, [&](const RawNode& child) {
    return child.name == name || child.name == "[" + name + "]" || EqualFold(child.name, name);
  });
  return found == node.children.end() ? nullptr : &*found;
}

}  // namespace

void Locate(const RawNode& document, std::vector<Problem>& problems) {
  for (Problem& problem : problems) {
    if (problem.line > 0 || problem.pointer.empty()) continue;
    const RawNode* node = &document;
    std::string_view rest = std::string_view(problem.pointer).substr(1);
    while (node) {
      if (node->line > 0) {
        problem.line = node->line;
        problem.column = node->column;
      }
      if (rest.empty()) break;
      const std::size_t slash = std::min(rest.find('/'), rest.size());
      node = Child(*node, rest.substr(0, slash));
      rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
  }
}

}  // namespace traefik::codec
