// Taking over a swarm that others have made, under load.
#include <filesystem>
#include <fstream>

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

// A service as Director makes them, whose tasks serve `text`.
void CreateDirectorService(int id, const std::string& host, const std::string& text,
                           const std::filesystem::path& directory) {
  const std::string name = fmt::format("site_{:04}", id);
  std::filesystem::create_directories(directory / "public");
  std::filesystem::create_directories(directory / ".home");
  const Finished created = Engine::Docker(
      {"service",
       "create",
       "-q",
       "--detach",
       "--no-resolve-image",
       "--name",
       name,
       "--network",
       "orchestrator-tests",
       "--endpoint-mode",
       Engine::EndpointMode(),
       "--limit-memory",
       "100m",
       "--limit-cpu",
       "0.6",
       "--env",
       "TZ=UTC",
       "--env",
       "PORT=80",
       "--env",
       "HOST=0.0.0.0",
       "--env",
       "FLAVOUR=vanilla",
       "--mount",
       fmt::format("type=bind,source={},target=/site", directory.string()),
       "--label",
       fmt::format("traefik.http.routers.{}.rule=Host(`{}`)", name, host),
       "--label",
       fmt::format("traefik.http.routers.{0}.service={0}", name),
       "--label",
       fmt::format("traefik.http.routers.{}.middlewares=max-request-2097152@swarm", name),
       "--label",
       fmt::format("traefik.http.services.{}.loadbalancer.server.port=80", name),
       "--label",
       "traefik.http.middlewares.max-request-2097152.buffering.maxRequestBodyBytes=2097152",
       "--label",
       "traefik.swarm.network=orchestrator-tests",
       "--label",
       "traefik.enable=true",
       Engine::BaseImage(),
       "sh",
       "-c",
       fmt::format("mkdir -p /tmp/www && echo '{}' >/tmp/www/index.html && exec httpd -f -p 80 -h "
                   "/tmp/www",
                   text)});
  INFO(created.output);
  REQUIRE(created.status == 0);
}

TEST_CASE("an existing swarm is taken over without a failed request and without a new task") {
  // What a test that broke off has left.
  Engine::Docker({"service", "rm", "site_6601", "odd", "handmade"});
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  system.Start();
  const auto directory = orchestrator.sites() / "66" / "01";
  CreateDirectorService(6601, "taken.test", "old task", directory);
  REQUIRE(
      Engine::Docker({"service", "create", "-q", "--detach", "--no-resolve-image", "--name", "odd",
                      "--replicas", "0", "--label", "traefik.http.routers.odd.rule=Method(`GET`)",
                      "--label", "traefik.http.services.odd.loadbalancer.server.port=80",
                      Engine::BaseImage(), "sh"})
          .status == 0);
  REQUIRE(Engine::Docker({"service",
                          "create",
                          "-q",
                          "--detach",
                          "--no-resolve-image",
                          "--name",
                          "handmade",
                          "--network",
                          "orchestrator-tests",
                          "--endpoint-mode",
                          Engine::EndpointMode(),
                          "--label",
                          "traefik.http.routers.handmade.rule=Host(`made.test`)",
                          "--label",
                          "traefik.http.services.handmade.loadbalancer.server.port=80",
                          "--label",
                          "traefik.swarm.network=orchestrator-tests",
                          "--label",
                          "traefik.enable=true",
                          Engine::BaseImage(),
                          "sh",
                          "-c",
                          "mkdir -p /tmp/www && echo made by hand >/tmp/www/index.html && exec "
                          "httpd -f -p 80 -h /tmp/www"})
              .status == 0);
  REQUIRE(system.Answers("taken.test", "old task"));
  REQUIRE(system.Answers("made.test", "made by hand"));
  const std::string handmade_tasks = Engine::TaskIds("handmade");
  const std::string tasks = Engine::TaskIds("site_6601");
  REQUIRE_FALSE(tasks.empty());
  const json labels_before = json::parse(Engine::ServiceLabels("site_6601"));

  const Finished shown = orchestrator.Command({"import", "swarm", "--dry-run"});
  INFO(shown.output);
  CHECK(shown.status == 0);
  CHECK(shown.output.contains("taken over as they are"));
  CHECK(shown.output.contains("odd: not possible"));
  CHECK(json::parse(orchestrator.Call("GET", "/v1/sites").body).at("sites").empty());

  Load load(system.traefik_url(), {"taken.test", "made.test"});
  REQUIRE(Eventually([&] { return load.sent() > 30; }));
  const Finished taken = orchestrator.Command({"import", "swarm"});
  INFO(taken.output);
  REQUIRE(taken.status == 0);
  CHECK(taken.output.contains("2 sites created"));
  CHECK(system.ReachesPhase(6601, "provider"));
  const std::size_t mark = load.sent();
  REQUIRE(Eventually([&] { return load.sent() > mark + 200; }, 30s));
  const Load::Result result = load.Stop();
  INFO(result.first_failure);
  CHECK(result.failed == 0);
  CHECK(Engine::TaskIds("site_6601") == tasks);
  CHECK(Engine::TaskIds("handmade") == handmade_tasks);
  const json made =
      json::parse(orchestrator.Call("GET", "/v1/sites?host=made.test").body).at("sites").at(0);
  CHECK(made.at("kind") == "external");
  CHECK(made.at("upstreams") == json{"http://handmade:80"});
  const json site = json::parse(orchestrator.Call("GET", "/v1/sites/6601").body);
  CHECK(site.at("hosts").at(0) == "taken.test");
  CHECK(site.at("environment") == json{{"FLAVOUR", "vanilla"}});
  CHECK(site.at("resources").at("max_request_body") == 2097152);
  CHECK(Eventually(
      [] { return Engine::ServiceLabels("site_6601").contains(R"("traefik.enable":"false")"); },
      20s));

  // A second time there is nothing to do; a restart of the program replaces nothing.
  CHECK(orchestrator.Command({"import", "swarm"}).output.contains("0 sites created"));
  orchestrator.Kill();
  orchestrator.Start();
  CHECK(orchestrator.Call("PATCH", "/v1/sites/6601?wait=running&timeout=30s", "{}")
            .Header("X-Reached") == "running");
  CHECK(Engine::TaskIds("site_6601") == tasks);

  // Back at labels it has those that it had, to the letter, and beside them only our own marks.
  const Finished back = orchestrator.Command({"routing", "mode", "labels", "--site", "6601"});
  INFO(back.output);
  REQUIRE(back.status == 0);
  CHECK(system.PhaseOf(6601) == "labels");
  CHECK(Eventually(
      [&] {
        json labels = json::parse(Engine::ServiceLabels("site_6601"));
        for (auto label = labels.begin(); label != labels.end();) {
          label = label.key().starts_with("orchestrator.") ? labels.erase(label) : ++label;
        }
        return labels == labels_before;
      },
      20s));
  CHECK(system.Answers("taken.test", "old task"));
  CHECK(Engine::TaskIds("site_6601") == tasks);
  Engine::Docker({"service", "rm", "odd", "handmade"});
}

TEST_CASE("a service that nobody took over outlives sites that have its name") {
  Engine::Docker({"service", "rm", "site_6602"});
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  system.Start();
  const auto directory = orchestrator.sites() / "66" / "02";
  CreateDirectorService(6602, "theirs.test", "their task", directory);
  REQUIRE(system.Answers("theirs.test", "their task"));
  const std::string tasks = Engine::TaskIds("site_6602");
  const std::string labels = Engine::ServiceLabels("site_6602");
  SECTION("an external one") {
    CHECK(orchestrator
              .Call("PUT", "/v1/sites/6602?wait=routed",
                    json{{"id", 6602},
                         {"kind", "external"},
                         {"hosts", {"other.test"}},
                         {"upstreams", {"http://127.0.0.1:9"}}}
                        .dump())
              .status == 201);
  }
  SECTION("one that needs a service, and says why it has none") {
    const Answer answer = orchestrator.Call("PUT", "/v1/sites/6602?wait=running&timeout=5s",
                                            SwarmSystem::DynamicSite(6602, "other.test", "ours"));
    CHECK(answer.status == 202);
    CHECK(answer.Header("X-Waiting-For").contains("orchestrator import swarm"));
  }
  CHECK(orchestrator.Call("DELETE", "/v1/sites/6602?wait=running&timeout=30s").status == 200);
  CHECK(Engine::TaskIds("site_6602") == tasks);
  CHECK(Engine::ServiceLabels("site_6602") == labels);

  // Director's manager knows its sites, so its update takes the service over.
  const json update{{"pk", 6602},
                    {"hosts", {"https://theirs.test"}},
                    {"is_served", false},
                    {"type_", "dynamic"},
                    {"resource_limits",
                     {{"cpus", 0.6}, {"memory", 100000000}, {"max_request_body_size", 2097152}}},
                    {"db", nullptr}};
  CHECK(orchestrator.Call("POST", "/api/docker/service/update", update.dump()).status == 200);
  CHECK(Engine::ServiceLabels("site_6602").contains("orchestrator.site"));
}

}  // namespace
}  // namespace tests
