#include "traefik/rules/template.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include "traefik/rules/regexp.h"

namespace traefik::rules {

std::string TemplateProblem(std::string_view text) {
  // What is no variable is taken as it is, but must be UTF-8.
  if (std::string problem =
          RegexpProblem(re2::RE2::QuoteMeta(re2::StringPiece(text.data(), text.size())));
      !problem.empty()) {
    return problem;
  }
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] == '}') return "has a '}' without its '{'";
    if (text[at] != '{') {
      ++at;
      continue;
    }
    int depth = 0;
    const std::size_t start = at;
    for (; at < text.size(); ++at) {
      if (text[at] == '{') ++depth;
      if (text[at] == '}' && --depth == 0) break;
    }
    if (at == text.size()) return "has a '{' without its '}'";
    const std::string_view variable = text.substr(start + 1, at - start - 1);
    ++at;
    const auto colon = variable.find(':');
    const std::string_view name = variable.substr(0, colon);
    if (name.empty() || (colon != std::string_view::npos && colon + 1 == variable.size())) {
      return fmt::format("has a variable without a name or a pattern: {{{}}}", variable);
    }
    if (colon == std::string_view::npos) continue;
    const std::string pattern = fmt::format("^{}$", variable.substr(colon + 1));
    if (std::string problem = RegexpProblem(pattern); !problem.empty()) return problem;
  }
  return {};
}

}  // namespace traefik::rules
