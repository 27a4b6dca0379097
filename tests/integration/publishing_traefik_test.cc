// What outlives restarts, faults and rollbacks, through the program and a real Traefik.
#include <filesystem>
#include <fstream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/integration/external_system.h"
#include "tests/support/eventually.h"
#include "tests/support/web.h"

namespace tests {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a restarted Traefik has its routes at once") {
  ExternalSystem system;
  const Upstream upstream("hello");
  REQUIRE(
      system.orchestrator
          .Call("PUT", "/v1/sites/1?wait=routed", ExternalSite(1, "a.example.com", upstream.url()))
          .status == 201);
  system.traefik->Stop();
  system.traefik->Start();
  // A poll that was held for the unchanged revision would take 20 seconds.
  REQUIRE(Eventually([&] { return system.StatusOf("a.example.com") == 200; }, 8s));
}

TEST_CASE("Traefik goes on while the orchestrator is killed, and hears the same document again") {
  ExternalSystem system;
  const Upstream upstream("hello");
  REQUIRE(
      system.orchestrator
          .Call("PUT", "/v1/sites/1?wait=routed", ExternalSite(1, "a.example.com", upstream.url()))
          .status == 201);
  const Answer before = system.orchestrator.Poll();
  REQUIRE(before.status == 200);

  system.orchestrator.Kill();
  CHECK(system.StatusOf("a.example.com") == 200);
  system.orchestrator.Start();

  const Answer after = system.orchestrator.Poll();
  CHECK(after.body == before.body);
  CHECK(after.Header("X-Revision") == before.Header("X-Revision"));
  CHECK(after.Header("ETag") == before.Header("ETag"));
  CHECK(system.StatusOf("a.example.com") == 200);
  REQUIRE(system.orchestrator
              .Call("PUT", "/v1/sites/2?wait=routed&timeout=90s",
                    ExternalSite(2, "b.example.com", upstream.url()))
              .Header("X-Reached") == "routed");
}

TEST_CASE("a damaged database changes no route: what was served is served until it is mended") {
  ExternalSystem system;
  const Upstream upstream("hello");
  REQUIRE(
      system.orchestrator
          .Call("PUT", "/v1/sites/1?wait=routed", ExternalSite(1, "a.example.com", upstream.url()))
          .status == 201);
  const Answer before = system.orchestrator.Poll();
  REQUIRE(system.orchestrator.Stop() == 0);
  const auto database = system.orchestrator.state() / "orchestrator.db";
  const auto good = system.orchestrator.state() / "good.db";
  std::filesystem::rename(database, good);
  std::ofstream(database, std::ios::binary) << std::string(8192, 'x');
  SECTION("a Traefik that starts meanwhile has its routes, too") {
    system.orchestrator.StartUnready();
    const Answer after = system.orchestrator.Poll({{"X-Traefik-Instance", "edge"}});
    REQUIRE(after.status == 200);
    CHECK(after.body == before.body);
    system.traefik->Stop();
    system.traefik->Start();
    CHECK(Eventually([&] { return system.StatusOf("a.example.com") == 200; }));
    std::filesystem::remove(database);
    std::filesystem::rename(good, database);
    CHECK(Eventually([&] { return system.orchestrator.Call("GET", "/v1/sites/1").status == 200; }));
    CHECK(system.StatusOf("a.example.com") == 200);
  }
  SECTION("a signal ends the wait") {
    system.orchestrator.StartUnready();
    CHECK(system.orchestrator.Stop() == 0);
  }
  SECTION("without a document it is refused, and Traefik goes on by itself") {
    std::filesystem::remove(system.orchestrator.state() / "last-known-good");
    CHECK(system.orchestrator.StartAndFail() == 1);
    CHECK(system.StatusOf("a.example.com") == 200);
  }
}

TEST_CASE("a document that is held back leaves the one before it, at once after a crash, too") {
  ExternalSystem system;
  const Upstream upstream("hello");
  nlohmann::json batch{{"upsert", nlohmann::json::array()}};
  nlohmann::json removal{{"delete", nlohmann::json::array()}};
  for (int id = 1; id <= 20; ++id) {
    batch["upsert"].push_back(nlohmann::json::parse(
        ExternalSite(id, fmt::format("site{}.example.com", id), upstream.url())));
    if (id > 2) removal["delete"].push_back(id);
  }
  REQUIRE(system.orchestrator.Call("POST", "/v1/sites/batch", batch.dump()).status == 200);
  REQUIRE(Eventually([&] { return system.StatusOf("site20.example.com") == 200; }));
  REQUIRE(system.orchestrator.Call("POST", "/v1/sites/batch", removal.dump()).status == 200);
  const auto is_held = [&] {
    return system.orchestrator.Command({"routing", "status"}).output.contains("held back");
  };
  REQUIRE(Eventually(is_held));
  CHECK(system.StatusOf("site20.example.com") == 200);
  system.orchestrator.Kill();
  system.orchestrator.Start();
  // Not only when the database has been read, which takes a while where there are many sites.
  CHECK(system.orchestrator.Log().contains("from before the start"));
  const Answer stale = system.orchestrator.Poll({{"X-Traefik-Instance", "edge"}});
  CHECK(stale.status == 200);
  CHECK(stale.Header("X-Stale") == "true");
  CHECK(stale.body.contains("site20.example.com"));
  REQUIRE(Eventually(is_held));
  CHECK(system.StatusOf("site20.example.com") == 200);
}

TEST_CASE("an empty database is never served in place of sites") {
  ExternalSystem system;
  const Upstream upstream("hello");
  nlohmann::json batch{{"upsert", nlohmann::json::array()}};
  for (int id = 1; id <= 3; ++id) {
    batch["upsert"].push_back(nlohmann::json::parse(
        ExternalSite(id, fmt::format("site{}.example.com", id), upstream.url())));
  }
  REQUIRE(system.orchestrator.Call("POST", "/v1/sites/batch", batch.dump()).status == 200);
  REQUIRE(Eventually([&] { return system.StatusOf("site3.example.com") == 200; }));
  REQUIRE(system.orchestrator.Stop() == 0);
  for (const char* ending : {"", "-wal", "-shm"}) {
    std::filesystem::remove(system.orchestrator.state() /
                            ("orchestrator.db" + std::string(ending)));
  }
  system.orchestrator.Start();
  const auto pool = [&] {
    return nlohmann::json::parse(system.orchestrator.Call("GET", "/v1/routing").body)
        .at("pools")
        .at(0);
  };
  REQUIRE(Eventually([&] { return !pool().at("held").is_null(); }));
  CHECK(pool().at("held").at("can_be_confirmed") == false);
  CHECK(pool().at("stale") == true);
  CHECK(system.orchestrator.Command({"routing", "confirm", "1"}).status == 1);
  system.traefik->Stop();
  system.traefik->Start();
  CHECK(Eventually([&] { return system.StatusOf("site2.example.com") == 200; }));

  // One site alone, in a database that is behind: it may pass, when somebody says so.
  const Answer created =
      system.orchestrator.Call("PUT", "/v1/sites/7?wait=routed&timeout=300ms",
                               ExternalSite(7, "site7.example.com", upstream.url()));
  CHECK(created.Header("X-Reached") == "accepted");
  CHECK(created.Header("X-Waiting-For").contains("held back"));
  REQUIRE(Eventually([&] { return pool().at("held").at("can_be_confirmed") == true; }));
  CHECK(system.StatusOf("site2.example.com") == 200);
  REQUIRE(
      system.orchestrator.Command({"routing", "confirm", pool().at("held").at("revision").dump()})
          .status == 0);
  CHECK(Eventually([&] { return system.StatusOf("site7.example.com") == 200; }));
  CHECK(system.StatusOf("site2.example.com") == 404);
  CHECK(system.orchestrator
            .Call("PUT", "/v1/sites/8?wait=routed",
                  ExternalSite(8, "site8.example.com", upstream.url()))
            .Header("X-Reached") == "routed");
}

TEST_CASE("routing goes back to a revision and forth again, while sites stay as they are") {
  ExternalSystem system;
  const Upstream old_upstream("old");
  const Upstream new_upstream("new");
  const auto put = [&](int id, const std::string& host, const Upstream& upstream) {
    return system.orchestrator.Call("PUT", fmt::format("/v1/sites/{}?wait=routed", id),
                                    ExternalSite(id, host, upstream.url()));
  };
  REQUIRE(put(1, "a.example.com", old_upstream).status == 201);
  REQUIRE(put(2, "b.example.com", old_upstream).status == 201);
  const std::string good =
      nlohmann::json::parse(system.orchestrator.Call("GET", "/v1/routing").body)
          .at("revision")
          .dump();
  REQUIRE(put(1, "moved.example.com", new_upstream).status == 200);
  REQUIRE(put(3, "c.example.com", new_upstream).status == 201);
  REQUIRE(system.StatusOf("a.example.com") == 404);

  REQUIRE(Eventually(
      [&] { return system.orchestrator.Command({"routing", "revisions"}).output.contains(good); }));
  const Finished difference = system.orchestrator.Command({"routing", "diff", good});
  INFO(difference.output);
  CHECK(difference.status == 0);
  CHECK(difference.output.contains("site 1 changed"));
  CHECK(difference.output.contains("site 3 added"));
  CHECK_FALSE(difference.output.contains("site 2"));
  CHECK(difference.output.contains("moved.example.com"));

  CHECK(system.orchestrator.Command({"routing", "rollback", "99999"}).status == 1);
  CHECK(system.orchestrator.Command({"routing", "rollback", "latest"}).status == 1);
  REQUIRE(system.orchestrator.Command({"routing", "rollback", good}).status == 0);
  REQUIRE(Eventually([&] { return system.BodyOf("a.example.com") == "old /"; }));
  CHECK(system.StatusOf("moved.example.com") == 404);
  CHECK(system.BodyOf("b.example.com") == "old /");
  CHECK(system.BodyOf("c.example.com") == "new /");  // it came later
  // The site itself is as it was wanted last, and no answer claims that it is routed so.
  CHECK(system.orchestrator.Call("GET", "/v1/sites/1").body.contains("moved.example.com"));
  const Answer changed = system.orchestrator.Call("PATCH", "/v1/sites/1?wait=routed&timeout=300ms",
                                                  R"({"hosts": ["later.example.com"]})");
  CHECK(changed.Header("X-Reached") == "accepted");
  CHECK(changed.Header("X-Waiting-For").contains("rolled back to revision " + good));

  SECTION("after a restart it is still so") {
    system.orchestrator.Stop();
    system.orchestrator.Start();
    CHECK(system.orchestrator.Command({"routing", "status"})
              .output.contains("rolled back to revision " + good));
  }
  CHECK(system.BodyOf("a.example.com") == "old /");
  REQUIRE(system.orchestrator.Command({"routing", "rollback", "latest"}).status == 0);
  REQUIRE(Eventually([&] { return system.BodyOf("later.example.com") == "new /"; }));
  CHECK(system.StatusOf("a.example.com") == 404);
  CHECK(put(4, "d.example.com", new_upstream).Header("X-Reached") == "routed");
}
}  // namespace
}  // namespace tests
