#include "traefik/rules/lexer.h"

#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace traefik::rules {
namespace {

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

void AppendUtf8(std::string& out, std::uint32_t point) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0 | point >> 6);
    add(0x80 | (point & 63));
  } else if (point < 0x10000) {
    add(0xE0 | point >> 12);
    add(0x80 | (point >> 6 & 63));
    add(0x80 | (point & 63));
  } else {
    add(0xF0 | point >> 18);
    add(0x80 | (point >> 12 & 63));
    add(0x80 | (point >> 6 & 63));
    add(0x80 | (point & 63));
  }
}

}  // namespace

Token Lexer::Take(Token::Type type, std::size_t length, std::string text) {
  Token token{type, std::move(text), at_};
  at_ += length;
  may_end_ =
      type == Token::Type::kName || type == Token::Type::kText || type == Token::Type::kClose;
  return token;
}

Token Lexer::Wrong(std::string what) const { return {Token::Type::kWrong, std::move(what), at_}; }

// True when a line's end was found that is a token.
bool Lexer::SkipSpaceAndComments(Token& newline) {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    const std::string_view rest = text_.substr(at_);
    if (c == '\n' || rest.starts_with("//")) {
      const auto end = text_.find('\n', at_);
      if (may_end_) {
        newline = Take(Token::Type::kNewline, 0);
        at_ = end == std::string_view::npos ? text_.size() : end + 1;
        return true;
      }
      at_ = end == std::string_view::npos ? text_.size() : end + 1;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (rest.starts_with("/*")) {
      const auto end = text_.find("*/", at_ + 2);
      if (end == std::string_view::npos) {
        newline = Wrong("a comment has no end");
        return true;
      }
      const bool has_line_end = text_.substr(at_, end - at_).find('\n') != std::string_view::npos;
      if (has_line_end && may_end_) {
        newline = Take(Token::Type::kNewline, 0);
        at_ = end + 2;
        return true;
      }
      at_ = end + 2;
    } else {
      break;
    }
  }
  return false;
}

Token Lexer::Next() {
  Token newline;
  if (SkipSpaceAndComments(newline)) return newline;
  if (at_ >= text_.size()) return Take(Token::Type::kEnd, 0);
  const std::string_view rest = text_.substr(at_);
  if (rest.starts_with("&&")) return Take(Token::Type::kAnd, 2);
  if (rest.starts_with("||")) return Take(Token::Type::kOr, 2);
  switch (rest[0]) {
    case '!':
      if (rest.starts_with("!=")) return Wrong("!= is no operator of rules");
      return Take(Token::Type::kNot, 1);
    case '(':
      return Take(Token::Type::kOpen, 1);
    case ')':
      return Take(Token::Type::kClose, 1);
    case ',':
      return Take(Token::Type::kComma, 1);
    case '`':
      return Raw();
    case '"':
      return Quoted();
    case '\'':
      return Wrong("single quotes do not hold texts: use backticks or double quotes");
    default:
      break;
  }
  if (IsNameByte(rest[0]) && (rest[0] < '0' || rest[0] > '9')) return Name();
  return Wrong(fmt::format("'{}' has no meaning here", rest[0]));
}

Token Lexer::Name() {
  std::size_t length = 0;
  while (at_ + length < text_.size() && IsNameByte(text_[at_ + length])) ++length;
  return Take(Token::Type::kName, length, std::string(text_.substr(at_, length)));
}

Token Lexer::Raw() {
  const auto end = text_.find('`', at_ + 1);
  if (end == std::string_view::npos) return Wrong("a text in backticks has no end");
  std::string text(text_.substr(at_ + 1, end - at_ - 1));
  std::erase(text, '\r');  // as Go does
  return Take(Token::Type::kText, end + 1 - at_, std::move(text));
}

Token Lexer::Quoted() {
  const std::size_t start = at_;
  std::string out;
  ++at_;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') {
    if (text_[at_] != '\\') {
      out += text_[at_++];
    } else if (!ReadEscape(out)) {
      return Wrong("an escape in a text is none of Go's");
    }
  }
  if (at_ >= text_.size() || text_[at_] != '"') {
    at_ = start;
    return Wrong("a text in double quotes has no end");
  }
  const std::size_t length = at_ + 1 - start;
  at_ = start;
  return Take(Token::Type::kText, length, std::move(out));
}

bool Lexer::ReadEscape(std::string& out) {
  ++at_;
  if (at_ >= text_.size()) return false;
  constexpr std::string_view kLetters = "abfnrtv\\\"";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"";
  const char letter = text_[at_];
  if (const auto found = kLetters.find(letter); found != std::string_view::npos) {
    out += kMeanings[found];
    ++at_;
    return true;
  }
  int base = 16;
  std::size_t digits = 0;
  if (letter >= '0' && letter <= '7') {
    base = 8;
    digits = 3;
  } else if (letter == 'x') {
    digits = 2;
  } else if (letter == 'u') {
    digits = 4;
  } else if (letter == 'U') {
    digits = 8;
  } else {
    return false;
  }
  const std::size_t first = base == 8 ? at_ : at_ + 1;
  if (first + digits > text_.size()) return false;
  const char* const begin = text_.data() + first;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(begin, begin + digits, value, base);
  if (error != std::errc() || end != begin + digits) return false;
  at_ = first + digits;
  if (letter == 'u' || letter == 'U') {
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return false;
    AppendUtf8(out, value);
  } else {
    if (value > 255) return false;
    out += static_cast<char>(value);
  }
  return true;
}

}  // namespace traefik::rules
