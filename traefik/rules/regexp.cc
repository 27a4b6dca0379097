#include "traefik/rules/regexp.h"

#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

namespace traefik::rules {
namespace {

// Go's regexp and the C++ library are of one kind, with two differences: Go knows (?<name>…), older
// versions of the library only (?P<name>…), and it does not know \C. False for the latter.
bool ToRe2(std::string_view pattern, std::string& out) {
  bool literal = false;  // between \Q and \E
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const std::string_view rest = pattern.substr(at);
    if (literal) {
      literal = !rest.starts_with("\\E");
    } else if (rest.starts_with("\\C")) {
      return false;
    } else if (rest.starts_with("\\Q")) {
      literal = true;
    } else if (rest.starts_with("(?<") && !rest.starts_with("(?<=") && !rest.starts_with("(?<!")) {
      out += "(?P";
      at += 1;
      continue;
    }
    out += pattern[at];
    if (pattern[at] == '\\' && at + 1 < pattern.size()) out += pattern[++at];
  }
  return true;
}

}  // namespace

std::expected<Regexp, std::string> Regexp::Compile(std::string_view pattern) {
  std::string text;
  if (!ToRe2(pattern, text)) {
    return std::unexpected(
        fmt::format("'{}' has \\C, which Go's regular expressions do not know", pattern));
  }
  auto compiled = std::make_shared<const re2::RE2>(text, re2::RE2::Quiet);
  if (!compiled->ok()) {
    return std::unexpected(
        fmt::format("'{}' is no regular expression of RE2: {}", pattern, compiled->error()));
  }
  return Regexp(std::move(compiled));
}

bool Regexp::Matches(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

std::string RegexpProblem(std::string_view pattern) {
  const auto compiled = Regexp::Compile(pattern);
  return compiled ? std::string() : compiled.error();
}

}  // namespace traefik::rules
