#include "orchestrator/docker/timestamp.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

namespace orchestrator::docker {
namespace {

constexpr std::size_t kMostFraction = 9;  // nanoseconds

// A number of exactly `width` digits and the `end` after it (none when 0), taken off the text.
std::optional<int> Take(std::string_view& text, std::size_t width, char end = 0) {
  const std::size_t size = width + (end ? 1 : 0);
  if (text.size() < size || (end && text[width] != end)) return std::nullopt;
  int number = 0;
  const char* const last = text.data() + width;
  const auto [stopped, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc{} || stopped != last || number < 0) return std::nullopt;
  text.remove_prefix(size);
  return number;
}

// "Z" or an offset, which must be all that is left.
std::optional<std::chrono::minutes> TakeOffset(std::string_view text) {
  if (text == "Z") return std::chrono::minutes(0);
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = Take(text, 2, ':');
  const auto minutes = Take(text, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59 || !text.empty()) return std::nullopt;
  return sign * (std::chrono::hours(*hours) + std::chrono::minutes(*minutes));
}

}  // namespace

std::optional<std::string> ToUnixSeconds(std::string_view rfc3339) {
  std::string_view text = rfc3339;
  const auto year = Take(text, 4, '-');
  const auto month = Take(text, 2, '-');
  const auto day = Take(text, 2, 'T');
  const auto hour = Take(text, 2, ':');
  const auto minute = Take(text, 2, ':');
  const auto second = Take(text, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::string_view fraction;
  if (text.starts_with('.')) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789", 1), text.size()) - 1;
    if (digits == 0 || digits > kMostFraction) return std::nullopt;
    fraction = text.substr(0, digits + 1);
    text.remove_prefix(digits + 1);
  }
  const auto offset = TakeOffset(text);
  if (!offset) return std::nullopt;
  const std::chrono::sys_seconds time = std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                                        std::chrono::minutes(*minute) +
                                        std::chrono::seconds(*second) - *offset;
  if (time.time_since_epoch().count() < 0) return std::nullopt;
  return fmt::format("{}{}", time.time_since_epoch().count(), fraction);
}

std::int64_t WholeUnixSeconds(std::string_view rfc3339) {
  const auto seconds = ToUnixSeconds(rfc3339);
  return seconds ? std::strtoll(seconds->c_str(), nullptr, 10) : 0;
}

}  // namespace orchestrator::docker
