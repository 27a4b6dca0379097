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
#include "tests/orchestrator/sites.h"
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

// An engine, and a store with the site.
struct World {
  World() { store.Put({tests::MakeRecord(tests::MakeSite(kSite.value))}); }

  void RemoveSite() {
    const auto removed =
        store->Write([](store::Transaction& transaction) { return transaction.Erase(kSite); });
    REQUIRE(removed.has_value());
  }

  tests::TestStore store;
  LogEngine engine;
};

// Somebody who reads a site's log as events, until it is told to stop.
class Reader {
 public:
  Reader(World& world, docker::LogQuery query, std::optional<LogCursor> known = {})
      : thread_([this, &world, query = std::move(query), known = std::move(known)] {
          const provider::http::ByteSink sink = [this](std::string_view bytes) {
            const std::lock_guard lock(mutex_);
            received_ += bytes;
            return true;
          };
          EventWriter writer(sink, {}, stopping_.get_token());
          SendLog(*world.store, world.engine, kSite, query, known, writer);
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
  // The reasons of its events of this name.
  Lines Reasons(std::string_view event) const {
    return Values(fmt::format("event: {}\ndata: {{\"reason\":\"", event), "\"");
  }
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
  World world;
  LogEngine& engine = world.engine;
  engine.Write("old", In(-30), "a1");
  engine.Write("new", In(-10), "b1");
  const Reader reader(world, Query(100));
  REQUIRE(reader.Gets({"a1", "b1"}));
  engine.Write("old", In(-20), "a2");
  CHECK(reader.Gets({"a1", "b1", "a2"}));
}

TEST_CASE("Nodes with other clocks lose no line while the engine is away, and repeat none") {
  World world;
  LogEngine& engine = world.engine;
  engine.Write("ahead", In(3'600), "a1");
  engine.Write("behind", In(-50), "b1");
  const Reader reader(world, Query(1));
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
  World world;
  LogEngine& engine = world.engine;
  engine.Write("task", In(-100), "before");
  const Reader reader(world, Query(0));
  REQUIRE(Eventually([&] { return engine.followers() == 1; }));
  engine.Refuse(Error{ErrorKind::kUnavailable, "it is away"});
  REQUIRE(Eventually([&] { return engine.followers() == 0; }));
  engine.Write("task", In(-99), "meanwhile");
  engine.Refuse({});
  CHECK(reader.Gets({"meanwhile"}));
}

TEST_CASE("A reader who comes back goes on after any event, once with each line") {
  World world;
  LogEngine& engine = world.engine;
  const std::string time = In(-30);
  for (int part = 1; part <= 3; ++part) engine.Write("long", time, fmt::format("part{}", part));
  engine.Write("short", In(-20), "line");
  Lines ids;
  {
    const Reader reader(world, Query(4, /*follow=*/false));
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
    const Reader back(world, Query(4, /*follow=*/false), known);
    REQUIRE(Eventually([&] { return !back.Values("event: end").empty(); }));
    Lines wanted(rest.begin() + static_cast<std::ptrdiff_t>(std::min(i, rest.size())), rest.end());
    CHECK(back.Texts() == wanted);
  }
}

TEST_CASE("A reader is told once of each reason why nothing comes, and again after it was over") {
  World world;
  world.engine.Refuse(Error{ErrorKind::kUnavailable, "it is away"});
  const Reader reader(world, Query(10));
  REQUIRE(Eventually([&] { return reader.Reasons("problem") == Lines{"it is away"}; }));
  world.engine.Refuse(Error{ErrorKind::kNotFound, "service not found"});
  REQUIRE(Eventually([&] { return reader.Reasons("problem").size() == 2; }));
  CHECK(reader.Reasons("problem").back().contains("site 1 has no service"));
  world.engine.Refuse(Error{ErrorKind::kInternal, "the swarm has no leader"});  // yet
  REQUIRE(Eventually([&] { return reader.Reasons("problem").size() == 3; }));
  world.engine.Write("task", In(0), "line");
  world.engine.Refuse({});
  REQUIRE(reader.Gets({"line"}));
  REQUIRE(Eventually([&] { return world.engine.followers() == 1; }));
  world.engine.Refuse(Error{ErrorKind::kUnavailable, "it is away"});
  CHECK(Eventually([&] { return reader.Reasons("problem").size() == 4; }));
  CHECK(reader.Reasons("end").empty());
}

TEST_CASE("A log that can never be read has an end with its reason") {
  struct Case {
    const char* sentence;
    Error error;
    const char* reason;
  };
  const Case cases[] = {
      {"should end where the engine refuses", {ErrorKind::kInvalid, "bad request"}, "bad request"},
      {"should say what to do about the log driver",
       {ErrorKind::kUnavailable, "configured logging driver does not support reading"},
       "json-file"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    World world;
    world.engine.Refuse(c.error);
    const Reader reader(world, Query(10));
    REQUIRE(Eventually([&] { return !reader.Reasons("end").empty(); }));
    CHECK(reader.Reasons("end").front().contains(c.reason));
    CHECK(reader.Reasons("problem").empty());
  }
}

TEST_CASE("The log of a site that is removed ends, also where the engine says nothing") {
  World world;
  const Reader reader(world, Query(10));
  REQUIRE(Eventually([&] { return world.engine.followers() == 1; }));
  world.RemoveSite();
  REQUIRE(Eventually([&] { return !reader.Reasons("end").empty(); }));
  CHECK(reader.Reasons("end").front() == "site 1 was removed");
  CHECK(Eventually([&] { return world.engine.followers() == 0; }));
}

}  // namespace
}  // namespace orchestrator::api
