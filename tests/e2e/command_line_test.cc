// The command line as an operator uses it, against a running program.
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/eventually.h"
#include "tests/support/orchestrator_process.h"

namespace tests {
namespace {

constexpr const char* kSites =
    "# two sites in one file\n"
    "id: 1\nkind: external\nhosts: [one.example.com]\nupstreams: [\"http://192.0.2.1\"]\n"
    "---\n"
    "{\"id\": 2, \"kind\": \"external\", \"hosts\": [\"two.example.com\"], \"served\": false, "
    "\"upstreams\": [\"http://192.0.2.2\"]}\n";

TEST_CASE("sites are applied, listed, shown and deleted from the command line") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  const TemporaryDirectory directory;
  const std::string file = directory.Write("sites.yaml", kSites);

  const Finished applied = orchestrator.Command({"site", "apply", "-f", file});
  CHECK(applied.status == 0);
  CHECK(applied.output == "site 1 created: accepted\nsite 2 created: accepted\n");
  CHECK(orchestrator.Command({"site", "apply", "-f", file}).output ==
        "site 1 updated: accepted\nsite 2 updated: accepted\n");

  const Finished listed = orchestrator.Command({"site", "list"});
  CHECK(listed.output ==
        "ID  KIND      SERVED  MODE     HOSTS\n"
        "1   external  yes     default  one.example.com\n"
        "2   external  no      default  two.example.com\n");
  CHECK(nlohmann::json::parse(orchestrator.Command({"site", "list", "--json"}).output).size() == 2);
  CHECK(orchestrator.Command({"site", "show", "1"}).output.contains("one.example.com"));
  CHECK(Eventually([&] {
    return orchestrator.Command({"site", "status", "1"}).output.contains("deployment  running");
  }));

  const Finished unknown = orchestrator.Command({"site", "show", "77"});
  CHECK(unknown.status == 1);
  CHECK(unknown.output == "orchestrator: there is no site 77\n");
  CHECK(orchestrator.Command({"site", "delete", "1", "2", "--wait", "running"}).output ==
        "site 1 removed\nsite 2 removed\n");
}

TEST_CASE("a mistake in the last of several files changes nothing") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  const TemporaryDirectory directory;
  const std::string good = directory.Write("good.yaml", kSites);
  const std::string bad = directory.Write("bad.yaml", "id: 3\nhosts: [a\n");
  const Finished applied = orchestrator.Command({"site", "apply", "-f", good, "-f", bad});
  CHECK(applied.status == 1);
  CHECK(applied.output.contains("bad.yaml:"));
  CHECK(orchestrator.Command({"site", "list"}).output == "ID  KIND  SERVED  MODE  HOSTS\n");
}

TEST_CASE("routing is shown and switched from the command line") {
  OrchestratorProcess orchestrator(
      "docker: {host: null}\nrouting: {entry_points: [web, websecure]}\n");
  orchestrator.Start();
  REQUIRE(orchestrator.Poll({{"X-Traefik-Instance", "edge-7"}}).status == 200);

  const Finished status = orchestrator.Command({"routing", "status"});
  CHECK(status.status == 0);
  CHECK(status.output.contains("default mode  provider"));
  CHECK(status.output.contains("none configured"));
  CHECK(orchestrator.Command({"routing", "instances"}).output.contains("edge-7"));
  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/2",
                    R"j({"kind": "external", "hosts": ["shut.test"], "upstreams": ["http://x"],
                         "routing": {"extra": {"http": {"middlewares": {
                           "in": {"basicAuth": {"users": ["me:$apr1$hash"]}}}}}}})j")
              .status == 201);
  Finished document;
  CHECK(Eventually([&] {
    document = orchestrator.Command({"routing", "document"});
    return document.output.contains("basicAuth");
  }));
  CHECK(document.output.contains("orchestrator-probe"));
  CHECK_FALSE(document.output.contains("PRIVATE KEY"));
  CHECK_FALSE(document.output.contains("apr1"));

  CHECK(orchestrator.Command({"routing", "mode", "provider"}).status == 0);
  const Finished migrations = orchestrator.Command({"routing", "migrations"});
  CHECK(migrations.output.contains("provider"));
  CHECK(migrations.output.contains("finished"));
  REQUIRE(orchestrator
              .Call("PUT", "/v1/sites/1",
                    R"({"kind":"external","hosts":["a.b"],"upstreams":["http://x"]})")
              .status == 201);
  const Finished plan = orchestrator.Command({"routing", "plan", "provider", "--kind", "external"});
  CHECK(plan.status == 0);
  CHECK(plan.output.contains("0 sites move, 2 are there, 0 stay"));
  const Finished late = orchestrator.Command({"routing", "migrations", "pause"});
  CHECK(late.status == 1);
  CHECK(late.output.contains("is finished"));
  CHECK(orchestrator.Command({"routing", "migrations", "rollback"}).status == 0);

  // What becomes of it can be followed as events.
  const auto follow = [&](const std::string& id) {
    return orchestrator.CallRaw(
        "GET", "/v1/routing/migrations/" + id, "",
        {{"Accept", "text/event-stream"}, {"Authorization", "Bearer " + orchestrator.Token()}});
  };
  CHECK(follow("999").status == 404);
  const nlohmann::json list =
      nlohmann::json::parse(orchestrator.Call("GET", "/v1/routing/migrations").body);
  const Answer events = follow(list.at("migrations").front().at("id").dump());
  CHECK(events.status == 200);
  CHECK(events.body.contains("event: end"));
  CHECK(events.body.contains("rolled-back"));
  const Finished labels = orchestrator.Command({"routing", "mode", "labels"});
  CHECK(labels.status == 1);
  CHECK(labels.output.contains("need a Docker engine"));
  CHECK(orchestrator.Command({"routing", "mode", "both"}).status == 2);

  const Finished configuration = orchestrator.Command({"static-config", "--instance", "edge-7"});
  CHECK(configuration.output.contains(orchestrator.provider_url()));
  CHECK(configuration.output.contains("websecure"));
  CHECK_FALSE(configuration.output.contains("swarm"));
}

TEST_CASE("without a running orchestrator the command line says so") {
  const OrchestratorProcess never("docker: {host: null}\n");
  const Finished failed =
      RunProgram({OrchestratorProgram(), "site", "list", "--config", never.config_file().string()});
  CHECK(failed.status == 1);
  CHECK(failed.output.contains("Is `orchestrator serve` running?"));
}

}  // namespace
}  // namespace tests
