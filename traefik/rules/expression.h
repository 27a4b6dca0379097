#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace traefik::rules {

// A rule as a tree of matchers. A value type.
struct Expression {
  enum class Kind { kMatcher, kAnd, kOr, kNot };

  Kind kind = Kind::kMatcher;
  std::string matcher;                 // of kMatcher, as written
  std::vector<std::string> arguments;  // of kMatcher
  std::vector<Expression> operands;    // two or more, or one of kNot; a chain is one expression

  friend bool operator==(const Expression&, const Expression&) = default;
};

// Reads the grammar of rules, which is that of Go's expressions as far as rules may use it:
// matchers with texts in backticks or double quotes, &&, ||, !, parentheses, comments. What the
// matchers are is not looked at. The error is a sentence with the place.
std::expected<Expression, std::string> ParseExpression(std::string_view text);

// The shortest text that ParseExpression reads back to `expression`. Texts are in backticks where
// they can be, else in double quotes.
std::string ToText(const Expression& expression);

}  // namespace traefik::rules
