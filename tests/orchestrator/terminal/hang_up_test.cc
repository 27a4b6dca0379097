#include "orchestrator/terminal/hang_up.h"

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace orchestrator::terminal {
namespace {

using namespace std::chrono_literals;
using tests::Eventually;
using tests::Process;

std::map<std::string, std::string> Environment(const std::string& mark) {
  const std::size_t equals = mark.find('=');
  // What is not one line hides nothing.
  return {{"LINES_BEFORE", "a\nb"}, {mark.substr(0, equals), mark.substr(equals + 1)}};
}

std::string ReadAll(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_CASE("All that has a terminal's mark ends, whether it minds a HUP or not, and nothing else") {
  const tests::TemporaryDirectory folder;
  const std::string mark = NewMark();
  const std::string other = NewMark();
  REQUIRE(mark != other);
  const std::string stubborn = "trap '' HUP; echo ready; while :; do sleep 1; done";
  Process polite({"sh", "-c", "echo ready; exec sleep 600"}, folder.path() / "polite",
                 Environment(mark));
  Process ignoring({"sh", "-c", stubborn}, folder.path() / "ignoring", Environment(mark));
  Process stranger({"sleep", "600"}, folder.path() / "stranger", Environment(other));
  for (const Process* process : {&polite, &ignoring}) {
    REQUIRE(Eventually([&] { return process->Output().contains("ready"); }));
  }
  // A process that is becoming another program has no environment to be found by.
  const std::string process = fmt::format("/proc/{}/", polite.id());
  REQUIRE(Eventually([&] {
    return ReadAll(process + "comm") == "sleep\n" && ReadAll(process + "environ").contains(mark);
  }));
  const tests::Finished done = tests::RunProgram(HangUpCommand(mark));
  INFO(done.output);
  CHECK(done.status == 0);
  CHECK(polite.Wait(10s).value_or(0) == -SIGHUP);
  CHECK(ignoring.Wait(10s).value_or(0) == -SIGKILL);
  CHECK(stranger.IsRunning());
}

}  // namespace
}  // namespace orchestrator::terminal
