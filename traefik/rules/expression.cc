#include "traefik/rules/expression.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "traefik/base/json_text.h"
#include "traefik/rules/lexer.h"

namespace traefik::rules {
namespace {

using Type = Token::Type;
using Kind = Expression::Kind;

constexpr int kDeepest = 200;  // parentheses and negations in each other

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text), token_(lexer_.Next()) {}

  std::expected<Expression, std::string> Parse() {
    auto expression = Or(0);
    if (!expression) return expression;
    if (token_.type == Type::kNewline) {
      const Token line_end = token_;
      token_ = lexer_.Next();
      if (token_.type != Type::kEnd) token_ = line_end;
    }
    if (token_.type != Type::kEnd) return Unexpected("&&, || or the end");
    return expression;
  }

 private:
  using Parsed = std::expected<Expression, std::string>;

  std::unexpected<std::string> Unexpected(std::string_view wanted) const {
    const auto place = fmt::format(" (character {})", token_.at + 1);
    switch (token_.type) {
      case Type::kWrong:
        return std::unexpected(token_.text + place);
      case Type::kEnd:
        return std::unexpected(fmt::format("the rule ends where {} belongs", wanted));
      case Type::kNewline:
        return std::unexpected(fmt::format(
            "a line ends where {} belongs: put operators at the end of a line{}", wanted, place));
      default:
        return std::unexpected(fmt::format("{} belongs here{}", wanted, place));
    }
  }

  template <typename Operand>
  Parsed Chain(Type type, Kind kind, Operand operand) {
    Parsed first = operand();
    if (!first || token_.type != type) return first;
    Expression chain;
    chain.kind = kind;
    chain.operands.push_back(*std::move(first));
    while (token_.type == type) {
      token_ = lexer_.Next();
      Parsed next = operand();
      if (!next) return next;
      chain.operands.push_back(*std::move(next));
    }
    return chain;
  }

  Parsed Or(int depth) {
    return Chain(Type::kOr, Kind::kOr, [&] { return And(depth); });
  }

  Parsed And(int depth) {
    return Chain(Type::kAnd, Kind::kAnd, [&] { return Unary(depth); });
  }

  Parsed Unary(int depth) {
    if (depth > kDeepest) return std::unexpected("the rule is nested too deep");
    if (token_.type == Type::kNot) {
      token_ = lexer_.Next();
      Parsed operand = Unary(depth + 1);
      if (!operand) return operand;
      Expression negation;
      negation.kind = Kind::kNot;
      negation.operands.push_back(*std::move(operand));
      return negation;
    }
    if (token_.type == Type::kOpen) {
      token_ = lexer_.Next();
      Parsed inner = Or(depth + 1);
      if (!inner) return inner;
      if (token_.type != Type::kClose) return Unexpected("')'");
      token_ = lexer_.Next();
      return inner;
    }
    return Matcher();
  }

  Parsed Matcher() {
    if (token_.type != Type::kName) return Unexpected("a matcher as Host(`…`)");
    Expression matcher;
    matcher.matcher = std::move(token_.text);
    token_ = lexer_.Next();
    if (token_.type != Type::kOpen) return Unexpected("'('");
    token_ = lexer_.Next();
    while (token_.type != Type::kClose) {
      if (token_.type != Type::kText) return Unexpected("a text in backticks or double quotes");
      matcher.arguments.push_back(std::move(token_.text));
      token_ = lexer_.Next();
      if (token_.type == Type::kComma) {
        token_ = lexer_.Next();
      } else if (token_.type != Type::kClose) {
        return Unexpected("',' or ')'");
      }
    }
    token_ = lexer_.Next();
    return matcher;
  }

  Lexer lexer_;
  Token token_;
};

std::string Quote(std::string_view text) {
  const bool utf8 = IsUtf8(text);
  const bool raw = utf8 && text.find_first_of("`\r\n") == std::string_view::npos;
  if (raw) return fmt::format("`{}`", text);
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (!utf8 && static_cast<unsigned char>(c) >= 0x80) {
          out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

int Rank(Kind kind) { return kind == Kind::kOr ? 0 : kind == Kind::kAnd ? 1 : 2; }

void Append(std::string& out, const Expression& expression, int least) {
  const bool parentheses = Rank(expression.kind) < least;
  if (parentheses) out += '(';
  switch (expression.kind) {
    case Kind::kMatcher:
      out += expression.matcher + '(';
      for (std::size_t i = 0; i < expression.arguments.size(); ++i) {
        if (i > 0) out += ", ";
        out += Quote(expression.arguments[i]);
      }
      out += ')';
      break;
    case Kind::kNot:
      out += '!';
      Append(out, expression.operands[0], 2);
      break;
    case Kind::kAnd:
    case Kind::kOr: {
      for (std::size_t i = 0; i < expression.operands.size(); ++i) {
        if (i > 0) out += expression.kind == Kind::kAnd ? " && " : " || ";
        // A chain in a chain of the same kind keeps its parentheses.
        Append(out, expression.operands[i], Rank(expression.kind) + 1);
      }
      break;
    }
  }
  if (parentheses) out += ')';
}

}  // namespace

std::expected<Expression, std::string> ParseExpression(std::string_view text) {
  // Go refuses these wherever they stand, in texts and comments, too.
  if (text.find('\0') != std::string_view::npos) return std::unexpected("has a NUL character");
  if (text.find("\xEF\xBB\xBF", 1) != std::string_view::npos) {
    return std::unexpected("has a byte order mark (U+FEFF), which cannot be seen: type it anew");
  }
  if (!IsUtf8(text)) return std::unexpected("is not UTF-8");
  return Parser(text).Parse();
}

std::string ToText(const Expression& expression) {
  std::string out;
  Append(out, expression, 0);
  return out;
}

}  // namespace traefik::rules
