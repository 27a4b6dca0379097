#include "orchestrator/api/log_cursor.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "orchestrator/docker/timestamp.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;
using Time = LogCursor::Time;

// Enough of 25 letters and digits to tell a site's tasks apart.
constexpr std::size_t kTaskSize = 12;
// The swarm keeps five past tasks; more than this only where it was told to.
constexpr std::size_t kMostTasks = 50;
constexpr std::string_view kVersion = "1";
constexpr char kBetween = '~';
constexpr char kWithin = '.';
constexpr int kBase = 36;
constexpr std::size_t kNanoDigits = 9;
constexpr std::int64_t kLatestSecond = 9'000'000'000;  // what nanoseconds hold, and some way off
// Engines round, and cut, the time that they are asked for.
constexpr auto kSlack = 1s;

std::string KeyOf(const docker::LogLine& line) {
  std::string key = line.task_id.substr(0, kTaskSize);
  std::erase_if(key, [](char letter) { return letter == kBetween || letter == kWithin; });
  return key;
}

std::optional<Time> TimeOf(const docker::LogLine& line) {
  const auto seconds = docker::ToUnixSeconds(line.time);
  return seconds ? ParseUnixSeconds(*seconds) : std::nullopt;
}

std::string_view TakeUntil(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

std::string ToText(std::int64_t number) {
  char buffer[24];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, number, kBase);
  return {buffer, result.ptr};
}

std::optional<std::int64_t> ToNumber(std::string_view text, int base) {
  std::int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number, base);
  if (error != std::errc{} || end != last || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::optional<Time> ParseUnixSeconds(std::string_view text) {
  const auto seconds = ToNumber(TakeUntil(text, '.'), 10);
  if (!seconds) return std::nullopt;
  std::string fraction(text.substr(0, kNanoDigits));
  fraction.resize(kNanoDigits, '0');
  const auto nanoseconds = ToNumber(fraction, 10);
  if (!nanoseconds) return std::nullopt;
  return Time(std::chrono::seconds(std::min(*seconds, kLatestSecond)) +
              std::chrono::nanoseconds(*nanoseconds));
}

std::string LogCursor::Id() const {
  std::string id =
      fmt::format("{}{}{}", kVersion, kBetween, ToText(begin_.time_since_epoch().count()));
  for (const auto& [task, place] : known_) {
    id += fmt::format("{}{}{}{}{}{}", kBetween, task, kWithin,
                      ToText(place.time.time_since_epoch().count()), kWithin, place.lines);
  }
  return id;
}

std::optional<LogCursor> LogCursor::Parse(std::string_view id) {
  if (TakeUntil(id, kBetween) != kVersion) return std::nullopt;
  const auto begin = ToNumber(TakeUntil(id, kBetween), kBase);
  if (!begin) return std::nullopt;
  LogCursor cursor{Time(std::chrono::nanoseconds(*begin))};
  while (!id.empty()) {
    std::string_view place = TakeUntil(id, kBetween);
    const std::string_view task = TakeUntil(place, kWithin);
    const auto time = ToNumber(TakeUntil(place, kWithin), kBase);
    const auto lines = ToNumber(place, 10);
    if (!time || !lines || task.size() > kTaskSize || cursor.known_.size() == kMostTasks) {
      return std::nullopt;
    }
    cursor.known_[std::string(task)] = {Time(std::chrono::nanoseconds(*time)),
                                        static_cast<std::uint64_t>(*lines)};
  }
  return cursor;
}

std::string LogCursor::since() const {
  Time first = begin_;
  for (const auto& [task, place] : known_) first = std::min(first, place.time);
  const auto nanoseconds = std::max<std::int64_t>((first - kSlack).time_since_epoch().count(), 0);
  constexpr std::int64_t kPerSecond = 1'000'000'000;
  return fmt::format("{}.{:09}", nanoseconds / kPerSecond, nanoseconds % kPerSecond);
}

bool LogCursor::Take(const docker::LogLine& line) {
  const auto time = TimeOf(line);
  if (!time) return true;  // not worth losing it
  if (const auto found = read_.find(KeyOf(line)); found == read_.end()) {
    if (*time < begin_) return false;
  } else {
    Place& place = found->second;
    if (*time < place.time) return false;
    if (*time == place.time && place.lines > 0) {
      --place.lines;
      return false;
    }
  }
  Advance(line);
  return true;
}

void LogCursor::Advance(const docker::LogLine& line) {
  const auto time = TimeOf(line);
  if (!time) return;
  Place& place = known_.try_emplace(KeyOf(line), Place{*time, 0}).first->second;
  if (*time < place.time) return;  // what a task writes to its two streams may overtake
  if (*time > place.time) place = {*time, 0};
  ++place.lines;
  if (known_.size() <= kMostTasks) return;
  known_.erase(
      std::ranges::min_element(known_, {}, [](const auto& entry) { return entry.second.time; }));
}

void LogCursor::Expect(const docker::LogLine& line) {
  if (const auto time = TimeOf(line)) known_.try_emplace(KeyOf(line), Place{*time, 0});
}

}  // namespace orchestrator::api
