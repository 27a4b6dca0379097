#pragma once

#include <compare>
#include <expected>
#include <string>
#include <string_view>

namespace traefik {

// A host name that may stand in a rule: lower case, ASCII (international names as punycode), no
// trailing dot, optionally one leading "*." label. Whoever holds a HostName holds a text that
// cannot break out of a rule or a label; nobody needs to check it again.
//
// A value type. Equal names are equal hosts for Traefik, which ignores case and one trailing dot.
class HostName {
 public:
  // The error is a sentence for the person who typed the name.
  static std::expected<HostName, std::string> Parse(std::string_view text);

  const std::string& text() const { return text_; }

  // "*.example.com" matches exactly one label in place of the star.
  bool wildcard() const { return text_.starts_with('*'); }

  friend auto operator<=>(const HostName&, const HostName&) = default;

 private:
  explicit HostName(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace traefik
