#pragma once

#include <string>
#include <string_view>

namespace traefik::rules {

struct Token {
  enum class Type { kEnd, kNewline, kName, kText, kAnd, kOr, kNot, kOpen, kClose, kComma, kWrong };

  Type type = Type::kEnd;
  std::string text;    // of names and texts; of kWrong a sentence
  std::size_t at = 0;  // byte in the rule
};

// Cuts a rule into tokens as Go does: a line's end after a name, a text or ")" is a token of its
// own (where Go would put a semicolon), elsewhere it is a space.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Token Next();

 private:
  Token Take(Token::Type type, std::size_t length, std::string text = {});
  Token Wrong(std::string what) const;
  bool SkipSpaceAndComments(Token& newline);
  Token Name();
  Token Raw();
  Token Quoted();
  bool ReadEscape(std::string& out);

  std::string_view text_;
  std::size_t at_ = 0;
  bool may_end_ = false;  // whether a line's end is a token here
};

}  // namespace traefik::rules
