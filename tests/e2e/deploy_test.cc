// What sites and their visitors see of deployments, on a real swarm behind a real Traefik.
#include <filesystem>
#include <fstream>
#include <future>

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

std::string WithRun(int id, const std::string& host, const std::string& run) {
  return json{{"id", id}, {"kind", "dynamic"}, {"hosts", {host}}, {"run", run}}.dump();
}

json Deployment(SwarmSystem& system, int id) {
  const Answer answer = system.orchestrator().Call("GET", fmt::format("/v1/sites/{}/status", id));
  return json::parse(answer.body).at("deployment");
}

TEST_CASE("visitors of a site that cannot answer get a page with status 503") {
  SwarmSystem system("provider");
  system.Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6101", SwarmSystem::DynamicSite(6101, "page.test", "here"))
              .status == 201);
  REQUIRE(system.Answers("page.test", "here"));

  const auto shows = [&](const std::string& text) {
    return Eventually(
        [&] {
          const Visit visit = system.VisitHost("page.test");
          return visit.status == 503 && visit.body.contains(text);
        },
        30s, 50ms);
  };
  REQUIRE(system.orchestrator()
              .Call("PATCH", "/v1/sites/6101?wait=routed", R"({"served": false})")
              .status == 200);
  CHECK(shows("switched off"));

  // A program that ends at once.
  REQUIRE(system.orchestrator()
              .Call("PATCH", "/v1/sites/6101",
                    json{{"served", true}, {"run", "#!/bin/sh\necho dying\nexit 3\n"}}.dump())
              .status == 200);
  CHECK(shows("does not answer"));
  CHECK(Eventually(
      [&] {
        const json deployment = Deployment(system, 6101);
        return deployment.at("state") != "running" &&
               deployment.at("output").get<std::string>().contains("dying");
      },
      30s, 200ms));

  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6101", SwarmSystem::DynamicSite(6101, "page.test", "again"))
              .status == 200);
  CHECK(system.Answers("page.test", "again"));
}

TEST_CASE("an update and a restart of a served site leave no gap") {
  SwarmSystem system("provider");
  system.Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6111?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6111, "gap.test", "one"))
              .Header("X-Reached") == "running");
  REQUIRE(system.Answers("gap.test", "one"));
  const std::string tasks = Engine::TaskIds("site_6111");

  Load load(system.traefik_url(), {"gap.test"});
  REQUIRE(Eventually([&] { return load.sent() > 50; }));
  const Answer updated =
      system.orchestrator().Call("PUT", "/v1/sites/6111?wait=running&timeout=90s",
                                 SwarmSystem::DynamicSite(6111, "gap.test", "two"));
  CHECK(updated.Header("X-Reached") == "running");
  CHECK(system.VisitHost("gap.test").body.contains("two"));
  const std::string updated_tasks = Engine::TaskIds("site_6111");
  CHECK(updated_tasks != tasks);
  const Answer restarted =
      system.orchestrator().Call("POST", "/v1/sites/6111/restart?wait=running&timeout=90s", "{}");
  CHECK(restarted.Header("X-Reached") == "running");
  CHECK(Engine::TaskIds("site_6111") != updated_tasks);
  const Load::Result result = load.Stop();
  INFO(result.first_failure);
  CHECK(result.failed == 0);
  CHECK(result.sent > 500);
}

std::string SlowSite(int id, const std::string& host, const std::string& text, int seconds = 3) {
  json site = json::parse(SwarmSystem::DynamicSite(id, host, text));
  std::string run = site.at("run");
  site["run"] = run.insert(run.find('\n') + 1, fmt::format("sleep {}\n", seconds));
  site["readiness"] = {{"timeout", "20s"}};
  return site.dump();
}

TEST_CASE("a site that needs seconds to listen has no gap when it asks for readiness") {
  SwarmSystem system("provider");
  system.Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6161?wait=running&timeout=60s",
                    SlowSite(6161, "slow.test", "one"))
              .Header("X-Reached") == "running");
  REQUIRE(system.Answers("slow.test", "one"));

  SECTION("an update and a restart") {
    Load load(system.traefik_url(), {"slow.test"});
    REQUIRE(Eventually([&] { return load.sent() > 50; }));
    CHECK(system.orchestrator()
              .Call("PUT", "/v1/sites/6161?wait=running&timeout=90s",
                    SlowSite(6161, "slow.test", "two"))
              .Header("X-Reached") == "running");
    CHECK(system.VisitHost("slow.test").body.contains("two"));
    CHECK(system.orchestrator()
              .Call("POST", "/v1/sites/6161/restart?wait=running&timeout=90s", "{}")
              .Header("X-Reached") == "running");
    const Load::Result result = load.Stop();
    INFO(result.first_failure);
    CHECK(result.failed == 0);
    CHECK(result.sent > 500);
  }
  SECTION("one that never listens is taken back, and the one before goes on") {
    json site = json::parse(WithRun(6161, "slow.test", "#!/bin/sh\nexec sleep 600\n"));
    site["readiness"] = {{"timeout", "2s"}};
    const Answer refused =
        system.orchestrator().Call("PUT", "/v1/sites/6161?wait=running&timeout=90s", site.dump());
    INFO(refused.body);
    CHECK(refused.status == 424);
    CHECK(refused.body.contains("unhealthy"));
    CHECK(system.VisitHost("slow.test").body.contains("one"));
  }
}

TEST_CASE("a deployment that the swarm takes back says why, with the last output, once") {
  SwarmSystem system("provider");
  system.orchestrator().Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6121?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6121, "back.test", "good"))
              .Header("X-Reached") == "running");
  const std::string broken =
      WithRun(6121, "back.test", "#!/bin/sh\necho 'config.py: no such key' >&2\nexit 4\n");
  const Answer refused =
      system.orchestrator().Call("PUT", "/v1/sites/6121?wait=running&timeout=90s", broken);
  CHECK(refused.status == 424);
  INFO(refused.body);
  CHECK(refused.body.contains("went back to the deployment before"));
  CHECK(refused.body.contains("no such key"));
  CHECK(Deployment(system, 6121).at("state") == "rolled back");

  // It is not tried again, not even by another process; the next wish is.
  const std::string tasks = Engine::TaskIds("site_6121");
  system.orchestrator().Kill();
  system.orchestrator().Start();
  CHECK(Eventually([&] { return Deployment(system, 6121).at("state") == "rolled back"; }, 20s));
  CHECK(Engine::TaskIds("site_6121") == tasks);
  CHECK(system.orchestrator()
            .Call("PUT", "/v1/sites/6121?wait=running&timeout=90s",
                  SwarmSystem::DynamicSite(6121, "back.test", "better"))
            .Header("X-Reached") == "running");
}

TEST_CASE("a site whose old task has ended already runs its old run file after a rollback") {
  SwarmSystem system("provider");
  system.Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6191?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6191, "old.test", "good"))
              .Header("X-Reached") == "running");
  REQUIRE(system.Answers("old.test", "good"));
  const std::string tasks = Engine::TaskIds("site_6191");
  // For so long that the swarm ends the old task, and not long enough to pass for good.
  const std::string broken = WithRun(6191, "old.test", "#!/bin/sh\nsleep 2\nexit 4\n");
  const Answer refused =
      system.orchestrator().Call("PUT", "/v1/sites/6191?wait=running&timeout=90s", broken);
  INFO(refused.body);
  CHECK(refused.status == 424);
  CHECK(Engine::TaskIds("site_6191") != tasks);
  CHECK(system.Answers("old.test", "good"));
}

TEST_CASE("a deployment in progress survives a restart of the program") {
  SwarmSystem system("provider");
  system.Start();
  REQUIRE(
      system.orchestrator()
          .Call("PUT", "/v1/sites/6131?wait=running&timeout=60s", SlowSite(6131, "on.test", "one"))
          .Header("X-Reached") == "running");
  const std::string tasks = Engine::TaskIds("site_6131");
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6131", SlowSite(6131, "on.test", "two", 10))
              .status == 200);
  bool is_in_progress = true;
  SECTION("before the swarm has it") { is_in_progress = false; }
  SECTION("while the swarm replaces the task") {}
  REQUIRE(Eventually(
      [&] { return !is_in_progress || Deployment(system, 6131).at("update") == "updating"; }));
  system.orchestrator().Kill();
  system.orchestrator().Start();
  CHECK(Deployment(system, 6131).at("state") == "pending");
  CHECK(Eventually([&] { return Deployment(system, 6131).at("state") == "running"; }, 90s, 200ms));
  CHECK(system.Answers("on.test", "two"));
  CHECK(Engine::TaskIds("site_6131") != tasks);
  CHECK(Deployment(system, 6131).at("drift") == "");
}

TEST_CASE("a deployment that cannot start says what it waits for") {
  SwarmSystem system("provider");
  system.orchestrator().Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6141?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6141, "wait.test", "one"))
              .Header("X-Reached") == "running");
  SECTION("no node that fits") {
    REQUIRE(Engine::Docker({"service", "update", "-q", "--detach", "--constraint-add",
                            "node.labels.never==true", "site_6141"})
                .status == 0);
    CHECK(Eventually(
        [&] {
          return Deployment(system, 6141)
              .at("reason")
              .get<std::string>()
              .contains("no suitable node");
        },
        30s, 200ms));
  }
  SECTION("a directory that was removed by hand, without an order") {
    std::filesystem::remove_all(system.orchestrator().sites() / "61" / "41");
    const std::string container =
        Engine::Docker({"ps", "-q", "--filter", "label=com.docker.swarm.service.name=site_6141"})
            .output;
    REQUIRE(Engine::Docker({"kill", container.substr(0, container.find('\n'))}).status == 0);
    CHECK(Eventually(
        [&] {
          return Deployment(system, 6141)
              .at("reason")
              .get<std::string>()
              .contains("bind source path does not exist");
        },
        30s, 100ms));
    CHECK(
        Eventually([&] { return Deployment(system, 6141).at("state") == "running"; }, 90s, 200ms));
  }
  SECTION("a directory that was removed by hand comes back with the next order") {
    std::filesystem::remove_all(system.orchestrator().sites() / "61" / "41");
    CHECK(system.orchestrator()
              .Call("POST", "/v1/sites/6141/restart?wait=running&timeout=90s", "{}")
              .Header("X-Reached") == "running");
    CHECK(std::filesystem::is_directory(system.orchestrator().sites() / "61" / "41" / "public"));
  }
}

TEST_CASE("what others do to a service is seen at once, said and undone") {
  SwarmSystem system("provider");
  system.orchestrator().Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6151?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6151, "drift.test", "one"))
              .Header("X-Reached") == "running");
  SECTION("removed") {
    REQUIRE(Engine::Docker({"service", "rm", "site_6151"}).status == 0);
    CHECK(Eventually([] { return Engine::HasService("site_6151"); }, 5s));
  }
  SECTION("changed, and what is theirs stays") {
    REQUIRE(Engine::Docker({"service", "update", "-q", "--detach", "--replicas", "0", "--label-add",
                            "theirs=1", "--mount-add", "type=volume,source=theirs,target=/theirs",
                            "site_6151"})
                .status == 0);
    CHECK(Eventually(
        [] {
          return Engine::Docker({"service", "inspect", "-f", "{{.Spec.Mode.Replicated.Replicas}}",
                                 "site_6151"})
              .output.starts_with("1");
        },
        5s));
    CHECK(Engine::ServiceLabels("site_6151").contains(R"("theirs":"1")"));
    CHECK(Engine::Docker({"service", "inspect", "-f", "{{json .Spec.TaskTemplate}}", "site_6151"})
              .output.contains("/theirs"));
  }
  CHECK(Deployment(system, 6151).at("drift") != "");
}

TEST_CASE("what others change while the program is down stays where that is wanted, and is said") {
  SwarmSystem system("provider");
  system.Configure("docker: {", "docker: {drift: report, ");
  system.orchestrator().Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6201?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(6201, "away.test", "one"))
              .Header("X-Reached") == "running");
  system.orchestrator().Kill();
  REQUIRE(
      Engine::Docker({"service", "update", "-q", "--detach", "--env-add", "THEIRS=1", "site_6201"})
          .status == 0);
  system.orchestrator().Start();
  CHECK(Eventually(
      [&] {
        return Deployment(system, 6201).at("drift").get<std::string>().contains("environment");
      },
      20s));
  CHECK(Engine::Docker({"service", "inspect", "-f", "{{json .Spec.TaskTemplate}}", "site_6201"})
            .output.contains("THEIRS=1"));

  REQUIRE(Engine::Docker({"service", "rm", "site_6201"}).status == 0);
  CHECK(Eventually(
      [&] {
        const json deployment = Deployment(system, 6201);
        return deployment.at("state") == "pending" &&
               deployment.at("reason").get<std::string>().contains("removed by somebody else");
      },
      20s));
  CHECK(system.orchestrator()
            .Call("POST", "/v1/sites/6201/restart?wait=running&timeout=60s", "{}")
            .Header("X-Reached") == "running");
}

TEST_CASE("who waits for a change that another one replaced is told so, and never that it runs") {
  SwarmSystem system("provider");
  system.orchestrator().Start();
  json broken = json::parse(SwarmSystem::DynamicSite(6171, "later.test", "never"));
  broken["image"] = "no-such-image:1";
  std::future<Answer> first = std::async(std::launch::async, [&] {
    return system.orchestrator().Call("PUT", "/v1/sites/6171?wait=running&timeout=120s",
                                      broken.dump());
  });
  REQUIRE(Eventually(
      [&] { return system.orchestrator().Call("GET", "/v1/sites/6171").status == 200; }));
  CHECK(system.orchestrator()
            .Call("PUT", "/v1/sites/6171?wait=running&timeout=90s",
                  SwarmSystem::DynamicSite(6171, "later.test", "good"))
            .Header("X-Reached") == "running");
  const Answer answer = first.get();
  CHECK(answer.status == 202);
  CHECK(answer.Header("X-Waiting-For").contains("a later change took its place"));
}

TEST_CASE("labels that change while tasks are replaced leave no gap") {
  SwarmSystem system("labels");
  system.Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6181?wait=running&timeout=60s",
                    SlowSite(6181, "both.test", "one"))
              .Header("X-Reached") == "running");
  REQUIRE(system.Answers("both.test", "one"));
  Load load(system.traefik_url(), {"both.test"});
  REQUIRE(Eventually([&] { return load.sent() > 50; }));
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/6181", SlowSite(6181, "both.test", "two"))
              .status == 200);
  REQUIRE(Eventually([&] { return Deployment(system, 6181).at("update") == "updating"; }, 20s));
  REQUIRE(system.orchestrator()
              .Call("PATCH", "/v1/sites/6181", R"({"hosts": ["both.test", "more.test"]})")
              .status == 200);
  CHECK(system.Answers("more.test", "two"));
  const Load::Result result = load.Stop();
  INFO(result.first_failure);
  CHECK(result.failed == 0);
}

}  // namespace
}  // namespace tests
