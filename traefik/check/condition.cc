#include "traefik/check/condition.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "traefik/rules/lexer.h"

namespace traefik::check {
namespace {

// Of a part of a condition: what it is, or what it gives while Traefik runs.
enum class Type : std::uint8_t { kTruth, kWholes, kFractions, kTexts, kWhole, kFraction, kText };

constexpr std::string_view kTypeNames[] = {"a condition",     "a whole number", "a fraction",
                                           "a text",          "a whole number", "a fraction as 0.5",
                                           "a text in quotes"};

struct Function {
  std::string_view name;
  Type gives;
  std::vector<Type> takes;
};

const std::vector<Function>& FunctionsOf(ConditionOf option) {
  static const std::vector<Function> circuit_breaker = {
      {"LatencyAtQuantileMS", Type::kWholes, {Type::kFraction}},
      {"NetworkErrorRatio", Type::kFractions, {}},
      {"ResponseCodeRatio",
       Type::kFractions,
       {Type::kWhole, Type::kWhole, Type::kWhole, Type::kWhole}},
  };
  static const std::vector<Function> buffering = {
      {"RequestMethod", Type::kTexts, {}},
      {"IsNetworkError", Type::kTruth, {}},
      {"Attempts", Type::kWholes, {}},
      {"ResponseCode", Type::kWholes, {}},
  };
  return option == ConditionOf::kBuffering ? buffering : circuit_breaker;
}

struct Wrong {
  std::string sentence;
};

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// A parser by recursive descent that keeps nothing but types: of Go's expressions what
// vulcand/predicate takes.
class Parser {
 public:
  Parser(std::string_view text, const std::vector<Function>& functions)
      : text_(text), functions_(functions) {}

  void Parse() {
    const Type type = Or(0);
    SkipSpace(/*lines=*/true);
    if (at_ < text_.size()) Fail(fmt::format("has '{}' where it should end", Rest()));
    if (type != Type::kTruth) {
      Fail(fmt::format("is {}, not a condition: compare it", NameOf(type)));
    }
  }

 private:
  static constexpr int kDeepest = 100;

  [[noreturn]] void Fail(const std::string& what) const {
    throw Wrong{fmt::format("{} (character {})", what, at_ + 1)};
  }

  static std::string_view NameOf(Type type) { return kTypeNames[static_cast<std::size_t>(type)]; }

  std::string_view Rest() const { return text_.substr(at_, 20); }

  // A line may end before an operand, as in Go, and at the end.
  void SkipSpace(bool lines = false) {
    const std::string_view space = lines ? " \t\r\n" : " \t\r";
    at_ = std::min(text_.find_first_not_of(space, at_), text_.size());
  }

  bool Accept(std::string_view token) {
    SkipSpace();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    SkipSpace();
    return true;
  }

  void Need(std::string_view token) {
    if (!Accept(token)) Fail(fmt::format("needs '{}' here", token));
  }

  Type Join(std::string_view token, int depth, Type (Parser::*part)(int)) {
    Type type = (this->*part)(depth);
    while (Accept(token)) {
      const Type other = (this->*part)(depth);
      if (type != Type::kTruth || other != Type::kTruth) {
        Fail(fmt::format("{} joins conditions only", token));
      }
    }
    return type;
  }

  Type Or(int depth) { return Join("||", depth, &Parser::And); }
  Type And(int depth) { return Join("&&", depth, &Parser::Comparison); }

  Type Comparison(int depth) {
    Type type = Operand(depth);
    for (;;) {
      const auto* const found =
          std::ranges::find_if(kComparisons, [&](std::string_view token) { return Accept(token); });
      if (found == std::end(kComparisons)) return type;
      CheckCompared(*found, type, Operand(depth));
      type = Type::kTruth;
    }
  }

  void CheckCompared(std::string_view token, Type left, Type right) const {
    Type wanted = Type::kTruth;
    if (left == Type::kWholes) wanted = Type::kWhole;
    if (left == Type::kFractions) wanted = Type::kFraction;
    if (left == Type::kTexts && (token == "==" || token == "!=")) wanted = Type::kText;
    if (wanted == Type::kTruth) Fail(fmt::format("{} cannot compare {}", token, NameOf(left)));
    if (right != wanted)
      Fail(fmt::format("compares with {}: {} is needed", NameOf(right), NameOf(wanted)));
  }

  Type Operand(int depth) {
    if (depth > kDeepest) Fail("is nested too deep");
    SkipSpace(/*lines=*/true);
    if (at_ == text_.size()) Fail("ends too early");
    const char c = text_[at_];
    if (Accept("(")) {
      const Type type = Or(depth + 1);
      Need(")");
      return type;
    }
    if (c == '"' || c == '`') return Text();
    if ((c >= '0' && c <= '9') || c == '.') return Number();
    return Call(depth);
  }

  Type Text() {
    const char quote = text_[at_];
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote)
      end += quote == '"' && text_[end] == '\\' ? 2 : 1;
    const auto token = rules::Lexer(text_.substr(at_, end + 1 - at_)).Next();
    if (end >= text_.size() || token.type != rules::Token::Type::kText) Fail("has a broken text");
    at_ = end + 1;
    return Type::kText;
  }

  Type Number() {
    const char* const start = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    std::int64_t whole = 0;
    const auto as_whole = std::from_chars(start, end, whole);
    double fraction = 0;
    const auto as_fraction = std::from_chars(start, end, fraction);
    const bool is_whole = as_whole.ec == std::errc() && as_whole.ptr == as_fraction.ptr;
    if (!is_whole && as_fraction.ec != std::errc()) Fail("has a number that is too large");
    at_ += static_cast<std::size_t>((is_whole ? as_whole.ptr : as_fraction.ptr) - start);
    if (at_ < text_.size() && IsNameByte(text_[at_])) Fail("has a number that goes on in letters");
    return is_whole ? Type::kWhole : Type::kFraction;
  }

  Type Call(int depth) {
    std::size_t end = at_;
    while (end < text_.size() && IsNameByte(text_[end])) ++end;
    const std::string_view name = text_.substr(at_, end - at_);
    const auto function = std::ranges::find(functions_, name, &Function::name);
    if (function == functions_.end()) {
      std::vector<std::string_view> names;
      names.reserve(functions_.size());
      for (const Function& known : functions_) names.push_back(known.name);
      Fail(fmt::format("has '{}', which is none of {}", name.empty() ? Rest() : name,
                       fmt::join(names, ", ")));
    }
    at_ = end;
    Need("(");
    std::size_t count = 0;
    for (; !Accept(")"); ++count) {
      if (count > 0) {
        Need(",");
        if (Accept(")")) break;
      }
      const Type type = Operand(depth + 1);
      if (count < function->takes.size() && type != function->takes[count]) {
        Fail(fmt::format("gives {} {}: {} is needed", name, NameOf(type),
                         NameOf(function->takes[count])));
      }
    }
    if (count != function->takes.size()) {
      Fail(fmt::format("gives {} {} values: it takes {}", name, count, function->takes.size()));
    }
    return function->gives;
  }

  // Longer ones first.
  static constexpr std::string_view kComparisons[] = {"==", "!=", "<=", ">=", "<", ">"};

  std::string_view text_;
  const std::vector<Function>& functions_;
  std::size_t at_ = 0;
};

}  // namespace

std::string ConditionProblem(std::string_view text, ConditionOf option) {
  try {
    Parser(text, FunctionsOf(option)).Parse();
    return {};
  } catch (const Wrong& wrong) {
    return wrong.sentence;
  }
}

}  // namespace traefik::check
