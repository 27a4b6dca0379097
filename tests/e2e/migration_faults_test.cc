// Parts of the system fail in the middle of a migration: it may wait, and no visitor gets to a
// wrong place.
#include <filesystem>
#include <memory>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "orchestrator/store/sqlite_database.h"
#include "tests/e2e/fleet.h"
#include "tests/support/engine.h"
#include "tests/support/eventually.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// A migration of eight sites, of which some are over and some are not.
class HalfWay {
 public:
  explicit HalfWay(int first_id, std::size_t traefiks = 1, const char* pause = "1ms")
      : fleet(first_id, 8, {.traefiks = traefiks}) {
    for (std::size_t i = 1; i < traefiks; ++i) fleet.system.StartTraefik(i);
    for (std::size_t i = 0; i < traefiks; ++i) REQUIRE(fleet.AllAnswer(i));
    load = std::make_unique<Load>(fleet.system.traefik_url(), fleet.hosts, fleet.texts);
    fleet.Order({{"to", "provider"}, {"batch", 1}, {"canary", 1}, {"pause", pause}});
    REQUIRE(Eventually([&] { return fleet.CountIn("provider") >= 2; }, 60s, 20ms));
    CHECK(fleet.CountIn("provider") < 8);
  }

  void EndsWithoutAFailure() {
    REQUIRE(fleet.Becomes("finished"));
    CHECK(fleet.CountIn("provider") == 8);
    Pass(*load, 4 * fleet.hosts.size());
    const Load::Result result = load->Stop();
    INFO(result.first_failure << result.first_wrong);
    CHECK(result.failed == 0);
    CHECK(result.wrong == 0);
  }

  Fleet fleet;
  std::unique_ptr<Load> load;
};

// Keeps visitors coming for so long.
void PassFor(const Load& load, std::chrono::seconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) Pass(load, 10);
}

TEST_CASE("a database that another holds for longer than anybody waits delays a migration") {
  HalfWay half(7601);
  OrchestratorProcess& orchestrator = half.fleet.system.orchestrator();
  {
    orchestrator::store::SqliteDatabase other(orchestrator.state() / "orchestrator.db");
    other.Execute("BEGIN IMMEDIATE");
    const json before = half.fleet.Newest();
    PassFor(*half.load, 8s);
    CHECK(half.fleet.Newest().at("state") != "finished");
    CHECK(orchestrator.IsRunning());
    other.Execute("ROLLBACK");
  }
  half.EndsWithoutAFailure();
}

TEST_CASE("an endpoint that is away for ten seconds delays a migration") {
  HalfWay half(7621);
  half.fleet.system.orchestrator().Kill();
  PassFor(*half.load, 10s);
  half.fleet.system.orchestrator().Start();
  half.EndsWithoutAFailure();
}

TEST_CASE("a Traefik that is restarted delays a migration, the other one serves on") {
  HalfWay half(7641, 2);
  Load other(half.fleet.system.traefik_url(1), half.fleet.hosts, half.fleet.texts);
  half.fleet.system.traefik(1).Restart();
  half.EndsWithoutAFailure();
  CHECK(half.fleet.AllAnswer(1));
  // Who is restarted does not answer for a moment, but never with another site.
  CHECK(other.Stop().wrong == 0);
}

TEST_CASE("an engine that is restarted delays a migration") {
  HalfWay half(7661, 1, "3s");
  Engine::Stop();
  CHECK(half.fleet.CountIn("provider") < 8);
  Engine::Start();
  REQUIRE(Engine::Docker({"start", "orchestrator-tests-traefik-edge"}).status == 0);
  REQUIRE(half.fleet.AllAnswer());
  REQUIRE(half.fleet.Becomes("finished", 240s));
  CHECK(half.fleet.CountIn("provider") == 8);
  CHECK(half.fleet.AllAnswer());
  CHECK(half.load->Stop().wrong == 0);
}

TEST_CASE("a first batch that answers worse than before goes back, and no other is begun") {
  Fleet fleet(7681, 8);
  REQUIRE(fleet.AllAnswer());
  const std::vector<std::string> others(fleet.hosts.begin() + 2, fleet.hosts.end());
  Load load(fleet.system.traefik_url(), others);
  fleet.Order({{"to", "provider"}, {"batch", 2}, {"canary", 2}});
  REQUIRE(Eventually([&] { return fleet.CountIn("provider") == 2; }, 60s, 20ms));
  std::filesystem::remove(fleet.Public(7682) / "index.html");
  REQUIRE(fleet.Becomes("rolled-back"));
  const std::string reason = fleet.Newest().at("reason");
  INFO(reason);
  CHECK(reason.contains("site 7682"));
  CHECK(reason.contains("status 200 before, now with 403"));
  CHECK(fleet.CountIn("labels") == 8);
  Pass(load, 4 * others.size());
  const Load::Result result = load.Stop();
  INFO(result.first_failure);
  CHECK(result.failed == 0);
}

}  // namespace
}  // namespace tests
