// `routing.endpoints: tasks`: the tasks of sites as their servers, on a real swarm behind a real
// Traefik.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

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

const std::map<std::string, std::string> kByTasks{{"ORCHESTRATOR_ROUTING_ENDPOINTS", "tasks"}};

std::string StaticSite(int id, const std::string& host) {
  return fmt::format(R"({{"id":{},"kind":"static","hosts":["{}"]}})", id, host);
}

// The URLs of a site's servers in the document.
std::vector<std::string> Servers(SwarmSystem& system, int id) {
  const Answer answer = system.orchestrator().Call("GET", "/v1/routing/document");
  if (answer.status != 200) return {};
  const json balancer = json::parse(answer.body)
                            .at("http")
                            .at("services")
                            .at(fmt::format("site_{:04}", id))
                            .at("loadBalancer");
  std::vector<std::string> urls;
  for (const json& server : balancer.value("servers", json::array())) {
    urls.push_back(server.at("url"));
  }
  return urls;
}

// Of the container of the service's task.
std::string Container(const std::string& service) {
  std::string id =
      Engine::Docker({"ps", "-q", "-f", "label=com.docker.swarm.service.name=" + service}).output;
  while (id.ends_with('\n')) id.pop_back();
  return id;
}

bool IsOne(const std::string& ids) { return !ids.empty() && !ids.contains('\n'); }

std::string AddressOf(const std::string& container) {
  std::string address =
      Engine::Docker(
          {"inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container})
          .output;
  while (address.ends_with('\n')) address.pop_back();
  return address;
}

TEST_CASE("a site's servers are its running tasks, followed as they come and go") {
  SwarmSystem system("provider");
  system.orchestrator().Start(kByTasks);
  system.StartTraefik();
  const Answer created = system.orchestrator().Call(
      "PUT", "/v1/sites/6301?wait=routed", SwarmSystem::DynamicSite(6301, "tasks.test", "here"));
  REQUIRE(created.status == 201);
  REQUIRE(system.Answers("tasks.test", "here"));
  // One of another test may still be drained.
  REQUIRE(Eventually([&] { return IsOne(Container("site_6301")); }, 20s, 100ms));
  const std::string container = Container("site_6301");
  CHECK(Servers(system, 6301) ==
        std::vector<std::string>{fmt::format("http://{}:80", AddressOf(container))});

  REQUIRE(Engine::Docker({"kill", container}).status == 0);
  REQUIRE(Eventually([&] { return Servers(system, 6301).empty(); }, 5s, 5ms));
  // Who came in between was tried to be answered for a while.
  CHECK(Eventually(
      [&] {
        const Visit visit = system.VisitHost("tasks.test");
        return visit.status == 503 && visit.body.contains("does not answer");
      },
      5s, 10ms));
  CHECK(system.Answers("tasks.test", "here"));
  CHECK(Servers(system, 6301).size() == 1);

  SECTION("a restart of the program begins with the tasks that are known") {
    const auto before = Servers(system, 6301);
    Load load(system.traefik_url(), {"tasks.test"});
    system.orchestrator().Stop();
    system.orchestrator().Start(kByTasks);
    CHECK(Servers(system, 6301) == before);
    REQUIRE(Eventually([&] { return load.sent() > 100; }));
    const Load::Result result = load.Stop();
    INFO(result.first_failure);
    CHECK(result.failed == 0);
  }
  SECTION("a site that is switched off and on again comes back") {
    REQUIRE(system.orchestrator()
                .Call("PATCH", "/v1/sites/6301?wait=routed", R"({"served": false})")
                .status == 200);
    CHECK(Eventually([&] { return system.VisitHost("tasks.test").body.contains("switched off"); }));
    CHECK(Eventually([&] { return Engine::TaskIds("site_6301").empty(); }, 30s, 100ms));
    REQUIRE(system.orchestrator().Call("PATCH", "/v1/sites/6301", R"({"served": true})").status ==
            200);
    CHECK(system.Answers("tasks.test", "here"));
  }
}

TEST_CASE(
    "tasks that are to end leave before they do: updates fail no request, nor does the change "
    "to tasks and back") {
  SwarmSystem system("provider");
  system.Start();
  const std::filesystem::path folder = system.orchestrator().sites() / "63/11/public";
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6311?wait=running&timeout=60s", StaticSite(6311, "s.test"))
              .status == 201);
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "index.html") << "static text";
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6312?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6312, "d.test", "one"))
              .status == 201);
  REQUIRE(system.Answers("s.test", "static text"));
  REQUIRE(system.Answers("d.test", "one"));
  CHECK(Servers(system, 6311) == std::vector<std::string>{"http://site_6311:80"});
  const std::string before = Engine::TaskIds("site_6312");

  Load load(system.traefik_url(), {"s.test", "d.test"});
  REQUIRE(Eventually([&] { return load.sent() > 50; }));
  const auto restart = [&](const std::map<std::string, std::string>& environment) {
    REQUIRE(system.orchestrator().Stop() == 0);
    system.orchestrator().Start(environment);
    // Its tasks get, or lose, the time to be drained, so that they are replaced.
    for (const int id : {6311, 6312}) {
      REQUIRE(Eventually(
          [&] {
            const Answer status =
                system.orchestrator().Call("GET", fmt::format("/v1/sites/{}/status", id));
            return json::parse(status.body).at("deployment").at("state") == "running";
          },
          60s, 100ms));
    }
  };
  restart(kByTasks);
  REQUIRE(Eventually([&] { return Engine::TaskIds("site_6312") != before; }, 60s, 100ms));
  REQUIRE(Eventually(
      [&] {
        const auto servers = Servers(system, 6312);
        return servers.size() == 1 && !servers[0].contains("site_");
      },
      60s, 100ms));
  const Answer updated =
      system.orchestrator().Call("PUT", "/v1/sites/6312?wait=running&timeout=90s",
                                 SwarmSystem::DynamicSite(6312, "d.test", "two"));
  CHECK(updated.Header("X-Reached") == "running");
  CHECK(system.Answers("d.test", "two"));
  for (const int id : {6311, 6312}) {
    CHECK(system.orchestrator()
              .Call("POST", fmt::format("/v1/sites/{}/restart?wait=running&timeout=90s", id), "{}")
              .Header("X-Reached") == "running");
  }
  {
    // The old task has stopped by the time at which its container is gone.
    CHECK(Eventually([&] { return IsOne(Container("site_6311")) && IsOne(Container("site_6312")); },
                     60s, 200ms));
  }
  restart({});
  CHECK(Servers(system, 6311) == std::vector<std::string>{"http://site_6311:80"});
  const Load::Result result = load.Stop();
  INFO(result.first_failure);
  CHECK(result.failed == 0);
  CHECK(result.sent > 500);
}

}  // namespace
}  // namespace tests
