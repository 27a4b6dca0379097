#include "orchestrator/deploy/entry_script.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using tests::Eventually;

// A site's directory on this machine, on which the script runs instead of /site.
class Fixture {
 public:
  Fixture() {
    std::filesystem::create_directories(site() / "private");
    std::filesystem::create_directories(run());
  }

  std::filesystem::path run() const { return directory_.path() / "run"; }

  std::filesystem::path site() const { return directory_.path() / "site"; }
  std::filesystem::path counter() const { return site() / ".orchestrator" / kCrashFile; }

  void Write(const std::string& name, const std::string& text, bool executable = true) const {
    std::ofstream(site() / name) << text;
    if (executable) std::filesystem::permissions(site() / name, std::filesystem::perms(0755));
  }

  // `run`: the text of a run file that the site gave.
  std::unique_ptr<tests::Process> Start(std::chrono::seconds drain = 0s,
                                        const std::optional<std::string>& run = {}) const {
    std::vector<std::string> command = EntryCommand(drain, run);
    command.at(0) = "/bin/sh";
    command.at(2) = OnThisMachine(command.at(2));
    return std::make_unique<tests::Process>(command, directory_.path() / "output");
  }

  // The check of readiness beside it, which may take so many seconds.
  std::unique_ptr<tests::Process> StartReadiness(int seconds) const {
    return std::make_unique<tests::Process>(
        std::vector<std::string>{"/bin/sh", "-c", OnThisMachine(ReadinessScript()), "readiness",
                                 std::to_string(seconds)},
        directory_.path() / "readiness");
  }

  // What the kernel says of the container's sockets.
  void WriteSockets(const std::string& table, const std::string& text) const {
    std::ofstream(directory_.path() / table)
        << "  sl  local_address rem_address   st tx_queue rx_queue\n" + text;
  }

  std::string Crashes() const {
    std::string text;
    std::ifstream(counter()) >> text;
    return text;
  }

 private:
  std::string OnThisMachine(std::string_view text) const {
    std::string script(text);
    const auto replace = [&](std::string_view from, const std::string& to) {
      for (std::size_t at = 0; (at = script.find(from, at)) != std::string::npos;) {
        script.replace(at, from.size(), to);
        at += to.size();
      }
    };
    replace("/proc/net/", directory_.path().string() + "/");
    replace("=/run/", "=" + run().string() + "/");
    replace(" /run/", " " + run().string() + "/");
    replace(">/run/", ">" + run().string() + "/");
    replace("/site/", site().string() + "/");
    return script;
  }

  tests::TemporaryDirectory directory_;
};

constexpr const char* kListens = "   0: 00000000:0050 00000000:0000 0A 00000000:00000000\n";

TEST_CASE("A site that does not listen in time is not ready") {
  const struct {
    const char* what;
    const char* sockets;
  } cases[] = {
      {"nothing at all", ""},
      {"another port", "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000\n"},
      {"only its own loopback", "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000\n"},
      {"a connection, no listener", "   0: 0500000A:0050 0600000A:C350 01 00000000:00000000\n"},
  };
  for (const auto& [what, sockets] : cases) {
    INFO(what);
    const Fixture fixture;
    fixture.WriteSockets("tcp", sockets);
    const auto check = fixture.StartReadiness(0);
    CHECK(check->Wait(10s) == 1);
    CHECK_THAT(check->Output(), ContainsSubstring("nothing listens on port 80"));
    // Asked again, it has had its time.
    CHECK(fixture.StartReadiness(60)->Wait(10s) == 1);
  }
}

TEST_CASE("A site is ready once it listens, and is then asked no more") {
  for (const char* table : {"tcp", "tcp6"}) {
    INFO(table);
    const Fixture fixture;
    fixture.WriteSockets("tcp", "");
    const auto check = fixture.StartReadiness(60);
    REQUIRE(Eventually([&] { return exists(fixture.run() / "orchestrator.ready-until"); }));
    const std::string address = table == std::string("tcp") ? "" : std::string(24, '0');
    fixture.WriteSockets(table, "   0: " + address + (kListens + 6));
    CHECK(check->Wait(10s) == 0);
    const auto again = fixture.StartReadiness(60);
    CHECK(again->Wait(300ms) == std::nullopt);
    again->Signal(SIGKILL);
  }
}

TEST_CASE("The pause after crashes does not count against a site's readiness") {
  const Fixture fixture;
  fixture.WriteSockets("tcp", "");
  const auto pause = fixture.run() / "orchestrator.pause";
  std::ofstream(pause) << "";
  const auto check = fixture.StartReadiness(1);
  CHECK(check->Wait(2500ms) == std::nullopt);
  std::filesystem::remove(pause);
  CHECK(check->Wait(10s) == 1);
}

TEST_CASE("A site without a run file waits, says so and stops when told") {
  const Fixture fixture;
  fixture.Write("run.sh", "exit 1", /*executable=*/false);
  const auto process = fixture.Start();
  REQUIRE(Eventually([&] { return process->Output().contains("No executable run.sh"); }));
  process->Signal(SIGTERM);
  CHECK(process->Wait(5s) == 0);
  CHECK_FALSE(std::filesystem::exists(fixture.counter()));
}

TEST_CASE("A run file that the site gave and that is gone is said, and nothing else runs for it") {
  const Fixture fixture;
  std::filesystem::create_directories(fixture.counter().parent_path());
  fixture.Write("run.sh", "#!/bin/sh\necho another one\n");
  const auto process = fixture.Start(0s, "text");
  CHECK(process->Wait(10s) == 127);
  CHECK_THAT(process->Output(),
             ContainsSubstring(RunFileName("text") + " is gone: deploy the site again"));
  CHECK_FALSE(process->Output().contains("another one"));
  CHECK(fixture.Crashes() == "1");
}

TEST_CASE("The run file that the site gave runs, not those of other deployments") {
  const Fixture fixture;
  const std::string text = "#!/bin/sh\necho this one\nexit 5\n";
  std::filesystem::create_directories(fixture.counter().parent_path());
  fixture.Write("run.sh", "#!/bin/sh\necho another one\n");
  fixture.Write(".orchestrator/" + RunFileName("later"), "#!/bin/sh\necho a later one\n");
  fixture.Write(".orchestrator/" + RunFileName(text), text);
  const auto process = fixture.Start(0s, text);
  CHECK(process->Wait(10s) == 5);
  CHECK_THAT(process->Output(), ContainsSubstring("this one"));
  CHECK_FALSE(process->Output().contains("another one"));
  CHECK_FALSE(process->Output().contains("a later one"));
}

TEST_CASE("The first executable run file runs, and its exit code is kept") {
  const Fixture fixture;
  fixture.Write("run.sh", "exit 1", /*executable=*/false);
  fixture.Write("private/run.sh", "#!/bin/sh\necho from private\nexit 42\n");
  const auto process = fixture.Start();
  CHECK(process->Wait(10s) == 42);
  CHECK_THAT(process->Output(), ContainsSubstring("DIRECTOR: Starting server at"));
  CHECK_THAT(process->Output(), ContainsSubstring("from private"));
  CHECK_THAT(process->Output(), ContainsSubstring("DIRECTOR: The server ended with exit code 42"));
  CHECK(fixture.Crashes() == "1");
}

TEST_CASE("A server is told to end only after it was drained, and serves until then") {
  const Fixture fixture;
  const char* const server =
      "#!/bin/sh\ntrap 'echo told to end; exit 7' TERM\necho ready\n"
      "while :; do sleep 0.01; done\n";
  fixture.Write("run.sh", server);
  const auto process = fixture.Start(2s);
  REQUIRE(Eventually([&] { return process->Output().contains("ready"); }));
  const auto told = std::chrono::steady_clock::now();
  process->Signal(SIGTERM);
  CHECK(process->Wait(20s) == 7);
  CHECK(process->Output().contains("told to end"));
  CHECK(std::chrono::steady_clock::now() - told >= 2s);
}

TEST_CASE("TERM reaches the server, which may take its time, and is no crash") {
  const Fixture fixture;
  fixture.Write("run.sh",
                "#!/bin/sh\ntrap 'sleep 0.3; echo cleaned up; exit 7' TERM\necho ready\n"
                "while :; do sleep 0.05; done\n");
  const auto process = fixture.Start();
  REQUIRE(Eventually([&] { return process->Output().contains("ready"); }));
  process->Signal(SIGTERM);
  CHECK(process->Wait(10s) == 7);
  CHECK_THAT(process->Output(), ContainsSubstring("cleaned up"));
  CHECK_FALSE(std::filesystem::exists(fixture.counter()));
}

TEST_CASE("TERM is heard at any moment of the start") {
  const Fixture fixture;
  fixture.Write("run.sh", "#!/bin/sh\nexec sleep 1000\n");
  std::filesystem::create_directories(fixture.counter().parent_path());
  for (int i = 0; i < 40; ++i) {
    INFO(i);
    const bool pauses = i % 2 == 0;
    std::ofstream(fixture.counter()) << (pauses ? "9" : "0") << "\n";
    const auto process = fixture.Start();
    const auto program = std::filesystem::path("/proc") / std::to_string(process->id()) / "exe";
    const auto own = std::filesystem::read_symlink("/proc/self/exe");
    // Before, it is a copy of this program, with the handlers of that.
    REQUIRE(Eventually([&] { return std::filesystem::read_symlink(program) != own; }, 10s, 0ms));
    const auto told = std::chrono::steady_clock::now() + i * 500us;
    while (std::chrono::steady_clock::now() < told) std::this_thread::yield();
    process->Signal(SIGTERM);
    REQUIRE(process->Wait(20s).has_value());
  }
}

TEST_CASE("A server that ends again and again is started after a growing pause") {
  struct Case {
    const char* sentence;
    const char* counted;
    const char* pause;  // null: none
  };
  const Case cases[] = {
      {"should not wait the first time", "1", nullptr},
      {"should wait from the second time on", "2", "in 5 s"},
      {"should wait twice as long each time", "4", "in 20 s"},
      {"should wait five minutes at most", "30", "in 300 s"},
      {"should take nonsense for nothing", "1; touch x", nullptr},
      {"should take a huge number for nothing", "99999999999999999999", nullptr},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const Fixture fixture;
    fixture.Write("run.sh", "#!/bin/sh\nexit 3\n");
    std::filesystem::create_directories(fixture.counter().parent_path());
    std::ofstream(fixture.counter()) << c.counted << "\n";
    const auto process = fixture.Start();
    if (!c.pause) {
      CHECK(process->Wait(10s) == 3);
      continue;
    }
    CHECK(Eventually([&] { return process->Output().contains(c.pause); }));
    // It can be stopped while it waits.
    process->Signal(SIGTERM);
    CHECK(process->Wait(5s) == 143);
    CHECK_FALSE(process->Output().contains("Starting server"));
    CHECK(fixture.Crashes() == c.counted);
  }
}

}  // namespace
}  // namespace orchestrator::deploy
