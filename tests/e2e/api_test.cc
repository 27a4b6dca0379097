// What the API refuses, and that nothing changes by it.
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/eventually.h"
#include "tests/support/orchestrator_process.h"

namespace tests {
namespace {

using nlohmann::json;

std::string Deep(int levels) { return std::string(levels, '[') + std::string(levels, ']'); }

std::string AllSites(OrchestratorProcess& orchestrator) {
  return orchestrator.Call("GET", "/v1/sites?limit=1000").body;
}

TEST_CASE("bad input is refused with its place, and nothing changes") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  REQUIRE(
      orchestrator
          .Call(
              "PUT", "/v1/sites/1",
              R"({"kind":"external","hosts":["taken.example.com"],"upstreams":["http://192.0.2.1"]})")
          .status == 201);
  const std::string before = AllSites(orchestrator);
  std::string document;
  REQUIRE(Eventually([&] {
    document = orchestrator.Poll().body;
    return document.contains("taken.example.com");
  }));

  struct Case {
    const char* sentence;
    const char* method;
    const char* path;
    std::string body;
    int status;
    const char* pointer;  // of the first error; null: not looked at
  };
  const Case cases[] = {
      {"no JSON at all", "PUT", "/v1/sites/2", "{", 400, ""},
      {"an empty text", "PUT", "/v1/sites/2", " ", 400, ""},
      {"a list instead of an object", "POST", "/v1/sites", "[]", 422, ""},
      {"nesting without end", "POST", "/v1/sites", Deep(100'000), 400, ""},
      {"invalid UTF-8", "POST", "/v1/sites", "{\"hosts\": [\"\xff\"]}", 400, ""},
      {"a key given twice", "POST", "/v1/sites", R"({"kind":"static","kind":"static"})", 400, ""},
      {"an unknown field", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a.b"],"upstreams":["http://x"],"host":"a"})", 422, "/host"},
      {"a wrong type", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":"a.b","upstreams":["http://x"]})", 422, "/hosts"},
      {"a wrong type deep inside", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a.b"],"upstreams":["http://x"],"routing":{"sticky":"yes"}})",
       422, "/routing/sticky"},
      {"no host", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":[],"upstreams":["http://x"]})", 422, "/hosts"},
      {"a host that breaks out of a rule", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a`) || Host(`b"],"upstreams":["http://x"]})", 422,
       "/hosts/0"},
      {"a host with two dots", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a..b"],"upstreams":["http://x"]})", 422, "/hosts/0"},
      {"the same host twice", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a.b","A.b."],"upstreams":["http://x"]})", 422, "/hosts/1"},
      {"an upstream that is no URL", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a.b"],"upstreams":["x"]})", 422, "/upstreams/0"},
      {"no upstream", "PUT", "/v1/sites/2", R"({"kind":"external","hosts":["a.b"]})", 422,
       "/upstreams"},
      {"labels for an external site", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a.b"],"upstreams":["http://x"],"routing":{"mode":"labels"}})",
       422, "/routing/mode"},
      {"a site that needs an engine", "PUT", "/v1/sites/2", R"({"kind":"static","hosts":["a.b"]})",
       422, "/kind"},
      {"endless memory", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a.b"],"upstreams":["http://x"],"resources":{"memory":"9999999999999999999G"}})",
       422, "/resources/memory"},
      {"a huge number", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a.b"],"upstreams":["http://x"],"resources":{"cpus":1e300}})",
       422, "/resources/cpus"},
      {"no CPU", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["a.b"],"upstreams":["http://x"],"resources":{"cpus":0}})",
       422, "/resources/cpus"},
      {"an id of thirty digits", "POST", "/v1/sites",
       R"({"id":1000000000000000000000000000000,"kind":"external","hosts":["a.b"],"upstreams":["http://x"]})",
       422, "/id"},
      {"an id that contradicts the address", "PUT", "/v1/sites/2",
       R"({"id":3,"kind":"external","hosts":["a.b"],"upstreams":["http://x"]})", 422, "/id"},
      {"another site's host", "PUT", "/v1/sites/2",
       R"({"kind":"external","hosts":["new.example.com","TAKEN.example.com"],"upstreams":["http://x"]})",
       409, "/hosts/1"},
      {"another site's host in a batch", "POST", "/v1/sites/batch",
       R"({"upsert":[{"id":5,"kind":"external","hosts":["new.example.com"],"upstreams":["http://x"]},{"id":6,"kind":"external","hosts":["taken.example.com"],"upstreams":["http://x"]}]})",
       409, "/upsert/1/hosts/0"},
      {"one bad site in a batch", "POST", "/v1/sites/batch",
       R"({"upsert":[{"id":5,"kind":"external","hosts":["new.example.com"],"upstreams":["http://x"]},{"id":6,"kind":"external"}],"delete":[1]})",
       422, "/upsert/1/hosts"},
      {"waiting for a batch", "POST", "/v1/sites/batch?wait=routed", R"({"delete":[1]})", 422, "?"},
      {"one site twice in a batch", "POST", "/v1/sites/batch", R"({"delete":[1,1]})", 422,
       "/delete/1"},
      {"an id that exists", "POST", "/v1/sites",
       R"({"id":1,"kind":"external","hosts":["a.b"],"upstreams":["http://x"]})", 409, "/id"},
      {"a patch of a field that does not exist", "PATCH", "/v1/sites/1", R"({"hots":["a.b"]})", 422,
       "/hots"},
      {"a patch that takes a needed field away", "PATCH", "/v1/sites/1", R"({"hosts":null})", 422,
       "/hosts"},
      {"a site that does not exist", "PATCH", "/v1/sites/77", R"({"served":false})", 404, nullptr},
      {"removing a site that does not exist", "DELETE", "/v1/sites/77", "", 404, nullptr},
      {"an id that is no number", "GET", "/v1/sites/../etc", "", 404, nullptr},
      {"an unknown wait", "PUT", "/v1/sites/2?wait=forever",
       R"({"kind":"external","hosts":["a.b"],"upstreams":["http://x"]})", 422, "?"},
      {"an unknown migration target", "POST", "/v1/routing/migrations", R"({"to":"swarm"})", 422,
       "/to"},
      {"labels without an engine", "POST", "/v1/routing/migrations", R"({"to":"labels"})", 422,
       "/to"},
      {"a plan of an unknown site", "POST", "/v1/routing/plan", R"({"to":"provider","sites":[77]})",
       404, "/sites/0"},
      {"a site that is no number", "POST", "/v1/routing/plan", R"({"to":"provider","sites":["a"]})",
       422, "/sites/0"},
      {"an unknown pool", "POST", "/v1/routing/migrations", R"({"to":"provider","pool":"none"})",
       422, "/pool"},
      {"an unknown kind", "POST", "/v1/routing/migrations", R"({"to":"provider","kind":"odd"})",
       422, "/kind"},
      {"sites of a kind", "POST", "/v1/routing/migrations",
       R"({"to":"provider","sites":[1],"kind":"static"})", 422, "/sites"},
      {"an empty batch", "POST", "/v1/routing/migrations", R"({"to":"provider","batch":0})", 422,
       "/batch"},
      {"a canary of everything", "POST", "/v1/routing/migrations",
       R"({"to":"provider","canary":101})", 422, "/canary"},
      {"a pause that is no duration", "POST", "/v1/routing/migrations",
       R"({"to":"provider","pause":"long"})", 422, "/pause"},
      {"a word that no order has", "POST", "/v1/routing/migrations",
       R"({"to":"provider","speed":1})", 422, "/speed"},
      {"a migration that is not there", "GET", "/v1/routing/migrations/77", "", 404, nullptr},
      {"the steps of none", "GET", "/v1/routing/migrations/77/steps", "", 404, nullptr},
      {"a pause of none", "POST", "/v1/routing/migrations/77/pause", "{}", 404, nullptr},
      {"an unknown command", "POST", "/v1/routing/migrations/77/stop", "{}", 404, nullptr},
      {"a number that is none", "GET", "/v1/routing/migrations/1x", "", 404, nullptr},
      {"a pause that is asked for", "GET", "/v1/routing/migrations/77/pause", "", 405, nullptr},
      {"a plan that is asked for", "GET", "/v1/routing/plan", "", 405, nullptr},
      {"a method that is not there", "POST", "/v1/sites/1", "{}", 405, nullptr},
      {"an address that is not there", "GET", "/v1/nothing", "", 404, nullptr},
      {"a body over the limit of one site", "PUT", "/v1/sites/2", std::string(2 << 20, ' ') + "{}",
       413, nullptr},
  };
  for (const Case& each : cases) {
    INFO(each.sentence);
    const Answer answer = orchestrator.Call(each.method, each.path, each.body);
    INFO(answer.body);
    CHECK(answer.status == each.status);
    CHECK(answer.Header("Content-Type") == "application/problem+json");
    const json problem = json::parse(answer.body, nullptr, false);
    REQUIRE(problem.is_object());
    CHECK(problem.at("status") == each.status);
    CHECK(!problem.at("detail").get<std::string>().empty());
    if (each.pointer) {
      REQUIRE(!problem.at("errors").empty());
      CHECK(problem.at("errors")[0].at("pointer") == each.pointer);
    }
  }
  CHECK(AllSites(orchestrator) == before);
  CHECK(orchestrator.Poll().body == document);
}

TEST_CASE("a body over the server's limit is refused and the server goes on") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  const Answer answer =
      orchestrator.Call("POST", "/v1/sites/batch", std::string((64 << 20) + 1, ' '));
  // The connection may be closed before the answer could be read.
  CHECK((answer.status == 413 || answer.status == 0));
  CHECK(orchestrator.Call("GET", "/v1/sites").status == 200);
}

TEST_CASE("the API lets nobody in without its token, and the health checks everyone") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  for (const char* header : {"", "Bearer ", "Bearer wrong", "Basic YTpi"}) {
    INFO(header);
    CHECK(orchestrator.CallRaw("GET", "/v1/sites", "", {{"Authorization", header}}).status == 401);
  }
  CHECK(orchestrator.CallRaw("GET", "/healthz", "", {}).status == 200);
  CHECK(orchestrator.CallRaw("GET", "/readyz", "", {}).status == 200);
  // What is open to strangers takes nothing from them.
  CHECK(orchestrator.CallRaw("POST", "/healthz", "{}", {{"Content-Type", "application/json"}})
            .status == 405);
  const std::string metrics = orchestrator.Call("GET", "/metrics").body;
  for (const char* family :
       {"orchestrator_provider_requests_total", "orchestrator_provider_pages_total 0",
        "orchestrator_tasks{state=\"running\"} 0", "orchestrator_drifts_total 0",
        "orchestrator_engine_up"}) {
    CHECK(metrics.contains(family));
  }
}

TEST_CASE("a form of a browser is not taken for JSON") {
  OrchestratorProcess orchestrator("docker: {host: null}\napi_is_open: 1\n");
  // An unknown key is an error of its own: the program does not start.
  CHECK(orchestrator.StartAndFail() == 1);
  CHECK(orchestrator.Log().contains("orchestrator.yaml:5:1"));

  OrchestratorProcess good("docker: {host: null}\n");
  good.Start();
  CHECK(good.CallRaw("POST", "/v1/sites", "{}", {{"Content-Type", "text/plain"}}).status == 401);
}

TEST_CASE("two clients cannot overwrite each other unseen") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  const std::string site = R"({"kind":"external","hosts":["a.b"],"upstreams":["http://x"]})";
  const std::string first = orchestrator.Call("PUT", "/v1/sites/1", site).Header("ETag");
  REQUIRE(orchestrator.Call("PATCH", "/v1/sites/1", R"({"served":false})").status == 200);
  const std::string now = orchestrator.Call("GET", "/v1/sites/1").Header("ETag");
  CHECK(now != first);
  const auto put_if = [&](const std::string& tag) {
    return orchestrator
        .CallRaw("PUT", "/v1/sites/1", site,
                 {{"Authorization", "Bearer " + orchestrator.Token()},
                  {"Content-Type", "application/json"},
                  {"If-Match", tag}})
        .status;
  };
  CHECK(put_if(first) == 412);
  const Finished cli = orchestrator.Command({"site", "show", "1"});
  CHECK(cli.status == 0);
  CHECK(cli.output.contains("\"served\": false"));
  CHECK(put_if(now) == 200);
}

TEST_CASE("ten thousand sites in one batch are one revision, and pages show them all") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  json batch{{"upsert", json::array()}};
  for (int id = 1; id <= 10'000; ++id) {
    batch["upsert"].push_back({{"id", id},
                               {"kind", "external"},
                               {"hosts", {fmt::format("s{}.example.com", id)}},
                               {"upstreams", {"http://192.0.2.1"}}});
  }
  const Answer answer = orchestrator.Call("POST", "/v1/sites/batch", batch.dump());
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  CHECK(json::parse(answer.body).at("created") == 10'000);

  std::size_t seen = 0;
  std::string cursor;
  do {
    const json page = json::parse(
        orchestrator
            .Call("GET", "/v1/sites?limit=1000" + (cursor.empty() ? "" : "&cursor=" + cursor))
            .body);
    seen += page.at("sites").size();
    cursor = page.at("next").is_null() ? "" : page.at("next").get<std::string>();
  } while (!cursor.empty());
  CHECK(seen == 10'000);
  CHECK(json::parse(orchestrator.Call("GET", "/v1/sites?host=s77.example.com").body)
            .at("sites")
            .size() == 1);
}

}  // namespace
}  // namespace tests
