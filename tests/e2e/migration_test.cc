// Fleets move between labels and the provider, on a real swarm behind real Traefiks, under load and
// through crashes, without a failed request.
//
// TEST_FLEET: the number of running sites of the first case (200 in full). TEST_CARRIERS: that of
// services without tasks (2,000 in full). TEST_ALL_CRASHES: every crash point in both directions.
#include <cstdlib>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/fleet.h"
#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/swarm_system.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::size_t Size(const char* variable, std::size_t usual) {
  const char* const size = std::getenv(variable);
  return size ? std::strtoul(size, nullptr, 10) : usual;
}

TEST_CASE("a fleet moves to the provider and back under load, on one Traefik and on two") {
  Fleet fleet(7001, Size("TEST_FLEET", 40), {.traefiks = 2});
  REQUIRE(fleet.system.orchestrator().Command({"routing", "instances", "--gone", "edge2"}).status ==
          0);
  REQUIRE(fleet.AllAnswer());
  const std::set<std::string> containers = fleet.Containers();
  for (const std::size_t traefiks : {1, 2}) {
    INFO(traefiks << " Traefiks");
    std::vector<std::unique_ptr<Load>> loads;
    for (std::size_t i = 0; i < traefiks; ++i) {
      if (i > 0) {
        fleet.system.StartTraefik(i);
        REQUIRE(fleet.AllAnswer(i));
      }
      loads.push_back(std::make_unique<Load>(fleet.system.traefik_url(i), fleet.hosts));
    }
    for (const auto& load : loads) Pass(*load, 50);
    fleet.Move("provider");
    // The swarm provider has dropped the labels by then.
    for (const auto& load : loads) Pass(*load, 4 * fleet.hosts.size());
    fleet.Move("labels");
    for (const auto& load : loads) Pass(*load, 4 * fleet.hosts.size());
    for (const auto& load : loads) {
      const Load::Result result = load->Stop();
      INFO(result.first_failure);
      CHECK(result.failed == 0);
    }
  }
  CHECK(fleet.Containers() == containers);
}

TEST_CASE("services without a task carry the routes of external sites there and back under load") {
  const Upstream upstream("shared upstream", Engine::HostAddress());
  Fleet fleet(70001, Size("TEST_CARRIERS", 300), {.upstream = upstream.url()});
  REQUIRE(fleet.AllAnswer());
  Load load(fleet.system.traefik_url(), fleet.hosts, fleet.texts);
  Pass(load, 50);
  for (const char* const to : {"labels", "provider", "labels"}) {
    fleet.Move(to);
    Pass(load, 4 * fleet.hosts.size());
  }
  CHECK(Engine::Docker(
            {"service", "inspect", "-f", "{{.Spec.Mode.Replicated.Replicas}}", "site_70001"})
            .output.starts_with("0"));
  const Load::Result result = load.Stop();
  INFO(result.first_failure << result.first_wrong);
  CHECK(result.failed == 0);
  CHECK(result.wrong == 0);
}

TEST_CASE("sites with TLS and middlewares of their own move under load, and are tried over TLS") {
  Fleet fleet(7801, 4, {.tls = true});
  REQUIRE(fleet.AllAnswer());
  Load load(fleet.url(), fleet.hosts, fleet.texts);
  for (const char* const to : {"provider", "labels"}) {
    Pass(load, 20);
    // Each is asked by its check router: had Traefik not answered by that as to visitors, it would
    // stay on its way.
    fleet.Move(to);
    Pass(load, 4 * fleet.hosts.size());
  }
  const Load::Result result = load.Stop();
  INFO(result.first_failure << result.first_wrong);
  CHECK(result.failed == 0);
  CHECK(result.wrong == 0);
}

TEST_CASE("a site in label mode that becomes external loses no request") {
  Fleet fleet(7821, 2);
  REQUIRE(fleet.AllAnswer());
  const Upstream upstream("elsewhere", Engine::HostAddress());
  Load load(fleet.url(), fleet.hosts);
  Pass(load, 20);
  json site{{"kind", "external"}, {"upstreams", {upstream.url()}}};
  OrchestratorProcess& orchestrator = fleet.system.orchestrator();
  REQUIRE(orchestrator.Call("PATCH", "/v1/sites/7821", site.dump()).status == 200);
  site["routing"] = {{"mode", "labels"}};
  REQUIRE(orchestrator.Call("PATCH", "/v1/sites/7822", site.dump()).status == 200);
  CHECK(Eventually([] { return !Engine::HasService("site_7821"); }, 40s, 100ms));
  CHECK(fleet.system.ReachesPhase(7822, "labels"));
  CHECK(Engine::TaskIds("site_7822").empty());
  for (const std::string& host : fleet.hosts) CHECK(fleet.system.Answers(host, "elsewhere"));
  Pass(load, 20);
  const Load::Result result = load.Stop();
  INFO(result.first_failure);
  CHECK(result.failed == 0);
}

std::vector<std::string> CrashPoints() {
  std::istringstream names(RunProgram({OrchestratorProgram(), "crash-points"}).output);
  std::vector<std::string> points;
  for (std::string name; names >> name;) {
    const bool is_of_sites = name.starts_with("site-") || name.starts_with("directory-") ||
                             name == "service-created" || name == "service-removed";
    if (!is_of_sites) points.push_back(name);
  }
  return points;
}

// What the swarm has of a site's labels when nothing is under way.
std::string SettledLabels(const std::string& service) {
  std::string labels;
  Eventually(
      [&] {
        labels = Engine::ServiceLabels(service);
        return !labels.contains("marker") && !labels.contains("-check");
      },
      20s, 100ms);
  return labels;
}

TEST_CASE("a kill at any step of a migration, or of its way back, is made up for") {
  Fleet fleet(7301, 5);
  OrchestratorProcess& orchestrator = fleet.system.orchestrator();
  REQUIRE(fleet.AllAnswer());
  const std::set<std::string> containers = fleet.Containers();
  const std::string as_labels = SettledLabels("site_7301");
  fleet.Move("provider");
  const std::string in_document = SettledLabels("site_7301");
  const bool all = std::getenv("TEST_ALL_CRASHES") != nullptr;
  Load load(fleet.system.traefik_url(), fleet.hosts);

  bool to_labels = true;
  for (const std::string& point : CrashPoints()) {
    for (int direction = 0; direction < (all ? 2 : 1); ++direction) {
      const char* const to = to_labels ? "labels" : "provider";
      const std::string order = fmt::format(R"({{"to": "{}", "batch": 2, "canary": 2}})", to);
      INFO(point << " on the way to " << to);
      orchestrator.Kill();
      orchestrator.Start({{"ORCHESTRATOR_CRASH_POINT", point}});
      orchestrator.Call("POST", "/v1/routing/migrations", order);
      if (point == "batch-returning") {
        Eventually([&] { return fleet.Newest().at("state") == "finished"; }, 60s, 50ms);
        const std::string id = fleet.Newest().at("id").dump();
        orchestrator.Call("POST", "/v1/routing/migrations/" + id + "/rollback", "{}");
      }
      CHECK(orchestrator.WaitForEnd(60s));
      if (orchestrator.IsRunning()) orchestrator.Kill();
      orchestrator.Start();
      if (fleet.Newest().is_null() || fleet.Newest().at("to") != to) {
        CHECK(point == "document-published");  // it died before the order
        REQUIRE(orchestrator.Call("POST", "/v1/routing/migrations", order).status == 202);
      }
      const bool goes_back = point == "batch-returning";
      REQUIRE(fleet.Becomes(goes_back ? "rolled-back" : "finished"));
      if (!goes_back) to_labels = !to_labels;
      const bool by_labels = !to_labels;
      CHECK(fleet.CountIn(by_labels ? "labels" : "provider") == fleet.hosts.size());
      CHECK(SettledLabels("site_7301") == (by_labels ? as_labels : in_document));
      Pass(load, 2 * fleet.hosts.size());
    }
  }
  const Load::Result result = load.Stop();
  INFO(result.first_failure);
  CHECK(result.failed == 0);
  CHECK(fleet.Containers() == containers);
}

TEST_CASE("a migration waits for a Traefik that goes, and goes on when it is back") {
  Fleet fleet(7401, 8, {.traefiks = 2});
  fleet.system.StartTraefik(1);
  REQUIRE(fleet.AllAnswer(0));
  REQUIRE(fleet.AllAnswer(1));
  Load load(fleet.system.traefik_url(), fleet.hosts);
  const std::string id =
      fleet.Order({{"to", "provider"}, {"batch", 2}, {"canary", 2}, {"pause", "1s"}})
          .at("id")
          .dump();
  const auto command = [&](const std::string& what) {
    return fleet.system.orchestrator().Command({"routing", "migrations", what, id}).status;
  };
  REQUIRE(Eventually([&] { return fleet.CountIn("provider") >= 2; }, 60s, 50ms));
  REQUIRE(command("pause") == 0);
  REQUIRE(Engine::Docker({"stop", "-t", "1", "orchestrator-tests-traefik-edge2"}).status == 0);
  REQUIRE(command("resume") == 0);
  REQUIRE(fleet.Becomes("paused"));
  CHECK(fleet.Newest().at("reason").get<std::string>().contains("edge2"));
  CHECK(fleet.CountIn("provider") < 8);
  REQUIRE(Engine::Docker({"start", "orchestrator-tests-traefik-edge2"}).status == 0);
  REQUIRE(fleet.Becomes("finished"));
  CHECK(fleet.CountIn("provider") == 8);
  CHECK(fleet.AllAnswer(1));

  REQUIRE(command("rollback") == 0);
  REQUIRE(fleet.Becomes("rolled-back"));
  CHECK(fleet.CountIn("labels") == 8);
  Pass(load, 4 * fleet.hosts.size());
  const Load::Result result = load.Stop();
  INFO(result.first_failure);
  CHECK(result.failed == 0);
}

TEST_CASE("labels that stand by route sites through a Traefik that cannot get the document") {
  SwarmSystem system("provider");
  system.Configure("default_mode: provider", "default_mode: provider, labels: standby");
  system.Start();
  REQUIRE(system.orchestrator()
              .Call("PUT", "/v1/sites/7501?wait=running&timeout=60s",
                    SwarmSystem::DynamicSite(7501, "standby.test", "standby text"))
              .status == 201);
  REQUIRE(system.Answers("standby.test", "standby text"));
  CHECK(system.PhaseOf(7501) == "provider");
  REQUIRE(Eventually([] { return Engine::ServiceLabels("site_7501").contains("Host("); }, 20s));
  const std::string tasks = Engine::TaskIds("site_7501");
  system.orchestrator().Kill();
  system.traefik().Restart();
  CHECK(system.Answers("standby.test", "standby text"));
  CHECK(Engine::TaskIds("site_7501") == tasks);
}

}  // namespace
}  // namespace tests
