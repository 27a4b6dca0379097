#include "orchestrator/image/build_log.h"

#include <thread>

#include <catch2/catch_test_macros.hpp>

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

TEST_CASE("The line that says how a build ended is kept, however long its log is") {
  const tests::TemporaryDirectory folder;
  const auto file = folder.path() / "builds" / "log";
  {
    const auto log = BuildLog::Create(file);
    REQUIRE(log.has_value());
    const std::string line(1 << 20, 'x');
    for (int i = 0; i < 20; ++i) (*log)->Append(line);
    (*log)->AppendLast("the end");
  }
  const auto lines = BuildLog::ReadLines(file);
  CHECK(lines.size() == 17);
  CHECK(lines.back() == "the end");
}

TEST_CASE("A new log takes the place of an older one") {
  const tests::TemporaryDirectory folder;
  const auto file = folder.path() / "log";
  BuildLog::Create(file).value()->Append("old");
  BuildLog::Create(file).value()->Append("new");
  CHECK(BuildLog::ReadLines(file) == std::vector<std::string>{"new"});
}

TEST_CASE("Those who follow a log get each line once, as it comes, and its end") {
  const tests::TemporaryDirectory folder;
  const auto log = BuildLog::Create(folder.path() / "log").value();
  CHECK(log->Wait(0, Clock::now() + 1ms, {}).lines.empty());
  std::jthread writer([&] {
    for (int i = 0; i < 100; ++i) log->Append(std::to_string(i));
    log->Finish();
  });
  std::size_t next = 0;
  for (;;) {
    const auto more = log->Wait(next, Clock::now() + 20s, {});
    for (const std::string& line : more.lines) CHECK(line == std::to_string(next++));
    if (more.finished && more.lines.empty()) break;
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
