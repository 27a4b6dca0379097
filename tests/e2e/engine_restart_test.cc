// A real engine that goes away in the middle of things.
#include <fstream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/swarm_system.h"
#include "tests/support/terminal_client.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

json ImageOf(OrchestratorProcess& orchestrator, int id) {
  return json::parse(orchestrator.Call("GET", fmt::format("/v1/sites/{}/image", id)).body);
}

std::string Dockerfile(const std::string& step) {
  return json{{"dockerfile", fmt::format("FROM {}\nRUN {}\n", Engine::BaseImage(), step)}}.dump();
}

TEST_CASE(
    "a build, a terminal, a log and an update in progress survive the engine or say why not") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  json site{{"hosts", {"restart.test"}}, {"run", "#!/bin/sh\necho $FLAVOUR; sleep 1000\n"}};
  site["environment"] = {{"FLAVOUR", "old-flavour"}};
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/6501?wait=running&timeout=60s", site.dump())
              .Header("X-Reached") == "running");
  Process followed({OrchestratorProgram(), "site", "logs", "-f", "6501"},
                   orchestrator.state() / "followed",
                   {{"ORCHESTRATOR_CONFIG", orchestrator.config_file().string()}});
  REQUIRE(Eventually([&] { return followed.Output().contains("old-flavour"); }, 20s));
  TerminalClient terminal(orchestrator, 6501);
  REQUIRE_FALSE(terminal.Session().empty());
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6501/image", Dockerfile("sleep 600")).status == 202);
  REQUIRE(Eventually(
      [&] {
        return orchestrator.Call("GET", "/v1/sites/6501/image/log").body.contains("sleep 600");
      },
      20s));

  site["environment"] = {{"FLAVOUR", "new-flavour"}};
  const Answer updated = orchestrator.Call("PUT", "/v1/sites/6501", site.dump());
  CHECK(updated.status == 200);
  Engine::Stop();
  CHECK(terminal.End().is_object());
  CHECK(Eventually([&] { return ImageOf(orchestrator, 6501).at("state") == "failed"; }, 20s));
  CHECK_FALSE(ImageOf(orchestrator, 6501).at("error").get<std::string>().empty());
  const Answer refused =
      orchestrator.Call("POST", "/v1/sites/6501/image", Dockerfile("echo while away"));
  CHECK(refused.status == 202);
  CHECK(Eventually(
      [&] {
        return ImageOf(orchestrator, 6501)
            .at("error")
            .get<std::string>()
            .contains("does not answer");
      },
      20s));
  TerminalClient away(orchestrator, 6501);
  REQUIRE(away.open());
  CHECK(away.End().at("reason").get<std::string>().contains("does not answer"));

  Engine::Start();
  const Answer waited = orchestrator.Call("PATCH", "/v1/sites/6501?wait=running&timeout=90s", "{}");
  // Or it says what it still counts: a swarm may believe in the task before for a while, which went
  // with the engine.
  const std::string reason = waited.Header("X-Waiting-For");
  INFO(reason);
  CHECK((waited.Header("X-Reached") == "running" || reason.contains("still to stop")));
  INFO(followed.Output());
  CHECK(Eventually([&] { return followed.Output().contains("new-flavour"); }, 60s));
  TerminalClient again(orchestrator, 6501);
  again.Type("echo $FLAVOUR\n");
  CHECK(again.Sees("new-flavour"));
  REQUIRE(orchestrator.Call("POST", "/v1/sites/6501/image", Dockerfile("echo again")).status ==
          202);
  CHECK(Eventually([&] { return ImageOf(orchestrator, 6501).at("state") == "built"; }, 60s));
  // The container of the step that the engine interrupted.
  CHECK(Eventually(
      [] {
        return !Engine::Docker({"ps", "-a", "--no-trunc", "--format", "{{.Command}}"})
                    .output.contains("sleep 600");
      },
      30s, 200ms));
}

TEST_CASE("an update that the engine's end interrupts is completed, without another order") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  const auto site = [](const std::string& flavour) {
    json value{{"hosts", {"update.test"}}, {"run", "#!/bin/sh\nsleep 10; exec httpd -f -p 80\n"}};
    value["environment"] = {{"FLAVOUR", flavour}};
    value["readiness"] = {{"timeout", "20s"}};
    return value.dump();
  };
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/6511?wait=running&timeout=60s", site("old"))
              .Header("X-Reached") == "running");
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/6511", site("new")).status == 200);
  const auto deployment = [&] {
    return json::parse(orchestrator.Call("GET", "/v1/sites/6511/status").body).at("deployment");
  };
  REQUIRE(Eventually([&] { return deployment().at("update") == "updating"; }));
  Engine::Stop();
  Engine::Start();
  CHECK(Eventually(
      [&] {
        const std::string containers =
            Engine::Docker(
                {"ps", "-q", "--filter", "label=com.docker.swarm.service.name=site_6511"})
                .output;
        const std::string id = containers.substr(0, containers.find('\n'));
        return !id.empty() && id.size() == containers.size() - 1 &&
               Engine::Docker({"inspect", "-f", "{{.Config.Env}}", id}).output.contains("=new");
      },
      120s, 500ms));
}

}  // namespace
}  // namespace tests
