#include "orchestrator/docker/streams.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::docker {
namespace {

std::string Frame(char stream, const std::string& text) {
  std::string frame{stream, 0, 0, 0, 0, 0, 0, 0};
  frame[6] = static_cast<char>(text.size() >> 8);
  frame[7] = static_cast<char>(text.size());
  return frame + text;
}

std::vector<LogLine> Parse(const std::string& bytes, std::size_t piece) {
  LogParser parser;
  std::vector<LogLine> lines;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    parser.Add(std::string_view(bytes).substr(at, piece), [&](const LogLine& line) {
      lines.push_back(line);
      return true;
    });
  }
  return lines;
}

TEST_CASE("A log is read the same however it is cut") {
  const std::string details =
      "com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=t1";
  const std::string bytes = Frame(1, "2026-01-01T00:00:00.1Z " + details + " hello  world\n") +
                            Frame(2, "2026-01-01T00:00:01Z " + details + " \xff\x00oops\r\n") +
                            Frame(1, "2026-01-01T00:00:02Z " + details + " \n");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    INFO(piece);
    const auto lines = Parse(bytes, piece);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].stream == LogLine::Stream::kStdout);
    CHECK(lines[0].time == "2026-01-01T00:00:00.1Z");
    CHECK(lines[0].task_id == "t1");
    CHECK(lines[0].text == "hello  world");
    CHECK(lines[1].stream == LogLine::Stream::kStderr);
    CHECK(lines[1].text == "\xff");  // the literal ends there
    CHECK(lines[2].text.empty());
  }
}

TEST_CASE("The log of a task with a terminal has no frames") {
  const auto lines = Parse("2026-01-01T00:00:00Z a=b text\r\n2026-01-01T00:00:01Z a=b more\n", 5);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text == "text");
  CHECK(lines[1].text == "more");
}

TEST_CASE("What the engine says of itself in a log is no line of it") {
  LogParser parser;
  int lines = 0;
  const auto count = [&](const LogLine&) { return ++lines > 0; };
  CHECK(parser.Add(Frame(1, "2026-01-01T00:00:00Z a=b text\n"), count));
  CHECK(parser.problem().empty());
  CHECK(parser.Add(Frame(3, "Error grabbing logs: context canceled\n"), count));
  CHECK(lines == 1);
  CHECK(parser.problem() == "Error grabbing logs: context canceled");
}

TEST_CASE("A frame that claims to be endless is cut, and a reader who has enough gets no more") {
  LogParser parser;
  std::string bytes{1, 0, 0, 0, 0x7f, 0, 0, 0};
  bytes += std::string(std::size_t{1} << 20, 'x');
  int lines = 0;
  const auto once = [&](const LogLine&) { return ++lines < 1; };
  CHECK_FALSE(parser.Add(bytes, once));
  CHECK(lines == 1);
}

TEST_CASE("Lines are split wherever they are cut, and one without end is given in parts") {
  LineSplitter splitter;
  std::vector<std::string> lines;
  const auto keep = [&](std::string_view line) { lines.emplace_back(line); };
  splitter.Add("a\r\nb", keep);
  splitter.Add("c\n\n", keep);
  CHECK(lines == std::vector<std::string>{"a", "bc", ""});
  splitter.Add(std::string((std::size_t{1} << 20) + 5, 'x'), keep);
  CHECK(lines.size() == 4);
}

}  // namespace
}  // namespace orchestrator::docker
