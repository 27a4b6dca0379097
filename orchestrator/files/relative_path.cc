#include "orchestrator/files/relative_path.h"

#include <cstdint>
#include <optional>

#include <fmt/format.h>

namespace orchestrator::files {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 0;  // in bytes
};

// The code point at the start, by the table of well-formed sequences (Unicode, table 3-7).
std::optional<CodePoint> Decode(std::string_view bytes) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const unsigned first = byte(0);
  if (first < 0x80) return CodePoint{first, 1};
  if (first < 0xC2 || first > 0xF4) return std::nullopt;
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (bytes.size() < length) return std::nullopt;
  std::uint32_t value = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return std::nullopt;
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return std::nullopt;
  return CodePoint{value, length};
}

// Whether it could end a line, steer a terminal or show a text in another order than it has.
bool IsUnsafe(std::uint32_t value) {
  return value < 0x20 || (value >= 0x7F && value <= 0x9F) || value == 0x2028 || value == 0x2029 ||
         (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
}

std::optional<std::string> ProblemOfName(std::string_view name) {
  if (name.empty()) {
    return "a path must not begin or end with a slash, nor have two of them in a row";
  }
  if (name == "." || name == "..")
    return fmt::format("a path must not contain the name '{}'", name);
  if (name.size() > RelativePath::kLongestName) {
    return fmt::format("a name in a path has {} bytes, {} are allowed", name.size(),
                       RelativePath::kLongestName);
  }
  return std::nullopt;
}

}  // namespace

std::expected<RelativePath, std::string> RelativePath::Parse(std::string_view bytes) {
  if (bytes.empty()) return RelativePath();
  if (bytes.size() > kLongestPath) {
    return std::unexpected(
        fmt::format("the path has {} bytes, {} are allowed", bytes.size(), kLongestPath));
  }
  if (bytes.find('\0') != std::string_view::npos) {
    return std::unexpected("a path must not contain a NUL byte");
  }
  for (std::size_t start = 0;;) {
    const std::size_t end = bytes.find('/', start);
    if (auto problem = ProblemOfName(bytes.substr(start, end - start))) {
      return std::unexpected(std::move(*problem));
    }
    if (end == std::string_view::npos) return RelativePath(std::string(bytes));
    start = end + 1;
  }
}

RelativePath RelativePath::parent() const {
  const std::size_t slash = text_.rfind('/');
  return slash == std::string::npos ? RelativePath() : RelativePath(text_.substr(0, slash));
}

std::string RelativePath::name() const {
  const std::size_t slash = text_.rfind('/');
  return slash == std::string::npos ? text_ : text_.substr(slash + 1);
}

std::string_view RelativePath::top() const {
  return std::string_view(text_).substr(0, text_.find('/'));
}

bool RelativePath::IsInside(const RelativePath& folder) const {
  if (folder.is_root()) return !is_root();
  return text_.size() > folder.text_.size() && text_.starts_with(folder.text_) &&
         text_[folder.text_.size()] == '/';
}

std::string SafeText(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto point = Decode(bytes);
    const std::size_t length = point ? point->length : 1;
    if (!point || IsUnsafe(point->value)) {
      for (const char byte : bytes.substr(0, length)) {
        text += fmt::format("\\x{:02X}", static_cast<unsigned char>(byte));
      }
    } else if (point->value == '\\') {
      text += "\\\\";
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return text;
}

bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto point = Decode(bytes);
    if (!point) return false;
    bytes.remove_prefix(point->length);
  }
  return true;
}

}  // namespace orchestrator::files
