#include "orchestrator/deploy/entry_script.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

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
  Fixture() { std::filesystem::create_directories(site() / "private"); }

  std::filesystem::path site() const { return directory_.path() / "site"; }
  std::filesystem::path counter() const { return site() / ".orchestrator" / kCrashFile; }

  void Write(const std::string& name, const std::string& text, bool executable = true) const {
    std::ofstream(site() / name) << text;
    if (executable) std::filesystem::permissions(site() / name, std::filesystem::perms(0755));
  }

  std::unique_ptr<tests::Process> Start() const {
    std::string script(EntryScript());
    for (std::size_t at = 0; (at = script.find("/site/", at)) != std::string::npos;) {
      script.replace(at, 5, site().string());
      at += site().string().size();
    }
    return std::make_unique<tests::Process>(std::vector<std::string>{"/bin/sh", "-c", script},
                                            directory_.path() / "output");
  }

  std::string Crashes() const {
    std::string text;
    std::ifstream(counter()) >> text;
    return text;
  }

 private:
  tests::TemporaryDirectory directory_;
};

TEST_CASE("A site without a run file waits, says so and stops when told") {
  const Fixture fixture;
  fixture.Write("run.sh", "exit 1", /*executable=*/false);
  const auto process = fixture.Start();
  REQUIRE(Eventually([&] { return process->Output().contains("No executable run.sh"); }));
  process->Signal(SIGTERM);
  CHECK(process->Wait(5s) == 0);
  CHECK_FALSE(std::filesystem::exists(fixture.counter()));
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
