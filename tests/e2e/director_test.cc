// Director's own calls, as its manager makes them, on a real swarm.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
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

json SiteInfo(int pk) {
  return {{"pk", pk},
          {"hosts", {fmt::format("https://site{}.test", pk), fmt::format("user.test/s{}/", pk)}},
          {"is_served", false},
          {"type_", "dynamic"},
          {"resource_limits",
           {{"cpus", 0.6}, {"memory", 100000000}, {"max_request_body_size", 2097152}}},
          {"db", nullptr}};
}

json Inspect(const std::string& service) {
  return json::parse(Engine::Docker({"service", "inspect", service}).output).at(0).at("Spec");
}

TEST_CASE("Director's calls refuse what its own orchestrator lets through or breaks on") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  struct Case {
    const char* sentence;
    std::function<void(json&)> change;
    const char* place;  // in "loc", joined by dots
  };
  const Case cases[] = {
      {"a negative pk", [](json& s) { s["pk"] = -1; }, "body.pk"},
      {"a pk beyond all", [](json& s) { s["pk"] = 1e30; }, "body.pk"},
      {"no pk", [](json& s) { s.erase("pk"); }, "body.pk"},
      {"no hosts at all", [](json& s) { s["hosts"] = json::array(); }, "body.hosts"},
      {"a host twice", [](json& s) { s["hosts"] = {"a.test", "A.test"}; }, "body.hosts.1"},
      {"a host with two dots", [](json& s) { s["hosts"] = {"a..b"}; }, "body.hosts.0"},
      {"a host that is a number", [](json& s) { s["hosts"] = {"a.test", 5}; }, "body.hosts.1"},
      {"no CPU at all", [](json& s) { s["resource_limits"]["cpus"] = 0; },
       "body.resource_limits.cpus"},
      {"a negative limit", [](json& s) { s["resource_limits"]["memory"] = -5; },
       "body.resource_limits.memory"},
      {"a tiny limit", [](json& s) { s["resource_limits"]["memory"] = "1KiB"; },
       "body.resource_limits.memory"},
      {"a limit beyond all", [](json& s) { s["resource_limits"]["cpus"] = 1e300; },
       "body.resource_limits.cpus"},
      {"a unit that nobody knows", [](json& s) { s["resource_limits"]["memory"] = "5 parsecs"; },
       "body.resource_limits.memory"},
      {"a run file that is a command",
       [](json& s) { s["runfile"] = "/site/run.sh; touch /site/owned"; }, "body.runfile"},
      {"a run file outside", [](json& s) { s["runfile"] = "/site/../etc/passwd"; }, "body.runfile"},
      {"an unknown type", [](json& s) { s["type_"] = "magic"; }, "body.type_"},
      {"a database without a URL", [](json& s) { s["db"] = {{"url", "x"}, {"name", "x"}}; },
       "body.db.username"},
  };
  const auto check = [&](const std::string& body, const std::string& place) {
    const Answer answer = orchestrator.Call("POST", "/api/docker/service/update", body);
    INFO(answer.body);
    REQUIRE(answer.status == 422);
    const json error = json::parse(answer.body);
    CHECK(error.at("user_error") == true);
    CHECK_FALSE(error.at("explanation").get<std::string>().empty());
    std::string found;
    for (const json& part : error.at("detail").at(0).at("loc")) {
      found +=
          (found.empty() ? "" : ".") + (part.is_string() ? part.get<std::string>() : part.dump());
    }
    CHECK(found == place);
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    json site = SiteInfo(7);
    c.change(site);
    check(site.dump(), c.place);
  }
  json tiny = SiteInfo(7);
  tiny["resource_limits"]["memory"] = "1KiB";
  const Answer refused = orchestrator.Call("POST", "/api/docker/service/update", tiny.dump());
  CHECK(json::parse(refused.body).at("detail").at(0).at("input") == "1KiB");
  std::string nan = SiteInfo(7).dump();
  nan.replace(nan.find("0.6"), 3, "NaN");
  check(nan, "body.resource_limits.cpus");

  CHECK(orchestrator.Call("POST", "/api/docker/service/update", "{").status == 400);
  CHECK(orchestrator.Call("GET", "/api/docker/service/update").status == 405);
  CHECK(orchestrator.Call("GET", "/api/nothing").body == R"({"detail":"Not Found"})");
  CHECK(orchestrator.Call("GET", "/ping").body == R"({"message":"pong"})");
  CHECK(orchestrator.Call("GET", "/ping?message=pong-a%3A1").body == R"({"message":"pong-a:1"})");
  CHECK(json::parse(orchestrator.Call("GET", "/v1/sites").body).at("sites").empty());
}

TEST_CASE("a build's limits that no engine takes are refused, and a failed one says whose fault") {
  SwarmSystem system("labels");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  const auto build = [&](const json& limits) {
    return orchestrator.Call("POST", "/api/docker/image/build",
                             json{{"site", SiteInfo(6221)}, {"resource_limits", limits}}.dump());
  };
  for (const json& swap : {json(-5), json(20'000'000)}) {
    const Answer refused = build({{"memory", 100'000'000}, {"memswap", swap}});
    INFO(refused.body);
    CHECK(refused.status == 422);
    CHECK(refused.body.contains("memswap"));
  }
  const std::filesystem::path site = orchestrator.sites() / "62" / "21";
  std::filesystem::create_directories(site);
  std::ofstream(site / "Dockerfile") << "FROM " << Engine::BaseImage() << "\nRUN exit 3\n";
  const Answer failed = build({{"memory", 100'000'000}, {"memswap", -1}});
  INFO(failed.body);
  CHECK(failed.status == 500);
  CHECK(json::parse(failed.body).at("user_error") == true);
  CHECK(json::parse(failed.body).at("explanation").get<std::string>().contains("code: 3"));
}

TEST_CASE("Director's manager creates, updates, disables and deletes a site") {
  SwarmSystem system("labels");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  json site = SiteInfo(6201);
  site["db"] = {{"url", "postgresql://someone:***@db.test:5432/x"},
                {"name", "x"},
                {"username", "site_6201"},
                {"password", "se/cret"}};

  const Answer built =
      orchestrator.Call("POST", "/api/docker/image/build", json{{"site", site}}.dump());
  INFO(built.body);
  REQUIRE(built.status == 200);
  const json messages = json::parse(built.body).at("build_stdout");
  CHECK(messages.at(0).at("stream").get<std::string>().starts_with("Step 1/"));
  CHECK(std::ranges::any_of(messages, [](const json& m) { return m.contains("aux"); }));
  std::ifstream dockerfile(orchestrator.sites() / "62" / "01" / "Dockerfile");
  std::string line;
  std::getline(dockerfile, line);
  CHECK(line == "FROM " + Engine::BaseImage());

  const Answer updated = orchestrator.Call("POST", "/api/docker/service/update", site.dump());
  CHECK(updated.status == 200);
  CHECK(updated.body == "{}");
  json spec = Inspect("site_6201");
  const json container = spec.at("TaskTemplate").at("ContainerSpec");
  CHECK(container.at("Image").get<std::string>().starts_with("sha256:"));
  CHECK(container.at("ReadOnly") == true);
  CHECK(container.at("Dir") == "/site/public");
  CHECK(container.at("Mounts").size() == 5);
  INFO(container.at("Env").dump());
  CHECK(std::ranges::count(container.at("Env"),
                           "DATABASE_URL=postgresql://site_6201:se%2fcret@db.test:5432/x") == 1);
  CHECK(spec.at("TaskTemplate").at("Resources").at("Limits").at("NanoCPUs") == 600000000);
  CHECK(spec.at("TaskTemplate").at("Resources").at("Limits").at("MemoryBytes") == 100000000);
  CHECK(spec.at("Mode").at("Replicated").at("Replicas") == 0);
  const json labels = spec.at("Labels");
  CHECK(labels.at("traefik.http.routers.site_6201.rule") == "Host(`site6201.test`)");
  CHECK(labels.at("traefik.http.routers.site_6201-path1.rule") ==
        "(Host(`user.test`)) && (Path(`/s6201`) || PathPrefix(`/s6201/`))");
  CHECK(labels.at("traefik.http.services.site_6201.loadbalancer.server.port") == "80");
  CHECK(labels.at("traefik.http.middlewares.max-request-2097152.buffering.maxRequestBodyBytes") ==
        "2097152");

  // The same again changes nothing, another kind replaces what belongs to the old one.
  const std::string before =
      Engine::Docker({"service", "inspect", "-f", "{{.Version.Index}}", "site_6201"}).output;
  CHECK(orchestrator.Call("POST", "/api/docker/service/update", site.dump()).status == 200);
  CHECK(Engine::Docker({"service", "inspect", "-f", "{{.Version.Index}}", "site_6201"}).output ==
        before);
  site["type_"] = "static";
  CHECK(orchestrator.Call("POST", "/api/docker/service/update", site.dump()).status == 200);
  spec = Inspect("site_6201");
  CHECK(spec.at("TaskTemplate").at("ContainerSpec").at("Image") == Engine::NginxImage());
  CHECK_FALSE(spec.at("TaskTemplate").at("ContainerSpec").contains("Command"));

  std::filesystem::create_directories(orchestrator.sites() / "62" / "01" / "private");
  std::ofstream(orchestrator.sites() / "62" / "01" / "private" / "secret") << "x";
  for (const char* call :
       {"/api/files/delete-all", "/api/database/delete", "/api/docker/service/remove",
        "/api/docker/image/delete", "/api/docker/service/remove", "/api/docker/image/delete"}) {
    const Answer answer = orchestrator.Call("POST", call, site.dump());
    INFO(call << answer.body);
    CHECK(answer.status == 200);
    CHECK(answer.body == "{}");
  }
  CHECK_FALSE(std::filesystem::exists(orchestrator.sites() / "62" / "01" / "private"));
  CHECK(std::filesystem::is_directory(orchestrator.sites() / "62" / "01" / "public"));
  CHECK_FALSE(Engine::HasService("site_6201"));
  CHECK(Eventually([] { return Engine::Docker({"image", "inspect", "site_6201"}).status != 0; },
                   20s));
}

TEST_CASE("a service that Director made and nobody took over is removed by its manager's call") {
  SwarmSystem system("labels");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  const auto create = [] {
    REQUIRE(Engine::Docker({"service", "create", "-q", "--detach", "--no-resolve-image", "--name",
                            "site_6231", "--replicas", "0", Engine::BaseImage(), "sh"})
                .status == 0);
  };
  create();
  CHECK(orchestrator.Call("POST", "/api/docker/service/remove", SiteInfo(6231).dump()).body ==
        "{}");
  CHECK_FALSE(Engine::HasService("site_6231"));
  // Also one that stood in the way of a site.
  create();
  REQUIRE(orchestrator.Call("PUT", "/v1/sites/6231", R"({"hosts": ["way.test"], "served": false})")
              .status == 201);
  CHECK(orchestrator.Call("POST", "/api/docker/service/remove", SiteInfo(6231).dump()).body ==
        "{}");
  CHECK_FALSE(Engine::HasService("site_6231"));
}

TEST_CASE("a site that is served becomes static and dynamic again by the manager's calls") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  system.Start();
  json site = SiteInfo(6241);
  site["is_served"] = true;
  const auto update = [&](const char* type) {
    site["type_"] = type;
    const Answer answer = orchestrator.Call("POST", "/api/docker/service/update", site.dump());
    INFO(answer.body);
    CHECK(answer.status == 200);
  };
  const auto folder = orchestrator.sites() / "62" / "41";
  std::filesystem::create_directories(folder / "public");
  std::ofstream(folder / "public" / "index.html") << "the static one";
  std::ofstream(folder / "run.sh") << "#!/bin/sh\nmkdir -p /tmp/www; echo the dynamic one "
                                      ">/tmp/www/index.html; exec httpd -f -p 80 -h /tmp/www\n";
  std::filesystem::permissions(folder / "run.sh", std::filesystem::perms(0755));
  update("dynamic");
  CHECK(system.Answers("site6241.test", "the dynamic one"));
  update("static");
  CHECK(system.Answers("site6241.test", "the static one"));
  update("dynamic");
  CHECK(system.Answers("site6241.test", "the dynamic one"));
  // A host of another site is the user's mistake, with its place and what was sent.
  json other = SiteInfo(6242);
  other["hosts"] = {"https://other.test", "https://site6241.test"};
  const Answer refused = orchestrator.Call("POST", "/api/docker/service/update", other.dump());
  INFO(refused.body);
  CHECK(refused.status == 422);
  const json problem = json::parse(refused.body).at("detail").at(0);
  CHECK(problem.at("loc") == json{"body", "hosts", 1});
  CHECK(problem.at("input") == "https://site6241.test");
}

TEST_CASE("clients that update one site at once all succeed, and the last one wins") {
  SwarmSystem system("provider");
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  std::atomic<int> bad = 0;
  std::atomic<int> next = 0;
  std::vector<std::jthread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        json site = SiteInfo(6211);
        site["resource_limits"]["cpus"] = 0.1 + 0.01 * next++;
        if (orchestrator.Call("POST", "/api/docker/service/update", site.dump()).status != 200) {
          ++bad;
        }
      }
    });
  }
  clients.clear();
  CHECK(bad == 0);
  // What the swarm has is what was accepted last.
  const json stored = json::parse(orchestrator.Call("GET", "/v1/sites/6211").body);
  CHECK(Inspect("site_6211").at("TaskTemplate").at("Resources").at("Limits").at("NanoCPUs") ==
        std::llround(stored.at("resources").at("cpus").get<double>() * 1e9));
  json last = SiteInfo(6211);
  last["resource_limits"]["cpus"] = 0.25;
  CHECK(orchestrator.Call("POST", "/api/docker/service/update", last.dump()).status == 200);
  CHECK(Inspect("site_6211").at("TaskTemplate").at("Resources").at("Limits").at("NanoCPUs") ==
        250000000);
}

TEST_CASE("while the engine is away, Director's manager is told so and nothing is lost") {
  const TemporaryDirectory directory;
  const std::filesystem::path socket = directory.path() / "docker.sock";
  SwarmSystem system("provider", "unix://" + socket.string());
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  const Answer away =
      orchestrator.Call("POST", "/api/docker/image/build", json{{"site", SiteInfo(6221)}}.dump());
  CHECK(away.status == 503);
  INFO(away.body);
  CHECK(json::parse(away.body).at("user_error") == false);
  CHECK(json::parse(away.body).at("explanation").get<std::string>().contains("does not answer"));
  std::jthread later([&] { std::filesystem::create_symlink(Engine::Host().substr(7), socket); });
  CHECK(orchestrator.Call("POST", "/api/docker/service/update", SiteInfo(6221).dump()).status ==
        200);
  CHECK(Engine::HasService("site_6221"));
}

}  // namespace
}  // namespace tests
