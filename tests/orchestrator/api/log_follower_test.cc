#include "orchestrator/api/log_follower.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "tests/orchestrator/api/log_engine.h"
#include "tests/support/eventually.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;
using tests::Eventually;
using tests::LogEngine;

constexpr site::SiteId kSite{1};

// A time so many seconds from now, by the clock of some node.
std::string In(int seconds) {
  const auto time = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto then = std::chrono::sys_seconds(time + std::chrono::seconds(seconds));
  const auto day = std::chrono::floor<std::chrono::days>(then);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(then - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000000000Z",
                     static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

// Somebody who reads a site's log as events, until it is told to stop.
class Reader {
 public:
  Reader(LogEngine& engine, docker::LogQuery query, std::optional<LogCursor> known = {})
      : thread_([this, &engine, query = std::move(query), known = std::move(known)] {
          const provider::http::ByteSink sink = [this](std::string_view bytes) {
            const std::lock_guard lock(mutex_);
            received_ += bytes;
            return true;
          };
          EventWriter writer(sink, {}, stopping_.get_token());
          SendLog(engine, kSite, query, known, writer);
        }) {}
  ~Reader() { stopping_.request_stop(); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // What comes after `field` in the lines that have it, as in "id: " or "text\":\"".
  Lines Values(std::string_view field, std::string_view end = "\n") const {
    const std::lock_guard lock(mutex_);
    Lines values;
    for (std::size_t at = 0; (at = received_.find(field, at)) != std::string::npos;) {
      at += field.size();
      values.push_back(received_.substr(at, received_.find(end, at) - at));
    }
    return values;
  }
  Lines Texts() const { return Values("\"text\":\"", "\""); }
  bool Gets(const Lines& texts) const {
    return Eventually([&] { return Texts() == texts; });
  }

 private:
  std::stop_source stopping_;
  mutable std::mutex mutex_;
  std::string received_;  // guarded by mutex_
  std::jthread thread_;
};

docker::LogQuery Query(std::uint64_t tail, bool follow = true) {
  return {.tail = tail, .since = {}, .follow = follow};
}

TEST_CASE("A task that is behind another one loses no line to a reader who follows") {
  LogEngine engine;
  engine.Write("old", In(-30), "a1");
  engine.Write("new", In(-10), "b1");
  const Reader reader(engine, Query(100));
  REQUIRE(reader.Gets({"a1", "b1"}));
  engine.Write("old", In(-20), "a2");
  CHECK(reader.Gets({"a1", "b1", "a2"}));
}

TEST_CASE("Nodes with other clocks lose no line while the engine is away, and repeat none") {
  LogEngine engine;
  engine.Write("ahead", In(3'600), "a1");
  engine.Write("behind", In(-50), "b1");
  const Reader reader(engine, Query(1));
  REQUIRE(reader.Gets({"a1"}));
  REQUIRE(Eventually([&] { return engine.followers() == 1; }));
  engine.Refuse(Error{ErrorKind::kUnavailable, "it is away"});
  REQUIRE(Eventually([&] { return engine.followers() == 0; }));
  engine.Write("behind", In(-45), "b2");
  engine.Write("third", In(-40), "c1");
  engine.Refuse({});
  CHECK(reader.Gets({"a1", "b2", "c1"}));
}

TEST_CASE("A reader of what comes from now on gets what was written while the engine was away") {
  LogEngine engine;
  engine.Write("task", In(-100), "before");
  const Reader reader(engine, Query(0));
  REQUIRE(Eventually([&] { return engine.followers() == 1; }));
  engine.Refuse(Error{ErrorKind::kUnavailable, "it is away"});
  REQUIRE(Eventually([&] { return engine.followers() == 0; }));
  engine.Write("task", In(-99), "meanwhile");
  engine.Refuse({});
  CHECK(reader.Gets({"meanwhile"}));
}

TEST_CASE("A reader who comes back goes on after any event, once with each line") {
  LogEngine engine;
  const std::string time = In(-30);
  for (int part = 1; part <= 3; ++part) engine.Write("long", time, fmt::format("part{}", part));
  engine.Write("short", In(-20), "line");
  Lines ids;
  {
    const Reader reader(engine, Query(4, /*follow=*/false));
    REQUIRE(Eventually([&] { return !reader.Values("event: end").empty(); }));
    REQUIRE(reader.Texts() == Lines{"part1", "part2", "part3", "line"});
    ids = reader.Values("id: ");
    REQUIRE(ids.size() == 4);
  }
  const Lines rest{"part2", "part3", "line"};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    INFO(ids[i]);
    const auto known = LogCursor::Parse(ids[i]);
    REQUIRE(known.has_value());
    const Reader back(engine, Query(4, /*follow=*/false), known);
    REQUIRE(Eventually([&] { return !back.Values("event: end").empty(); }));
    Lines wanted(rest.begin() + static_cast<std::ptrdiff_t>(std::min(i, rest.size())), rest.end());
    CHECK(back.Texts() == wanted);
  }
}

}  // namespace
}  // namespace orchestrator::api
