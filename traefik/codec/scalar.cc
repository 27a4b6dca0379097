#include "traefik/codec/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace traefik::codec {
namespace {

using Limits = std::numeric_limits<std::int64_t>;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> texts) {
  return std::ranges::find(texts, text) != texts.end();
}

// An integer as Go reads it with base 0, after yaml.v3 took the underscores out. Its magnitude.
std::optional<std::uint64_t> ParseMagnitude(std::string_view digits) {
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char kind = static_cast<char>(digits[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    digits.remove_prefix(IsDigit(digits[1]) ? 1 : 2);
    if (base == 8 && !digits.empty() && !IsDigit(digits[0]) && kind != 'o') return {};
  }
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return {};
  return value;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool LooksLikeFloat(std::string_view text) {
  const auto digits = [&] {
    const auto end = std::ranges::find_if_not(text, IsDigit);
    const auto count = static_cast<std::size_t>(end - text.begin());
    text.remove_prefix(count);
    return count;
  };
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const std::size_t whole = digits();
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    if (digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

std::string FormatFloat(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::string text = fmt::format("{:.6f}", value);
  if (text.ends_with(".000000")) text.resize(text.size() - 7);
  return text;
}

// 2020-1-2, alone or with a time: enough to know that Traefik refuses it.
bool LooksLikeTimestamp(std::string_view text) {
  const auto number = [&](std::size_t least, std::size_t most) {
    std::size_t count = 0;
    while (count < text.size() && IsDigit(text[count])) ++count;
    text.remove_prefix(count);
    return count >= least && count <= most;
  };
  const auto take = [&](char c) {
    if (text.empty() || text[0] != c) return false;
    text.remove_prefix(1);
    return true;
  };
  if (!number(4, 4) || !take('-') || !number(1, 2) || !take('-') || !number(1, 2)) return false;
  if (text.empty()) return true;
  if (!take('T') && !take('t') && !take(' ')) return false;
  return number(1, 2) && take(':') && number(1, 2) && take(':') && number(1, 2);
}

PlainScalar Of(ItemKind kind, std::string text) {
  return {PlainScalar::Type::kValue, kind, std::move(text)};
}

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"\xC2\xB5s", 1'000},  // U+00B5
                                         {"\xCE\xBCs", 1'000},  // U+03BC
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000}}};

// One "1.5h" of a duration, taken off the front of `text`. In nanoseconds.
std::optional<std::uint64_t> TakePart(std::string_view& text) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 63;
  std::uint64_t whole = 0;
  std::size_t digits = 0;
  for (; !text.empty() && IsDigit(text[0]); text.remove_prefix(1), ++digits) {
    if (whole > kMost / 10) return {};
    whole = whole * 10 + static_cast<std::uint64_t>(text[0] - '0');
    if (whole > kMost) return {};
  }
  double fraction = 0;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    double scale = 1;
    for (; !text.empty() && IsDigit(text[0]); text.remove_prefix(1), ++digits) {
      scale /= 10;
      fraction += scale * (text[0] - '0');
    }
  }
  if (digits == 0) return {};
  const auto end = std::ranges::find_if(text, [](char c) { return c == '.' || IsDigit(c); });
  const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  const auto unit = std::ranges::find(kUnits, name, &Unit::name);
  if (unit == kUnits.end()) return {};
  text.remove_prefix(name.size());
  const auto size = static_cast<std::uint64_t>(unit->nanoseconds);
  if (whole > kMost / size) return {};
  // The small addition makes up for what binary fractions lose: 0.1 h is 360 s.
  return whole * size + static_cast<std::uint64_t>(fraction * static_cast<double>(size) + 1e-6);
}

std::optional<std::int64_t> ParseDuration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty()) return {};
  std::uint64_t sum = 0;
  while (!text.empty()) {
    const auto part = TakePart(text);
    if (!part) return {};
    sum += *part;
    if (sum > std::uint64_t{1} << 63) return {};
  }
  if (negative) return static_cast<std::int64_t>(-sum);
  if (sum > static_cast<std::uint64_t>(Limits::max())) return {};
  return static_cast<std::int64_t>(sum);
}

// The first character of a name that is not empty, in lower case; of others the next byte.
char TakeFolded(std::string_view& text) {
  if (text.starts_with("\xE2\x84\xAA")) {  // U+212A, the sign of the kelvin
    text.remove_prefix(3);
    return 'k';
  }
  if (text.starts_with("\xC5\xBF")) {  // U+017F, the long s
    text.remove_prefix(2);
    return 's';
  }
  const char c = text[0];
  text.remove_prefix(1);
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

}  // namespace

PlainScalar ReadPlain(std::string_view text) {
  using enum PlainScalar::Type;
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return {kNull, {}, {}};
  if (text == "<<") return {kMerge, {}, {}};
  if (IsOneOf(text, {"true", "True", "TRUE"})) return Of(ItemKind::kFlag, "true");
  if (IsOneOf(text, {"false", "False", "FALSE"})) return Of(ItemKind::kFlag, "false");
  if (IsOneOf(text, {".nan", ".NaN", ".NAN"})) return Of(ItemKind::kFraction, "NaN");
  if (IsOneOf(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"})) {
    return Of(ItemKind::kFraction, "+Inf");
  }
  if (IsOneOf(text, {"-.inf", "-.Inf", "-.INF"})) return Of(ItemKind::kFraction, "-Inf");
  const char first = text[0];
  if (!IsDigit(first) && first != '-' && first != '+' && first != '.') {
    return Of(ItemKind::kText, std::string(text));
  }
  if (IsDigit(first) && LooksLikeTimestamp(text)) return {kTimestamp, {}, {}};
  std::string plain(text);
  std::erase(plain, '_');
  const bool negative = plain.starts_with('-');
  std::string_view digits = plain;
  if (negative || plain.starts_with('+')) digits.remove_prefix(1);
  if (!digits.empty() && IsDigit(digits[0])) {
    if (const auto magnitude = ParseMagnitude(digits)) {
      if (negative && *magnitude <= std::uint64_t{1} << 63) {
        return Of(ItemKind::kNumber, fmt::format("{}", static_cast<std::int64_t>(-*magnitude)));
      }
      if (!negative) {
        const bool large = *magnitude > static_cast<std::uint64_t>(Limits::max());
        return Of(large ? ItemKind::kLarge : ItemKind::kNumber, std::to_string(*magnitude));
      }
    }
  }
  if (LooksLikeFloat(plain)) {
    return Of(ItemKind::kFraction, FormatFloat(std::strtod(plain.c_str(), nullptr)));
  }
  return Of(ItemKind::kText, std::string(text));
}

std::optional<bool> ParseFlag(std::string_view text) {
  if (IsOneOf(text, {"1", "t", "T", "TRUE", "true", "True"})) return true;
  if (IsOneOf(text, {"0", "f", "F", "FALSE", "false", "False"})) return false;
  return {};
}

std::optional<std::int64_t> ParseNumber(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return {};
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::optional<std::int64_t> ParseTime(std::string_view text) {
  if (const auto seconds = ParseNumber(text)) {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(*seconds) * kSecond);
  }
  return ParseDuration(text);
}

std::string FormatTime(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  const bool negative = nanoseconds < 0;
  const std::uint64_t all =
      negative ? -static_cast<std::uint64_t>(nanoseconds) : static_cast<std::uint64_t>(nanoseconds);
  const auto fraction = [](std::uint64_t value, std::uint64_t unit, std::size_t digits,
                           std::string_view name) {
    std::string text = fmt::format("{}.{:0{}}", value / unit, value % unit, digits);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + std::string(name);
  };
  std::string text;
  if (all < 1'000) {
    text = fmt::format("{}ns", all);
  } else if (all < 1'000'000) {
    text = fraction(all, 1'000, 3, "\xC2\xB5s");
  } else if (all < 1'000'000'000) {
    text = fraction(all, 1'000'000, 6, "ms");
  } else {
    const std::uint64_t minutes = all / 60'000'000'000;
    if (minutes >= 60) text += fmt::format("{}h", minutes / 60);
    if (minutes > 0) text += fmt::format("{}m", minutes % 60);
    text += fraction(all % 60'000'000'000, 1'000'000'000, 9, "s");
  }
  return negative ? "-" + text : text;
}

std::string Fold(std::string_view text) {
  std::string folded;
  folded.reserve(text.size());
  while (!text.empty()) folded += TakeFolded(text);
  return folded;
}

bool EqualFold(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (TakeFolded(a) != TakeFolded(b)) return false;
  }
  return a.empty() && b.empty();
}

std::string_view TrimSpace(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  const auto first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

}  // namespace traefik::codec
