// Fleets move between labels and the provider, on a real swarm behind real Traefiks, under load and
// through crashes, without a failed request.
//
// TEST_FLEET: the number of running sites of the first case (200 in full). TEST_ALL_CRASHES: every
// crash point in both directions.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>
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

std::size_t FleetSize() {
  const char* const size = std::getenv("TEST_FLEET");
  return size ? std::strtoul(size, nullptr, 10) : 40;
}

// Static sites behind one or two Traefiks, all in label mode and answering.
class Fleet {
 public:
  Fleet(int first_id, std::size_t count, std::size_t traefiks)
      : system("labels", {}, 1, traefiks), first_id_(first_id) {
    system.Start();
    json sites = json::array();
    for (std::size_t i = 0; i < count; ++i) {
      const int id = first_id + static_cast<int>(i);
      const auto folder = system.orchestrator().sites() / fmt::format("{:02}", id / 100) /
                          fmt::format("{:02}", id % 100) / "public";
      std::filesystem::create_directories(folder);
      std::ofstream(folder / "index.html") << "text of " << id;
      hosts.push_back(fmt::format("site{}.test", id));
      sites.push_back({{"id", id}, {"kind", "static"}, {"hosts", {hosts.back()}}});
    }
    const Answer made =
        system.orchestrator().Call("POST", "/v1/sites/batch", json{{"upsert", sites}}.dump());
    REQUIRE(made.status == 200);
  }

  bool AllAnswer(std::size_t traefik = 0) {
    provider::http::Client client;
    return Eventually(
        [&] {
          for (const std::string& host : hosts) {
            if (VisitSite(client, system.traefik_url(traefik), host).status != 200) return false;
          }
          return true;
        },
        300s, 500ms);
  }

  // The containers of its sites.
  std::set<std::string> Containers() const {
    std::set<std::string> own;
    std::istringstream all(Engine::Docker({"ps", "--format", "{{.Names}} {{.ID}}"}).output);
    for (std::string line; std::getline(all, line);) {
      for (std::size_t i = 0; i < hosts.size(); ++i) {
        if (line.starts_with(fmt::format("site_{}.", first_id_ + static_cast<int>(i)))) {
          own.insert(line);
        }
      }
    }
    return own;
  }

  std::size_t CountIn(const char* phase) {
    return json::parse(system.orchestrator().Call("GET", "/v1/routing").body)
        .at("phases")
        .at(phase)
        .get<std::size_t>();
  }

  json Order(json order) {
    const Answer answer =
        system.orchestrator().Call("POST", "/v1/routing/migrations", order.dump());
    INFO(answer.body);
    REQUIRE(answer.status == 202);
    return json::parse(answer.body);
  }
  json Newest() {
    const json list = json::parse(system.orchestrator().Call("GET", "/v1/routing/migrations").body)
                          .at("migrations");
    return list.empty() ? json() : list.front();
  }
  bool Becomes(const char* state, std::chrono::milliseconds limit = 120s) {
    return Eventually([&] { return Newest().at("state") == state; }, limit, 50ms);
  }

  void Move(const char* to) {
    const auto begin = std::chrono::steady_clock::now();
    const Finished moved = system.orchestrator().Command(
        {"routing", "mode", to, "--timeout", "300s", "--batch", "50"});
    INFO(moved.output);
    REQUIRE(moved.status == 0);
    CHECK(CountIn(to) == hosts.size());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << fmt::format("{} sites moved to {} in {:.1f} s\n", hosts.size(), to, took.count());
  }

  SwarmSystem system;
  std::vector<std::string> hosts;

 private:
  const int first_id_;
};

// Waits until every host was visited some times more.
void Pass(const Load& load, std::size_t visits) {
  const std::size_t mark = load.sent();
  REQUIRE(Eventually([&] { return load.sent() > mark + visits; }, 120s));
}

TEST_CASE("a fleet moves to the provider and back under load, on one Traefik and on two") {
  Fleet fleet(7001, FleetSize(), 2);
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
  Fleet fleet(7301, 5, 1);
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
  Fleet fleet(7401, 8, 2);
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
