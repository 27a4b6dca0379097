#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace orchestrator::files {

// A path inside of a site's directory, checked for its form: names of 1 to 255 bytes with a slash
// in between, none of them "." or "..". Names are bytes and need not be UTF-8. The empty path is
// the site's directory itself. Says nothing about what is there: any part may be a link.
class RelativePath {
 public:
  static constexpr std::size_t kLongestName = 255;   // NAME_MAX
  static constexpr std::size_t kLongestPath = 4095;  // PATH_MAX without the NUL at its end

  RelativePath() = default;
  // The error is a sentence for people.
  static std::expected<RelativePath, std::string> Parse(std::string_view bytes);

  const std::string& text() const { return text_; }
  bool is_root() const { return text_.empty(); }
  // The folder it is in. The site's directory is its own parent.
  RelativePath parent() const;
  // The last name; empty for the site's directory.
  std::string name() const;
  // The first name; empty for the site's directory.
  std::string_view top() const;
  bool IsInside(const RelativePath& folder) const;

  friend bool operator==(const RelativePath&, const RelativePath&) = default;

 private:
  explicit RelativePath(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// Bytes as a text that is safe in JSON, in logs and on terminals, and that stands for these bytes
// only. UTF-8 stays as it is; what is no UTF-8, control characters, line separators and overrides
// of the writing direction become \xNN byte by byte, a backslash becomes two.
std::string SafeText(std::string_view bytes);

bool IsUtf8(std::string_view bytes);

}  // namespace orchestrator::files
