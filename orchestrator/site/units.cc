#include "orchestrator/site/units.h"

#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace orchestrator::site {
namespace {

struct Quantity {
  std::int64_t number;
  std::string_view unit;
};

std::expected<Quantity, std::string> Split(std::string_view text, std::string_view example) {
  Quantity quantity{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, quantity.number);
  if (error == std::errc::result_out_of_range) return std::unexpected("is far too large");
  if (error != std::errc{} || quantity.number < 0) {
    return std::unexpected(fmt::format("must be a whole number and a unit, as in {}", example));
  }
  quantity.unit = std::string_view(end, static_cast<std::size_t>(last - end));
  if (quantity.unit.starts_with(' ')) quantity.unit.remove_prefix(1);
  return quantity;
}

template <std::size_t N>
std::expected<std::int64_t, std::string> Scale(
    const Quantity& quantity,
    const std::array<std::pair<std::string_view, std::int64_t>, N>& units) {
  for (const auto& [name, factor] : units) {
    if (quantity.unit != name) continue;
    std::int64_t scaled = 0;
    if (__builtin_mul_overflow(quantity.number, factor, &scaled)) {
      return std::unexpected("is far too large");
    }
    return scaled;
  }
  std::string known;
  for (const auto& [name, factor] : units) {
    if (!name.empty()) known += fmt::format("{}{}", known.empty() ? "" : " ", name);
  }
  return std::unexpected(
      fmt::format("has the unknown unit '{}'; known are: {}", quantity.unit, known));
}

constexpr std::int64_t kKi = 1024;
constexpr std::int64_t kMi = kKi * 1024;
constexpr std::int64_t kGi = kMi * 1024;

constexpr std::array<std::pair<std::string_view, std::int64_t>, 16> kByteUnits = {{
    {"", 1},
    {"bytes", 1},
    {"B", 1},
    {"KiB", kKi},
    {"MiB", kMi},
    {"GiB", kGi},
    {"KB", kKi},
    {"MB", kMi},
    {"GB", kGi},
    {"K", kKi},
    {"M", kMi},
    {"G", kGi},
    {"b", 1},
    {"k", 1000},
    {"m", 1'000'000},
    {"g", 1'000'000'000},
}};

constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kTimeUnits = {{
    {"ms", 1},
    {"s", 1000},
    {"m", 60'000},
    {"h", 3'600'000},
}};

}  // namespace

std::expected<Bytes, std::string> ParseBytes(std::string_view text) {
  const auto quantity = Split(text, "100MiB");
  if (!quantity) return std::unexpected(quantity.error());
  const auto count = Scale(*quantity, kByteUnits);
  if (!count) return std::unexpected(count.error());
  return Bytes{*count};
}

std::expected<std::chrono::milliseconds, std::string> ParseDuration(std::string_view text) {
  const auto quantity = Split(text, "10s");
  if (!quantity) return std::unexpected(quantity.error());
  const auto count = Scale(*quantity, kTimeUnits);
  if (!count) return std::unexpected(count.error());
  return std::chrono::milliseconds(*count);
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  const std::int64_t count = duration.count();
  if (count != 0 && count % 3'600'000 == 0) return fmt::format("{}h", count / 3'600'000);
  if (count != 0 && count % 60'000 == 0) return fmt::format("{}m", count / 60'000);
  if (count % 1000 == 0) return fmt::format("{}s", count / 1000);
  return fmt::format("{}ms", count);
}

}  // namespace orchestrator::site
