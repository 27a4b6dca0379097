// The whole system: real services on a real swarm behind a real Traefik, in both modes.
#include <filesystem>
#include <fstream>
#include <iterator>

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

std::string StaticSite(int id, const std::string& host) {
  return fmt::format(R"({{"id":{},"kind":"static","hosts":["{}"]}})", id, host);
}

TEST_CASE(
    "sites move between labels and document under load without a failed request or a new task") {
  SwarmSystem system("labels");
  system.Start();
  std::filesystem::create_directories(system.orchestrator().sites() / "60" / "01" / "public");
  std::ofstream(system.orchestrator().sites() / "60" / "01" / "public" / "index.html")
      << "static text";
  const Upstream upstream("external text", Engine::HostAddress());
  REQUIRE(
      system.orchestrator().Call("PUT", "/v1/sites/6001", StaticSite(6001, "static.test")).status ==
      201);
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6002",
                    SwarmSystem::DynamicSite(6002, "dynamic.test", "dynamic text"))
              .status == 201);
  REQUIRE(
      system.orchestrator()
          .Call("PUT", "/v1/sites/6003",
                fmt::format(R"({{"kind":"external","hosts":["external.test"],"upstreams":["{}"]}})",
                            upstream.url()))
          .status == 201);
  REQUIRE(system.Answers("static.test", "static text"));
  REQUIRE(system.Answers("dynamic.test", "dynamic text"));
  REQUIRE(system.Answers("external.test", "external text"));
  CHECK(system.orchestrator()
            .Call("PATCH", "/v1/sites/6001?wait=running", "{}")
            .Header("X-Reached") == "running");
  CHECK(
      system.orchestrator().Call("PATCH", "/v1/sites/6002?wait=routed", "{}").Header("X-Reached") ==
      "routed");
  CHECK(Engine::ServiceLabels("site_6001").contains("Host(`static.test`)"));
  const std::string tasks = Engine::TaskIds("site_6001") + Engine::TaskIds("site_6002");

  Load load(system.traefik_url(), {"static.test", "dynamic.test", "external.test"});
  REQUIRE(Eventually([&] { return load.sent() > 50; }));

  const Finished there =
      system.orchestrator().Command({"routing", "mode", "provider", "--timeout", "60s"});
  INFO(there.output);
  REQUIRE(there.status == 0);
  CHECK(system.PhaseOf(6001) == "provider");
  CHECK(Eventually([] { return !Engine::ServiceLabels("site_6001").contains("Host("); }));
  std::size_t mark = load.sent();
  REQUIRE(Eventually([&] { return load.sent() > mark + 300; }, 30s));

  const Finished back =
      system.orchestrator().Command({"routing", "mode", "labels", "--timeout", "60s"});
  INFO(back.output);
  REQUIRE(back.status == 0);
  CHECK(system.PhaseOf(6002) == "labels");
  CHECK(system.PhaseOf(6003) == "provider");
  const Answer document = system.orchestrator().Poll();
  CHECK_FALSE(document.body.contains("static.test"));
  CHECK(document.body.contains("external.test"));
  mark = load.sent();
  REQUIRE(Eventually([&] { return load.sent() > mark + 300; }, 30s));

  const Load::Result result = load.Stop();
  INFO(result.first_failure);
  CHECK(result.failed == 0);
  CHECK(result.sent > 650);
  CHECK(Engine::TaskIds("site_6001") + Engine::TaskIds("site_6002") == tasks);
  // The markers are gone once every Traefik has shown them.
  CHECK(Eventually([] { return !Engine::ServiceLabels("site_6001").contains("marker"); }, 20s));
}

TEST_CASE("in label mode a Traefik has the services of its own pool only") {
  SwarmSystem system("labels");
  system.Configure("default_mode: labels", "default_mode: labels, pools: [other]");
  system.Start();
  json own = json::parse(SwarmSystem::DynamicSite(6041, "own.test", "own text"));
  json other = json::parse(SwarmSystem::DynamicSite(6042, "other.test", "other text"));
  other["routing"] = {{"pool", "other"}};
  for (const json& site : {other, own}) {
    REQUIRE(system.orchestrator()
                .Call("PUT", "/v1/sites/" + site.at("id").dump() + "?wait=running&timeout=60s",
                      site.dump())
                .status == 201);
  }
  REQUIRE(system.Answers("own.test", "own text"));
  CHECK(Engine::ServiceLabels("site_6042").contains("Host(`other.test`)"));
  CHECK(system.VisitHost("other.test").status == 404);
  REQUIRE(system.orchestrator()
              .Call("PATCH", "/v1/sites/6042", R"({"routing": {"pool": "default"}})")
              .status == 200);
  CHECK(system.Answers("other.test", "other text"));
}

TEST_CASE("one site can go its own way, and a change in label mode is confirmed by every Traefik") {
  SwarmSystem system("provider");
  system.Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6011?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6011, "one.test", "one"))
              .Header("X-Reached") == "running");
  REQUIRE(system.Answers("one.test", "one"));
  REQUIRE(system.orchestrator()
              .Call("PATCH", "/v1/sites/6011", R"({"routing":{"mode":"labels"}})")
              .status == 200);
  REQUIRE(system.ReachesPhase(6011, "labels"));
  REQUIRE(system.Answers("one.test", "one"));
  const Answer routed = system.orchestrator().Call(
      "PATCH", "/v1/sites/6011?wait=routed&timeout=60s", R"({"hosts":["two.test"]})");
  CHECK(routed.Header("X-Reached") == "routed");
  CHECK(system.VisitHost("two.test").status == 200);
  CHECK(system.VisitHost("one.test").status == 404);

  SECTION("labels that others added stay through all of it") {
    REQUIRE(Engine::Docker(
                {"service", "update", "-q", "--detach", "--label-add", "owner=me", "site_6011"})
                .status == 0);
    REQUIRE(system.orchestrator()
                .Call("PATCH", "/v1/sites/6011", R"({"routing":{"mode":"provider"}})")
                .status == 200);
    REQUIRE(system.ReachesPhase(6011, "provider"));
    // Docker's command line has sorted the mounts, so the swarm replaces the task first.
    CHECK(Eventually(
        [] { return Engine::ServiceLabels("site_6011").contains(R"("traefik.enable":"false")"); },
        60s));
    CHECK(Engine::ServiceLabels("site_6011").contains(R"("owner":"me")"));
  }
  SECTION("a removed site takes its service along") {
    CHECK(system.orchestrator().Call("DELETE", "/v1/sites/6011?wait=running&timeout=60s").status ==
          200);
    CHECK_FALSE(Engine::HasService("site_6011"));
  }
}

TEST_CASE("a deployment that cannot run says why, and the next good one runs") {
  SwarmSystem system("provider");
  system.orchestrator().Start();
  nlohmann::json site = nlohmann::json::parse(SwarmSystem::DynamicSite(6021, "bad.test", "fine"));
  site["image"] = "nobody/nothing:never";
  const Answer bad =
      system.orchestrator().Call("PUT", "/v1/sites/6021?wait=running&timeout=8s", site.dump());
  CHECK(bad.status == 202);
  CHECK(bad.Header("X-Reached") == "accepted");
  INFO(bad.Header("X-Waiting-For"));
  CHECK(bad.Header("X-Waiting-For").contains("No such image"));
  CHECK(system.orchestrator()
            .Call("PATCH", "/v1/sites/6021?wait=running&timeout=60s", R"({"image":null})")
            .Header("X-Reached") == "running");
}

TEST_CASE("sites are accepted while the engine is away at the start, and made when it comes") {
  const TemporaryDirectory directory;
  const std::filesystem::path socket = directory.path() / "docker.sock";
  SwarmSystem system("provider", "unix://" + socket.string());
  system.orchestrator().Start();
  const Answer accepted =
      system.orchestrator().Call("PUT", "/v1/sites/6031?wait=running&timeout=1s",
                                 SwarmSystem::DynamicSite(6031, "kept.test", "kept"));
  CHECK(accepted.status == 202);
  CHECK(accepted.Header("X-Waiting-For").contains("does not answer"));
  CHECK(system.orchestrator().Call("GET", "/v1/routing").body.contains("does not answer"));
  CHECK(system.orchestrator().Poll().body.contains("kept.test"));

  std::filesystem::create_symlink(Engine::Host().substr(std::string("unix://").size()), socket);
  CHECK(system.orchestrator()
            .Call("PATCH", "/v1/sites/6031?wait=running&timeout=60s", "{}")
            .Header("X-Reached") == "running");
  system.StartTraefik();
  CHECK(system.Answers("kept.test", "kept"));
}

TEST_CASE("what changes while the engine is lost is made up for when it is back") {
  SwarmSystem system("provider");
  system.Start();
  for (const int id : {6041, 6042}) {
    REQUIRE(system.orchestrator()
                .Call("PUT", fmt::format("/v1/sites/{}?wait=running&timeout=60s", id),
                      SwarmSystem::DynamicSite(id, fmt::format("s{}.test", id), "here"))
                .Header("X-Reached") == "running");
  }
  REQUIRE(system.Answers("s6041.test", "here"));

  Engine::Stop();
  CHECK(system.orchestrator()
            .Call("PUT", "/v1/sites/6043", SwarmSystem::DynamicSite(6043, "s6043.test", "here"))
            .status == 201);
  CHECK(system.orchestrator().Call("DELETE", "/v1/sites/6042").status == 202);
  CHECK(Eventually([&] {
    const std::string document = system.orchestrator().Poll().body;
    return document.contains("s6041.test") && document.contains("s6043.test") &&
           !document.contains("s6042.test");
  }));
  CHECK(system.orchestrator().Call("GET", "/v1/sites/6041/status").status == 200);

  Engine::Start();
  system.StartTraefik();  // it was a container of the same engine
  CHECK(system.Answers("s6041.test", "here", 60s));
  CHECK(system.Answers("s6043.test", "here", 60s));
  CHECK(Eventually([] { return !Engine::HasService("site_6042"); }, 60s));
}

}  // namespace
}  // namespace tests
