// Starting, stopping, and a database that cannot do its work.
#include <csignal>
#include <fstream>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <sys/mount.h>

#include "tests/support/eventually.h"
#include "tests/support/orchestrator_process.h"
#include "tests/support/traefik_process.h"

namespace tests {
namespace {

using namespace std::chrono_literals;

std::string ExternalSite(const std::string& host) {
  return fmt::format(R"({{"kind":"external","hosts":["{}"],"upstreams":["http://192.0.2.1"]}})",
                     host);
}

TEST_CASE("the program stops on SIGTERM at once, also while a poll is held") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  // The second poll on the same connection is held.
  std::jthread poller([&] {
    orchestrator.Poll();
    orchestrator.Poll({{"Prefer", "wait=60"}});
  });
  REQUIRE(Eventually([&] {
    return orchestrator.Call("GET", "/metrics").body.contains("orchestrator_provider_holding 1");
  }));
  const auto begin = std::chrono::steady_clock::now();
  CHECK(orchestrator.Stop() == 0);
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("a second instance is refused") {
  OrchestratorProcess first("docker: {host: null}\n");
  first.Start();
  SECTION("on the same state folder") {
    const TemporaryDirectory directory;
    const auto config = directory.Write("orchestrator.yaml",
                                        fmt::format("state_directory: {}\ndocker: {{host: null}}\n"
                                                    "api: {{listen: \"127.0.0.1:0\"}}\n"
                                                    "provider: {{listen: \"127.0.0.1:0\"}}\n",
                                                    first.state().string()));
    const Finished second =
        RunProgram({OrchestratorProgram(), "serve", "--config", config.string()});
    CHECK(second.status == 1);
    CHECK(second.output.contains("in use by another orchestrator"));
  }
  SECTION("on the same port") {
    const TemporaryDirectory directory;
    const auto config = directory.Write(
        "orchestrator.yaml", fmt::format("state_directory: {}/state\ndocker: {{host: null}}\n"
                                         "api: {{listen: \"127.0.0.1:0\"}}\n"
                                         "provider: {{listen: \"{}\"}}\n",
                                         directory.path().string(), first.provider_listen()));
    const Finished second =
        RunProgram({OrchestratorProgram(), "serve", "--config", config.string()});
    CHECK(second.status == 1);
    CHECK(second.output.contains("the port is in use"));
  }
  CHECK(first.Call("GET", "/v1/sites").status == 200);
}

TEST_CASE("while the database cannot be opened the API says so, and it works once that is mended") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/1", ExternalSite("a.example.com")).status == 201);
  REQUIRE(orchestrator.Stop() == 0);
  const auto database = orchestrator.state() / "orchestrator.db";
  const auto aside = orchestrator.state() / "aside.db";
  std::filesystem::rename(database, aside);
  std::ofstream(database, std::ios::binary) << std::string(8192, 'x');
  orchestrator.StartUnready();
  CHECK(Eventually([&] { return orchestrator.Call("GET", "/healthz").status == 200; }));
  CHECK(orchestrator.Call("GET", "/readyz").status == 503);
  const Answer refused = orchestrator.Call("PUT", "/v1/sites/2", ExternalSite("b.example.com"));
  CHECK(refused.status == 503);
  CHECK(refused.body.contains("damaged"));
  CHECK(orchestrator.Poll().body.contains("a.example.com"));

  std::filesystem::rename(aside, database);
  CHECK(Eventually([&] { return orchestrator.Call("GET", "/readyz").status == 200; }, 20s));
  CHECK(orchestrator.Call("PUT", "/v1/sites/2", ExternalSite("b.example.com")).status == 201);
  CHECK(orchestrator.Call("GET", "/v1/sites/1").status == 200);
}

TEST_CASE("a corrupt database is not used and stays as it is") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/1", ExternalSite("a.example.com")).status == 201);
  REQUIRE(orchestrator.Stop() == 0);
  const auto database = orchestrator.state() / "orchestrator.db";
  const std::string garbage(8192, 'x');
  std::ofstream(database, std::ios::binary) << garbage;
  SECTION("with a document from before, which is served") {
    orchestrator.StartUnready();
    CHECK(Eventually([&] { return orchestrator.Log().contains("damaged"); }));
    CHECK(orchestrator.Stop() == 0);
  }
  SECTION("without one it is refused") {
    std::filesystem::remove(orchestrator.state() / "last-known-good");
    CHECK(orchestrator.StartAndFail() == 1);
    CHECK(orchestrator.Log().contains("damaged"));
  }
  std::ifstream file(database, std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == garbage);
}

// A small file system of its own for the state folder; needs root, which an engine needs anyway.
class SmallDisk {
 public:
  explicit SmallDisk(const std::filesystem::path& path) : path_(path) {
    std::filesystem::create_directories(path_);
    if (mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=2m") != 0) {
      throw std::runtime_error("cannot mount a small disk: the tests need root");
    }
  }
  ~SmallDisk() { umount2(path_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  void MakeReadOnly() { mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, ""); }

 private:
  std::filesystem::path path_;
};

TEST_CASE("on a full disk changes are refused, the document goes on being served") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  const SmallDisk disk(orchestrator.state());
  orchestrator.Start();
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/1", ExternalSite("a.example.com")).status == 201);
  REQUIRE(Eventually([&] { return orchestrator.Poll().body.contains("a.example.com"); }));
  const Answer before = orchestrator.Poll();

  const auto filler = orchestrator.state() / "filler";
  {
    std::ofstream file(filler, std::ios::binary);
    for (int i = 0; i < 4096 && file; ++i) file << std::string(1024, 'x') << std::flush;
  }
  Answer refused;
  for (int id = 2; id < 200; ++id) {
    refused = orchestrator.Call("PUT", fmt::format("/v1/sites/{}", id),
                                ExternalSite(fmt::format("s{}.example.com", id)));
    if (refused.status != 201) break;
  }
  INFO(refused.body);
  CHECK(refused.status == 507);
  CHECK(refused.body.contains("make room"));
  CHECK(orchestrator.Poll().body.contains("a.example.com"));
  CHECK(orchestrator.Call("GET", "/v1/sites/1").status == 200);

  std::filesystem::remove(filler);
  CHECK(orchestrator.Call("PUT", "/v1/sites/900", ExternalSite("again.example.com")).status == 201);
}

TEST_CASE("a read-only database is refused at the start with a clear word") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  SmallDisk disk(orchestrator.state());
  orchestrator.Start();
  REQUIRE(orchestrator.Stop() == 0);
  disk.MakeReadOnly();
  CHECK(orchestrator.StartAndFail() == 1);
  CHECK(orchestrator.Log().contains("Read-only file system"));
}

TEST_CASE("config check names file, line and column, and exits 1") {
  const TemporaryDirectory directory;
  const auto file = directory.Write("bad.yaml", "log: {level: loud}\nprovidr: {}\n");
  const Finished checked = RunProgram({OrchestratorProgram(), "config", "check", file.string()});
  CHECK(checked.status == 1);
  CHECK(checked.output.contains("bad.yaml:1:14"));
  CHECK(checked.output.contains("bad.yaml:2:1"));
  CHECK(RunProgram({OrchestratorProgram(), "nonsense"}).status == 2);
  CHECK(RunProgram({OrchestratorProgram(), "--help"}).status == 0);
}

}  // namespace
}  // namespace tests
