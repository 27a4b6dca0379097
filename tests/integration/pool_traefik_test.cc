// Two pools with a real Traefik each, through the program: no engine is needed.
#include <fstream>
#include <iterator>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/integration/external_system.h"
#include "tests/support/eventually.h"
#include "tests/support/web.h"

namespace tests {
namespace {

struct PoolSystem {
  const std::uint16_t first_port = FreePort();
  const std::uint16_t second_port = FreePort();
  OrchestratorProcess orchestrator{
      fmt::format("docker: {{host: null}}\n"
                  "routing: {{pools: [other]}}\n"
                  "traefik: {{instances: [{{name: edge-1, entry_point: \"http://127.0.0.1:{}\"}},\n"
                  "  {{name: edge-2, pool: other, entry_point: \"http://127.0.0.1:{}\"}}]}}\n",
                  first_port, second_port)};
  std::unique_ptr<TraefikProcess> first;
  std::unique_ptr<TraefikProcess> second;
  provider::http::Client client;

  PoolSystem() {
    orchestrator.Start();
    first = std::make_unique<TraefikProcess>(
        LongPollConfiguration(orchestrator.provider_url(), "edge-1"), first_port);
    second = std::make_unique<TraefikProcess>(
        LongPollConfiguration(orchestrator.provider_url() + "?pool=other", "edge-2"), second_port);
  }

  Answer Put(int id, const Upstream& upstream, const std::string& pool,
             const std::string& timeout = "10s") {
    return orchestrator.Call(
        "PUT", fmt::format("/v1/sites/{}?wait=routed&timeout={}", id, timeout),
        ExternalSite(id, fmt::format("site{}.example.com", id), upstream.url(), {{"pool", pool}}));
  }
  int StatusAt(const TraefikProcess& traefik, int id) {
    return VisitSite(client, traefik.url(), fmt::format("site{}.example.com", id)).status;
  }
  nlohmann::json Pool(std::size_t index) {
    return nlohmann::json::parse(orchestrator.Call("GET", "/v1/routing").body)
        .at("pools")
        .at(index);
  }
};

TEST_CASE("a site is routed by the Traefiks of its pool alone, and nobody waits for the others") {
  PoolSystem system;
  const Upstream upstream("hello");
  REQUIRE(system.Put(1, upstream, "default").Header("X-Reached") == "routed");
  REQUIRE(system.Put(2, upstream, "other").Header("X-Reached") == "routed");
  CHECK(system.StatusAt(*system.first, 1) == 200);
  CHECK(system.StatusAt(*system.first, 2) == 404);
  CHECK(system.StatusAt(*system.second, 1) == 404);
  CHECK(system.StatusAt(*system.second, 2) == 200);

  SECTION("a pool that the configuration does not have is refused, and nothing changes") {
    const Answer refused = system.Put(1, upstream, "third");
    CHECK(refused.status == 422);
    CHECK(refused.body.contains("/routing/pool"));
    CHECK(system.StatusAt(*system.first, 1) == 200);
  }
  SECTION("a change in one pool changes no document of another") {
    const auto revision = system.Pool(0).at("revision");
    REQUIRE(system.Put(3, upstream, "other").Header("X-Reached") == "routed");
    CHECK(system.Pool(0).at("revision") == revision);
    CHECK(system.Pool(1).at("sites") == 2);
  }
  SECTION("a site moves to another pool") {
    REQUIRE(system.Put(1, upstream, "other").Header("X-Reached") == "routed");
    CHECK(system.StatusAt(*system.second, 1) == 200);
    CHECK(Eventually([&] { return system.StatusAt(*system.first, 1) == 404; }));
  }
  SECTION("while a pool's Traefik is away, the other pool's changes are confirmed") {
    system.second->Stop();
    CHECK(system.Put(4, upstream, "default").Header("X-Reached") == "routed");
    CHECK(system.Put(5, upstream, "other", "500ms").Header("X-Reached") != "routed");
  }
  SECTION("a Traefik that polls another pool's document confirms nothing") {
    system.second->Stop();
    const TraefikProcess astray(LongPollConfiguration(system.orchestrator.provider_url(), "edge-2"),
                                system.second_port);
    REQUIRE(Eventually([&] { return system.StatusAt(astray, 1) == 200; }));
    // The default pool's number gets past that of the other.
    REQUIRE(system.Put(3, upstream, "other", "1s").Header("X-Reached") == "accepted");
    REQUIRE(system.Put(4, upstream, "default").Header("X-Reached") == "routed");
    const Answer status = system.orchestrator.Call("GET", "/v1/sites/3/status");
    CHECK(nlohmann::json::parse(status.body).at("routing").at("routed") == false);
  }
  SECTION("each pool has its history, and is rolled back alone") {
    const auto old = system.Pool(1).at("revision").dump();
    const Upstream newer("newer");
    REQUIRE(system.Put(2, newer, "other").Header("X-Reached") == "routed");
    REQUIRE(Eventually([&] {
      return system.orchestrator.Command({"routing", "revisions", "--pool", "other", "--json"})
          .output.contains("\"revision\": " + old);
    }));
    const Finished unknown = system.orchestrator.Command({"routing", "rollback", old});
    CHECK(unknown.status == 1);  // the default pool has no such revision
    const Finished back =
        system.orchestrator.Command({"routing", "rollback", old, "--pool", "other"});
    INFO(back.output);
    REQUIRE(back.status == 0);
    CHECK(Eventually([&] {
      return VisitSite(system.client, system.second->url(), "site2.example.com").body == "hello /";
    }));
    CHECK(system.Pool(0).at("rolled_back_to").is_null());
    CHECK_FALSE(system.Pool(1).at("rolled_back_to").is_null());
  }
  SECTION("after a restart each Traefik has its own routes, before anything else") {
    REQUIRE(Eventually([&] {
      return system.Pool(0).at("kept") == system.Pool(0).at("revision") &&
             system.Pool(1).at("kept") == system.Pool(1).at("revision");
    }));
    REQUIRE(system.orchestrator.Stop() == 0);
    system.first->Stop();
    system.second->Stop();
    system.orchestrator.Start();
    system.first->Start();
    system.second->Start();
    CHECK(Eventually([&] { return system.StatusAt(*system.second, 2) == 200; }));
    CHECK(Eventually([&] { return system.StatusAt(*system.first, 1) == 200; }));
    CHECK(system.StatusAt(*system.first, 2) == 404);
  }
}

TEST_CASE("a pool with sites cannot be taken out of the configuration") {
  OrchestratorProcess orchestrator("docker: {host: null}\nrouting: {pools: [other]}\n");
  orchestrator.Start();
  const Upstream upstream("hello");
  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/1",
                    ExternalSite(1, "a.example.com", upstream.url(), {{"pool", "other"}}))
              .status == 201);
  REQUIRE(orchestrator.Stop() == 0);
  const auto rename = [&](const std::string& from, const std::string& to) {
    std::ifstream file(orchestrator.config_file());
    std::string text(std::istreambuf_iterator<char>(file), {});
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    std::ofstream(orchestrator.config_file()) << text;
  };
  rename("[other]", "[another]");
  CHECK(orchestrator.StartAndFail() == 1);
  CHECK(orchestrator.Log().contains("other (1 sites)"));
  rename("[another]", "[other]");
  orchestrator.Start();
  CHECK(orchestrator.Call("GET", "/v1/sites/1").status == 200);
}

}  // namespace
}  // namespace tests
