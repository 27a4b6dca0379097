// Images of sites, built by a real engine.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ranges>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/swarm_system.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

json Build(OrchestratorProcess& orchestrator, int id) {
  return json::parse(orchestrator.Call("GET", fmt::format("/v1/sites/{}/image", id)).body);
}

bool Ends(OrchestratorProcess& orchestrator, int id, const std::string& state,
          std::chrono::milliseconds limit = 60s) {
  return Eventually([&] { return Build(orchestrator, id).at("state") == state; }, limit, 100ms);
}

std::string Order(const std::string& steps) {
  return json{{"dockerfile", fmt::format("FROM {}\n{}\n", Engine::BaseImage(), steps)}}.dump();
}

std::string ImageOf(const std::string& service) {
  return Engine::Docker(
             {"service", "inspect", "-f", "{{.Spec.TaskTemplate.ContainerSpec.Image}}", service})
      .output;
}

TEST_CASE(
    "a build that fails, hangs, writes too much or is cancelled says so and deploys nothing") {
  SwarmSystem system("provider");
  std::ofstream(system.orchestrator().config_file(), std::ios::app)
      << "images: {largest_layer: 20MiB, time_limit: 4s}\n";
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  CHECK(orchestrator.Call("POST", "/v1/sites/6301/image", "{}").status == 404);
  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/6301?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6301, "image.test", "x"))
              .Header("X-Reached") == "running");
  const std::string image = ImageOf("site_6301");
  const std::string tasks = Engine::TaskIds("site_6301");

  SECTION("it fails") {
    REQUIRE(
        orchestrator.Call("POST", "/v1/sites/6301/image", Order("RUN echo no; exit 7")).status ==
        202);
    CHECK(Ends(orchestrator, 6301, "failed"));
    CHECK(Build(orchestrator, 6301).at("error").get<std::string>().contains("non-zero code: 7"));
    CHECK(orchestrator.Call("GET", "/v1/sites/6301/image/log").body.contains("no\\n"));
  }
  SECTION("it is no Dockerfile") {
    REQUIRE(
        orchestrator.Call("POST", "/v1/sites/6301/image", R"({"dockerfile": "FORM x"})").status ==
        202);
    CHECK(Ends(orchestrator, 6301, "failed"));
    CHECK_FALSE(Build(orchestrator, 6301).at("error").get<std::string>().empty());
  }
  SECTION("it hangs") {
    REQUIRE(orchestrator.Call("POST", "/v1/sites/6301/image", Order("RUN sleep 600")).status ==
            202);
    CHECK(orchestrator.Call("POST", "/v1/sites/6301/image", "{}").status == 409);
    CHECK(Ends(orchestrator, 6301, "failed"));
    CHECK(Build(orchestrator, 6301).at("error").get<std::string>().contains("longer than 4 s"));
  }
  SECTION("it fills the disk") {
    REQUIRE(orchestrator
                .Call("POST", "/v1/sites/6301/image",
                      Order("RUN echo ' ---> Running in 0123456789ab'; dd if=/dev/zero of=/big "
                            "bs=1M count=100; sleep 600"))
                .status == 202);
    CHECK(Ends(orchestrator, 6301, "failed"));
    CHECK(Build(orchestrator, 6301).at("error").get<std::string>().contains("allowed"));
  }
  SECTION("it is cancelled") {
    REQUIRE(orchestrator.Call("POST", "/v1/sites/6301/image", Order("RUN sleep 600")).status ==
            202);
    CHECK(orchestrator.Call("POST", "/v1/sites/6301/image/cancel", "{}").status == 202);
    CHECK(Ends(orchestrator, 6301, "cancelled"));
    CHECK(orchestrator.Call("POST", "/v1/sites/6301/image/cancel", "{}").status == 409);
  }
  SECTION("the orchestrator is killed in the middle") {
    REQUIRE(orchestrator.Call("POST", "/v1/sites/6301/image", Order("RUN sleep 3")).status == 202);
    orchestrator.Kill();
    orchestrator.Start();
    CHECK(Build(orchestrator, 6301).at("state") == "failed");
    CHECK(Build(orchestrator, 6301).at("error").get<std::string>().contains("interrupted"));
  }
  SECTION("the order is wrong") {
    CHECK(orchestrator.Call("POST", "/v1/sites/6301/image", R"({"memory": 5})").status == 422);
    CHECK(orchestrator.Call("POST", "/v1/sites/6301/image", R"({"file": "x"})").status == 422);
  }
  CHECK(ImageOf("site_6301") == image);
  CHECK(Engine::TaskIds("site_6301") == tasks);
  // No container of a build stays.
  CHECK(Eventually(
      [] {
        const std::string containers =
            Engine::Docker(
                {"ps", "-a", "--format", "{{.Label \"com.docker.swarm.service.name\"}}{{.Names}}"})
                .output;
        return std::ranges::all_of(std::views::split(containers, '\n'), [](const auto& line) {
          const std::string_view name(line.begin(), line.end());
          return name.empty() || name.starts_with("site_");
        });
      },
      20s, 200ms));
}

TEST_CASE("all that the steps of a build wrote counts, though each one ends at once") {
  SwarmSystem system("provider");
  std::ofstream(system.orchestrator().config_file(), std::ios::app)
      << "images: {largest_layer: 20MiB, memory: 96MiB, cpus: 0.5}\n";
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(
      orchestrator.Call("PUT", "/v1/sites/6311", R"({"hosts": ["steps.test"], "served": false})")
          .status == 201);
  const auto write = [](int steps) {
    // Another text each time, or the engine has the steps from before.
    std::string text =
        fmt::format("LABEL time={}\n", std::chrono::steady_clock::now().time_since_epoch().count());
    for (int step = 0; step < steps; ++step) {
      text += fmt::format("RUN dd if=/dev/zero of=/part{} bs=1M count=6\n", step);
    }
    return Order(text);
  };
  const std::string too_much = write(6);
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6311/image", too_much).status == 202);
  CHECK(Ends(orchestrator, 6311, "failed"));
  CHECK(Build(orchestrator, 6311).at("error").get<std::string>().contains("are allowed"));
  // What was refused is not found made by the next try, which is refused for the same.
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6311/image", too_much).status == 202);
  CHECK(Ends(orchestrator, 6311, "failed"));
  // Nothing counts twice.
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6311/image", write(3)).status == 202);
  CHECK(Ends(orchestrator, 6311, "built"));

  // Its steps have the limits that were ordered, as the kernel says.
  REQUIRE(orchestrator
              .Call("POST", "/v1/sites/6311/image",
                    Order(fmt::format("LABEL time={}\n"
                                      "RUN cd /sys/fs/cgroup; cat memory.max cpu.max "
                                      "memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us; true",
                                      std::chrono::steady_clock::now().time_since_epoch().count())))
              .status == 202);
  CHECK(Ends(orchestrator, 6311, "built"));
  const std::string log = orchestrator.Call("GET", "/v1/sites/6311/image/log").body;
  INFO(log);
  CHECK(log.contains(std::to_string(96 << 20)));
  CHECK(log.contains("50000"));
}

TEST_CASE("builds wait for their turn, and can be cancelled before it") {
  SwarmSystem system("provider");
  std::ofstream(system.orchestrator().config_file(), std::ios::app) << "images: {at_once: 1}\n";
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  for (const int id : {6331, 6332, 6333}) {
    REQUIRE(orchestrator
                .Call("PUT", fmt::format("/v1/sites/{}", id),
                      json{{"hosts", {fmt::format("i{}.test", id)}}, {"served", false}}.dump())
                .status == 201);
    REQUIRE(orchestrator
                .Call("POST", fmt::format("/v1/sites/{}/image", id),
                      Order(fmt::format("RUN while [ ! -e /stop ]; do sleep 0.1; "
                                        "[ {} = 6331 ] || touch /stop; done",
                                        id)))
                .status == 202);
  }
  CHECK(Build(orchestrator, 6331).at("state") == "running");
  CHECK(Build(orchestrator, 6332).at("state") == "waiting");
  CHECK(orchestrator.Call("POST", "/v1/sites/6332/image", "{}").status == 409);
  CHECK(orchestrator.Call("POST", "/v1/sites/6332/image/cancel", "{}").status == 202);
  CHECK(Ends(orchestrator, 6332, "cancelled", 5s));
  CHECK(Build(orchestrator, 6333).at("state") == "waiting");
  CHECK(orchestrator.Call("POST", "/v1/sites/6331/image/cancel", "{}").status == 202);
  CHECK(Ends(orchestrator, 6331, "cancelled"));
  CHECK(Ends(orchestrator, 6333, "built"));
}

TEST_CASE("what a build is given is what .dockerignore leaves, and no more than is allowed") {
  SwarmSystem system("provider");
  std::ofstream(system.orchestrator().config_file(), std::ios::app)
      << "images: {largest_layer: 10MiB}\n";
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(
      orchestrator.Call("PUT", "/v1/sites/6341", R"({"hosts": ["ignore.test"], "served": false})")
          .status == 201);
  const std::filesystem::path site = orchestrator.sites() / "63" / "41";
  REQUIRE(Eventually([&] { return std::filesystem::exists(site / "public"); }));
  std::ofstream(site / "large") << std::string(11 << 20, 'x');
  std::ofstream(site / ".env") << "SECRET=1";
  std::filesystem::create_directories(site / "modules" / "kept");
  std::ofstream(site / "modules" / "left") << "x";
  std::ofstream(site / "modules" / "kept" / "file") << "x";
  std::ofstream(site / "Dockerfile")
      << "FROM " << Engine::BaseImage()
      << "\nCOPY . /all\nRUN test ! -e /all/.env && test ! -e /all/large && "
         "test ! -e /all/modules/left && test -e /all/modules/kept/file && "
         "test ! -e /all/.home\n";
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6341/image", "{}").status == 202);
  CHECK(Ends(orchestrator, 6341, "failed"));
  CHECK(Build(orchestrator, 6341).at("error").get<std::string>().contains(".dockerignore"));
  std::ofstream(site / ".dockerignore") << ".env\nlarge\nmodules\n!modules/kept\n";
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6341/image", "{}").status == 202);
  CHECK(Eventually(
      [&] {
        const json state = Build(orchestrator, 6341).at("state");
        return state == "built" || state == "failed";
      },
      60s, 100ms));
  INFO(Build(orchestrator, 6341).dump());
  CHECK(Build(orchestrator, 6341).at("state") == "built");

  // Nor does the site's own file take the place of the Dockerfile that is given.
  std::ofstream(site / ".orchestrator-dockerfile")
      << "FROM " << Engine::BaseImage() << "\nRUN exit 9\n";
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6341/image", Order("RUN echo given")).status == 202);
  CHECK(Ends(orchestrator, 6341, "built"));
}

TEST_CASE("a build whose files are all left out is cancelled at once, and patterns are limited") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(
      orchestrator.Call("PUT", "/v1/sites/6351", R"({"hosts": ["silent.test"], "served": false})")
          .status == 201);
  const std::filesystem::path site = orchestrator.sites() / "63" / "51";
  REQUIRE(Eventually([&] { return std::filesystem::exists(site / "public"); }));
  // Each file is compared with all patterns, and only the last one fits: nothing is sent meanwhile.
  std::filesystem::create_directory(site / "many");
  for (int i = 0; i < 20'000; ++i) std::ofstream(site / "many" / std::to_string(i)) << "";
  const auto write_patterns = [&](int count) {
    std::ofstream file(site / ".dockerignore");
    for (int i = 0; i < count; ++i) file << "x" << i << "*y*z\n";
    file << "many/*\n";
  };
  // While the build's packer walks through the folder, the folder is open.
  const auto is_packing = [&] {
    const std::string process = fmt::format("/proc/{}/fd", orchestrator.process_id());
    std::error_code error;
    for (const auto& open : std::filesystem::directory_iterator(process, error)) {
      if (std::filesystem::read_symlink(open.path(), error) == site / "many") return true;
    }
    return false;
  };
  write_patterns(19'000);
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6351/image", "{}").status == 202);
  REQUIRE(Eventually(is_packing));
  CHECK(orchestrator.Call("POST", "/v1/sites/6351/image/cancel", "{}").status == 202);
  CHECK(Ends(orchestrator, 6351, "cancelled", 5s));

  write_patterns(25'000);
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6351/image", "{}").status == 202);
  CHECK(Ends(orchestrator, 6351, "failed"));
  CHECK(Build(orchestrator, 6351).at("error").get<std::string>().contains("20000 are allowed"));

  // A stop of the program waits for no build either.
  write_patterns(19'000);
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6351/image", "{}").status == 202);
  REQUIRE(Eventually(is_packing));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(orchestrator.Stop() == 0);
  CHECK(std::chrono::steady_clock::now() - begun < 15s);
}

TEST_CASE("a new image is deployed by its id, the same one restarts nothing, old ones go") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/6311?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6311, "image.test", "x"))
              .Header("X-Reached") == "running");
  std::ofstream(orchestrator.sites() / "63" / "11" / "content.txt") << "one";
  std::ofstream(orchestrator.sites() / "63" / "11" / "Dockerfile")
      << "FROM " << Engine::BaseImage() << "\nCOPY content.txt /content.txt\n";
  const auto build = [&] {
    const Answer answer = orchestrator.CallRaw("POST", "/v1/sites/6311/image", "{}",
                                               {{"Authorization", "Bearer " + orchestrator.Token()},
                                                {"Content-Type", "application/json"},
                                                {"Accept", "text/event-stream"}});
    CHECK(answer.body.contains("event: build\ndata: {\"stream\":\"Step 1/4"));
    CHECK(answer.body.contains("event: end\ndata: {\"state\":\"built\""));
    return Build(orchestrator, 6311).at("image").get<std::string>();
  };
  const std::string first = build();
  CHECK(first.starts_with("sha256:"));
  CHECK(Eventually([&] { return ImageOf("site_6311").starts_with(first); }, 20s));
  REQUIRE(orchestrator.Call("PATCH", "/v1/sites/6311?wait=running&timeout=90s", "{}")
              .Header("X-Reached") == "running");
  const std::string tasks = Engine::TaskIds("site_6311");
  CHECK(build() == first);
  CHECK(Engine::TaskIds("site_6311") == tasks);

  // A reader who comes back gets the rest of the same build's log, and all of another's.
  const auto follow = [&](const std::string& last) {
    return orchestrator
        .CallRaw("GET", "/v1/sites/6311/image/log", "",
                 {{"Authorization", "Bearer " + orchestrator.Token()},
                  {"Accept", "text/event-stream"},
                  {"Last-Event-ID", last}})
        .body;
  };
  const std::string whole = follow("other:3");
  REQUIRE(whole.starts_with("id: "));
  const std::string begin = whole.substr(0, whole.find('\n'));
  CHECK(begin.ends_with(":0"));
  const std::string rest = follow(begin.substr(4));
  CHECK(whole.ends_with(rest));
  CHECK_FALSE(rest.contains(begin + "\n"));
  CHECK(rest.contains("event: end\ndata: {\"state\":\"built\""));

  std::ofstream(orchestrator.sites() / "63" / "11" / "content.txt") << "two";
  const std::string second = build();
  CHECK(second != first);
  CHECK(Eventually([&] { return ImageOf("site_6311").starts_with(second); }, 20s));

  CHECK(orchestrator.Call("DELETE", "/v1/sites/6311/image").status == 200);
  CHECK(orchestrator.Call("DELETE", "/v1/sites/6311/image").status == 200);
  CHECK(Eventually([&] { return ImageOf("site_6311").starts_with(Engine::BaseImage()); }, 20s));
  REQUIRE(orchestrator.Call("DELETE", "/v1/sites/6311?wait=running&timeout=60s").status == 200);
  // Once no container of the past tasks uses them.
  CHECK(Eventually(
      [&] {
        return Engine::Docker({"image", "inspect", first}).status != 0 &&
               Engine::Docker({"image", "inspect", second}).status != 0;
      },
      60s, 500ms));
}

TEST_CASE("the removal of a site cancels its build, and another orchestrator's images stay") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  REQUIRE(
      orchestrator.Call("PUT", "/v1/sites/6321", R"({"hosts": ["removed.test"], "served": false})")
          .status == 201);
  const TemporaryDirectory context;
  context.Write("Dockerfile", fmt::format("FROM {}\nLABEL orchestrator.site=6322 "
                                          "orchestrator.image=another\n",
                                          Engine::BaseImage()));
  REQUIRE(
      Engine::Docker({"build", "-q", "-t", "site_6322:latest", context.path().string()}).status ==
      0);
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6321/image", Order("RUN sleep 600")).status == 202);
  REQUIRE(orchestrator.Call("DELETE", "/v1/sites/6321").status == 202);
  const auto log = [&] {
    std::ifstream file(orchestrator.state() / "builds" / "site_6321.log");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  CHECK(Eventually([&] { return log().contains(R"("state":"cancelled")"); }, 20s));
  // What the sweep after that build leaves alone.
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/6323", R"({"hosts": ["next.test"], "served": false})")
              .status == 201);
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6323/image", Order("RUN echo 1")).status == 202);
  REQUIRE(Ends(orchestrator, 6323, "built"));
  const std::string first = Build(orchestrator, 6323).at("image");
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6323/image", Order("RUN echo 2")).status == 202);
  REQUIRE(Ends(orchestrator, 6323, "built"));
  CHECK(Eventually([&] { return Engine::Docker({"image", "inspect", first}).status != 0; }, 30s,
                   200ms));
  CHECK(Engine::Docker({"image", "rm", "site_6322:latest"}).status == 0);
}

}  // namespace
}  // namespace tests
