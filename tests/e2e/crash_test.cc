// The process is killed between any two steps of a create, a switch and a removal, and started
// again.
#include <sstream>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/swarm_system.h"

namespace tests {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> CrashPoints() {
  std::istringstream names(RunProgram({OrchestratorProgram(), "crash-points"}).output);
  std::vector<std::string> points;
  // Those of migrations are in migration_test.
  for (std::string name; names >> name;) {
    if (!name.starts_with("migration-") && !name.starts_with("batch-")) points.push_back(name);
  }
  return points;
}

// Starts with a crash point, does the work, and starts again without one, whether it crashed or
// not.
template <typename Work>
void WithCrash(SwarmSystem& system, const std::string& point, Work&& work) {
  system.orchestrator().Start({{"ORCHESTRATOR_CRASH_POINT", point}});
  work();
  system.orchestrator().WaitForEnd(1500ms);
  if (system.orchestrator().IsRunning()) system.orchestrator().Kill();
  system.orchestrator().Start();
}

TEST_CASE("a kill at any step of a create, a switch or a removal is made up for") {
  SwarmSystem system("labels");
  system.orchestrator().Start();
  system.StartTraefik();
  system.orchestrator().Kill();

  const std::vector<std::string> points = CrashPoints();
  REQUIRE(points.size() >= 10);
  int id = 6100;
  for (const std::string& point : points) {
    ++id;
    INFO(point);
    const std::string host = fmt::format("crash{}.test", id);
    const std::string path = fmt::format("/v1/sites/{}", id);
    const std::string service = fmt::format("site_{}", id);

    // A site that was accepted, or whose answer was lost, exists afterwards or can be made again.
    WithCrash(system, point, [&] {
      system.orchestrator().Call("PUT", path, SwarmSystem::DynamicSite(id, host, "text"));
    });
    if (system.orchestrator().Call("GET", path).status != 200) {
      CHECK(point == "document-published");  // it died at the first document, before the request
      REQUIRE(system.orchestrator()
                  .Call("PUT", path, SwarmSystem::DynamicSite(id, host, "text"))
                  .status == 201);
    }
    REQUIRE(system.Answers(host, "text"));
    const std::string tasks = Engine::TaskIds(service);
    system.orchestrator().Kill();

    for (const char* mode : {"provider", "labels"}) {
      INFO(mode);
      WithCrash(system, point, [&] {
        system.orchestrator().Call("PATCH", path,
                                   fmt::format(R"({{"routing":{{"mode":"{}"}}}})", mode));
        system.ReachesPhase(id, mode, 3s);
      });
      REQUIRE(system.orchestrator()
                  .Call("PATCH", path, fmt::format(R"({{"routing":{{"mode":"{}"}}}})", mode))
                  .status == 200);
      REQUIRE(system.ReachesPhase(id, mode));
      CHECK(system.VisitHost(host).status == 200);
      system.orchestrator().Kill();
    }
    CHECK(Engine::TaskIds(service) == tasks);

    WithCrash(system, point, [&] { system.orchestrator().Call("DELETE", path); });
    const int removed = system.orchestrator().Call("DELETE", path).status;
    CHECK((removed == 404 || removed == 202));
    CHECK(Eventually([&] { return !Engine::HasService(service); }, 40s));
    CHECK(Eventually(
        [&] { return system.orchestrator().Call("GET", path + "/status").status == 404; }, 40s));
    system.orchestrator().Kill();
  }
}

}  // namespace
}  // namespace tests
