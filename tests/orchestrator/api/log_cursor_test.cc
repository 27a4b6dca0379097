#include "orchestrator/api/log_cursor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

namespace orchestrator::api {
namespace {

using Time = LogCursor::Time;

Time At(std::string_view unix_seconds) { return ParseUnixSeconds(unix_seconds).value(); }

docker::LogLine Line(const std::string& task, int second, const std::string& fraction = "0") {
  return {.time = fmt::format("1970-01-01T00:00:{:02}.{}Z", second, fraction),
          .task_id = task,
          .text = {}};
}

// A cursor that has gone through its id, as a reader's who comes back.
LogCursor Back(const LogCursor& cursor) { return LogCursor::Parse(cursor.Id()).value(); }

TEST_CASE("Unix seconds are read with nine digits at most of a fraction") {
  struct Case {
    const char* sentence;
    const char* text;
    std::optional<std::int64_t> nanoseconds;
  };
  const Case cases[] = {
      {"should read seconds", "5", 5'000'000'000},
      {"should read a fraction", "5.25", 5'250'000'000},
      {"should leave out what no nanosecond has", "5.0000000019", 5'000'000'001},
      {"should stay in what can be said", "99999999999999", 9'000'000'000'000'000'000},
      {"should refuse nothing", "", std::nullopt},
      {"should refuse a sign", "-5", std::nullopt},
      {"should refuse words", "5s", std::nullopt},
      {"should refuse words after a point", "5.x", std::nullopt},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto time = ParseUnixSeconds(c.text);
    CHECK(time.has_value() == c.nanoseconds.has_value());
    if (time && c.nanoseconds) CHECK(time->time_since_epoch().count() == *c.nanoseconds);
  }
}

TEST_CASE("A task's lines are new where another task has come further") {
  LogCursor cursor(At("10"));
  CHECK(cursor.Take(Line("a", 20)));
  CHECK(cursor.Take(Line("b", 40)));
  CHECK(cursor.Take(Line("a", 30)));

  LogCursor back = Back(cursor);
  CHECK(At(back.since()) < At("10"));  // what a third task wrote meanwhile is asked for
  back.StartReading();
  CHECK_FALSE(back.Take(Line("b", 40)));
  CHECK_FALSE(back.Take(Line("a", 20)));
  CHECK_FALSE(back.Take(Line("a", 30)));
  CHECK(back.Take(Line("a", 31)));
  CHECK_FALSE(back.Take(Line("c", 9)));
  CHECK(back.Take(Line("c", 11)));
}

TEST_CASE("Lines of one time are counted, so that a reader gets the rest of a long line") {
  LogCursor cursor(At("0"));
  for (int part = 0; part < 3; ++part) CHECK(cursor.Take(Line("a", 20, "000000005")));
  LogCursor back = Back(cursor);
  for (int connection = 0; connection < 2; ++connection) {
    back.StartReading();
    for (int part = 0; part < 3 + connection; ++part) {
      CHECK_FALSE(back.Take(Line("a", 20, "000000005")));
    }
    CHECK(back.Take(Line("a", 20, "000000005")));
  }
}

TEST_CASE("A line that is still to come is new, and what is before it is not") {
  LogCursor cursor(At("50"));
  cursor.Expect(Line("a", 20));
  cursor.Advance(Line("b", 30));
  cursor.Expect(Line("b", 40));
  LogCursor back = Back(cursor);
  CHECK(At(back.since()) <= At("20"));
  back.StartReading();
  CHECK_FALSE(back.Take(Line("a", 19)));
  CHECK(back.Take(Line("a", 20)));
  CHECK_FALSE(back.Take(Line("b", 30)));
  CHECK(back.Take(Line("b", 40)));
}

TEST_CASE("A line of no time is shown, and a task that is overtaken by itself goes on") {
  LogCursor cursor(At("0"));
  CHECK(cursor.Take({.time = "soon", .task_id = "a", .text = {}}));
  CHECK(cursor.Take(Line("a", 30)));
  CHECK(cursor.Take(Line("a", 29)));
  CHECK(cursor.Take(Line("a", 31)));
}

TEST_CASE("The id of an event stays short, and what is none is refused") {
  LogCursor cursor(At("0"));
  for (int i = 0; i < 200; ++i) {
    CHECK(cursor.Take(Line("task" + std::to_string(i) + "abcdefghijklmnopq", 10 + i % 50)));
  }
  CHECK(cursor.Id().size() < 2'000);
  CHECK(Back(cursor).Id() == cursor.Id());
  for (const char* id : {"", "1", "1~", "2~a", "1~!", "1~-5", "1~a~task", "1~a~task.5",
                         "1~a~task.5.x", "1~a~task.5.-1", "1~a~task.5.1.1",
                         "1~a~a-task-with-a-long-name.5.1", "2026-01-01T00:00:00Z", "1767225600"}) {
    INFO(id);
    CHECK_FALSE(LogCursor::Parse(id).has_value());
  }
}

}  // namespace
}  // namespace orchestrator::api
