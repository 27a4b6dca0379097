#include "traefik/base/json_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace traefik {
namespace {

struct CodePoint {
  std::uint32_t value;
  std::size_t length;  // bytes read; the value is kReplacement where they are not UTF-8
};

constexpr std::uint32_t kReplacement = 0xFFFD;

// Decodes the code point at the front of a text that is not empty.
CodePoint Decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};

  std::size_t length = 0;
  std::uint32_t value = 0;
  std::uint32_t smallest = 0;
  if ((first & 0xE0) == 0xC0) {
    length = 2, value = first & 0x1Fu, smallest = 0x80;
  } else if ((first & 0xF0) == 0xE0) {
    length = 3, value = first & 0x0Fu, smallest = 0x800;
  } else if ((first & 0xF8) == 0xF0) {
    length = 4, value = first & 0x07u, smallest = 0x10000;
  } else {
    return {kReplacement, 1};
  }
  if (text.size() < length) return {kReplacement, 1};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kReplacement, 1};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest || value > 0x10FFFF || surrogate) return {kReplacement, 1};
  return {value, length};
}

bool NeedsEscape(std::uint32_t value) {
  return value < 0x20 || (value >= 0x7F && value <= 0x9F) || value == 0x2028 || value == 0x2029 ||
         value == 0xFEFF || value == 0xFFFE || value == 0xFFFF;
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  const auto is_special = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\';
  };
  out += '"';
  while (!text.empty()) {
    const auto plain =
        static_cast<std::size_t>(std::ranges::find_if(text, is_special) - text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const CodePoint point = Decode(text);
    const bool invalid = point.value == kReplacement && point.length == 1;
    if (point.value == '"' || point.value == '\\') {
      out += '\\';
      out += static_cast<char>(point.value);
    } else if (NeedsEscape(point.value)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04X}", point.value);
    } else if (invalid) {
      out += "\xEF\xBF\xBD";
    } else {
      out += text.substr(0, point.length);
    }
    text.remove_prefix(point.length);
  }
  out += '"';
}

std::string JsonString(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  AppendJsonString(out, text);
  return out;
}

void AppendMembers(std::string& members, std::string_view more) {
  if (more.empty()) return;
  if (!members.empty()) members += ',';
  members += more;
}

void AppendMember(std::string& members, std::string_view name, std::string_view json) {
  if (!members.empty()) members += ',';
  AppendJsonString(members, name);
  members += ':';
  members += json;
}

void AppendJsonStrings(std::string& out, std::span<const std::string> texts) {
  char separator = '[';
  for (const std::string& text : texts) {
    out += separator;
    AppendJsonString(out, text);
    separator = ',';
  }
  if (texts.empty()) out += '[';
  out += ']';
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = Decode(text);
    if (point.value == kReplacement && point.length == 1) return false;
    text.remove_prefix(point.length);
  }
  return true;
}

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace traefik
