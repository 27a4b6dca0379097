#include "orchestrator/image/build_log.h"

#include <optional>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_directory.h"

namespace orchestrator::image {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST_CASE("A log that cannot be written is an error, one that is not there is empty") {
  const tests::TemporaryDirectory folder;
  const auto file = folder.Write("file", "");
  const auto log = BuildLog::Create(file / "below a file");
  REQUIRE_FALSE(log.has_value());
  CHECK(log.error().kind == ErrorKind::kStorage);
  CHECK(BuildLog::ReadLines(folder.path() / "none").empty());
}

TEST_CASE("A log that is too long says so once, and keeps the line that says how its build ended") {
  const tests::TemporaryDirectory folder;
  const auto file = folder.path() / "builds" / "log";
  {
    const auto log = BuildLog::Create(file);
    REQUIRE(log.has_value());
    const std::string line(1 << 20, 'x');
    for (int i = 0; i < 20; ++i) (*log)->Append(line);
    (*log)->Append("short");  // nor is this shown in a place where it was not
    (*log)->AppendLast("the end");
  }
  const auto lines = BuildLog::ReadLines(file);
  REQUIRE(lines.size() == 18);
  CHECK(lines[16].contains("left out"));
  CHECK(nlohmann::json::accept(lines[16]));
  CHECK(lines.back() == "the end");
}

TEST_CASE("A new log takes the place of an older one") {
  const tests::TemporaryDirectory folder;
  const auto file = folder.path() / "log";
  BuildLog::Create(file).value()->Append("old");
  BuildLog::Create(file).value()->Append("new");
  CHECK(BuildLog::ReadLines(file) == std::vector<std::string>{"new"});
}

TEST_CASE("A log that is kept has its lines, its build's id and how that ended") {
  const tests::TemporaryDirectory folder;
  const auto file = folder.path() / "log";
  CHECK(BuildLog::Load(file) == nullptr);
  std::string build;
  {
    const auto log = BuildLog::Create(file).value();
    build = log->build();
    log->Append(nlohmann::json{{"state", "running"}, {"build", build}}.dump());
    log->AppendLast(ToLine({.state = BuildState::kCancelled, .error = "why"}));
  }
  CHECK_FALSE(build.empty());
  CHECK(BuildLog::Create(folder.path() / "other").value()->build() != build);
  const auto kept = BuildLog::Load(file);
  REQUIRE(kept != nullptr);
  CHECK(kept->build() == build);
  const auto all = kept->Wait(1, Clock::now(), {});
  CHECK(all.lines.size() == 1);
  CHECK(all.finished);
  CHECK(all.status.state == BuildState::kCancelled);
  CHECK(all.status.error == "why");
}

TEST_CASE("The last line of a log is read alone") {
  struct Case {
    const char* sentence;
    std::string text;
    std::optional<std::string> line;
  };
  const std::string longer(10'000, 'x');
  const Case cases[] = {
      {"should find none in nothing", "", std::nullopt},
      {"should take the only one", "a\n", "a"},
      {"should take the last one", "a\nbc\n", "bc"},
      {"should take one that was cut", "a\nbc", "bc"},
      {"should take an empty one", "a\n\n", ""},
      {"should take one that is longer than a part of the file", "a\n" + longer + "\n", longer},
      {"should take one behind a long one", longer + "\nb\n", "b"},
      {"should take one that fills parts", std::string(8'191, 'x') + "\n", std::string(8'191, 'x')},
      {"should take one at the edge of a part", "a\n" + std::string(4'095, 'x') + "\n",
       std::string(4'095, 'x')},
  };
  const tests::TemporaryDirectory folder;
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(BuildLog::ReadLastLine(folder.Write("log", c.text)) == c.line);
  }
  CHECK(BuildLog::ReadLastLine(folder.path() / "none") == std::nullopt);
}

TEST_CASE("Those who follow a log get each line once, as it comes, and its end") {
  const tests::TemporaryDirectory folder;
  const auto log = BuildLog::Create(folder.path() / "log").value();
  CHECK(log->Wait(0, Clock::now() + 1ms, {}).lines.empty());
  std::jthread writer([&] {
    for (int i = 0; i < 100; ++i) log->Append(std::to_string(i));
    log->Finish({.state = BuildState::kBuilt, .image_id = "sha256:1"});
  });
  std::size_t next = 0;
  for (;;) {
    const auto more = log->Wait(next, Clock::now() + 20s, {});
    for (const std::string& line : more.lines) CHECK(line == std::to_string(next++));
    if (more.finished && more.lines.empty()) {
      CHECK(more.status.image_id == "sha256:1");
      break;
    }
  }
  CHECK(next == 100);
}

TEST_CASE("A stop ends the wait for a line") {
  const tests::TemporaryDirectory folder;
  const auto log = BuildLog::Create(folder.path() / "log").value();
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const auto result = log->Wait(0, Clock::now() + 1h, stop.get_token());
  CHECK(result.lines.empty());
  CHECK_FALSE(result.finished);
}

}  // namespace
}  // namespace orchestrator::image
