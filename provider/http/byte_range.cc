#include "provider/http/byte_range.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace provider::http {
namespace {

constexpr std::string_view kUnit = "bytes=";

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// Nothing for what is not digits. What is too large for the type is larger than any body.
std::optional<std::uint64_t> Number(std::string_view text) {
  const bool digits =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return std::nullopt;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

bool HasUnit(std::string_view header) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(header.substr(0, kUnit.size()), kUnit, {}, lower);
}

}  // namespace

std::optional<ByteRange> ChooseRange(std::string_view header, std::uint64_t size) {
  if (!HasUnit(header)) return std::nullopt;
  const std::string_view range = Trimmed(header.substr(kUnit.size()));
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view after = range.substr(dash + 1);
  const auto last = Number(after);
  if (!last && !after.empty()) return std::nullopt;
  if (dash == 0) {  // the last so many
    if (!last) return std::nullopt;
    if (*last > 0 && size == 0) return std::nullopt;  // all of nothing
    const std::uint64_t length = std::min(*last, size);
    return ByteRange{size - length, length};
  }
  const auto first = Number(range.substr(0, dash));
  if (!first || (last && *last < *first)) return std::nullopt;
  if (*first >= size) return ByteRange{*first, 0};
  const std::uint64_t end = last && *last < size ? *last + 1 : size;
  return ByteRange{*first, end - *first};
}

}  // namespace provider::http
