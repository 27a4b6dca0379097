// External sites through the program and a real Traefik on this machine: no engine is needed.
#include <fstream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/integration/external_system.h"
#include "tests/support/eventually.h"
#include "tests/support/orchestrator_process.h"
#include "tests/support/traefik_process.h"
#include "tests/support/web.h"

namespace tests {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a site that is answered as routed is answered by Traefik at once") {
  ExternalSystem system;
  const Upstream upstream("hello");
  for (int id = 1; id <= 5; ++id) {
    const std::string host = fmt::format("site{}.example.com", id);
    const Answer created = system.orchestrator.Call(
        "PUT", fmt::format("/v1/sites/{}?wait=routed", id), ExternalSite(id, host, upstream.url()));
    REQUIRE(created.status == 201);
    REQUIRE(created.Header("X-Reached") == "routed");
    REQUIRE(system.BodyOf(host) == "hello /");
  }
  SECTION("a changed host takes over from the old one") {
    REQUIRE(system.orchestrator
                .Call("PATCH", "/v1/sites/1?wait=routed", R"({"hosts": ["moved.example.com"]})")
                .status == 200);
    REQUIRE(system.StatusOf("moved.example.com") == 200);
    REQUIRE(system.StatusOf("site1.example.com") == 404);
  }
  SECTION("a site that is no longer served shows a page, and is itself again later") {
    REQUIRE(system.orchestrator.Call("PATCH", "/v1/sites/2?wait=routed", R"({"served": false})")
                .status == 200);
    REQUIRE(system.StatusOf("site2.example.com") == 503);
    REQUIRE(system.orchestrator.Call("PATCH", "/v1/sites/2?wait=routed", R"({"served": true})")
                .status == 200);
    REQUIRE(system.StatusOf("site2.example.com") == 200);
  }
  SECTION("a removed site is gone, its neighbours stay") {
    REQUIRE(system.orchestrator.Call("DELETE", "/v1/sites/3?wait=routed").status == 200);
    REQUIRE(Eventually([&] { return system.StatusOf("site3.example.com") == 404; }));
    REQUIRE(system.StatusOf("site4.example.com") == 200);
    REQUIRE(system.orchestrator.Call("GET", "/v1/sites/3").status == 404);
  }
  SECTION("hosts may be swapped between two sites in one batch") {
    const std::string batch = fmt::format(R"({{"upsert": [{}, {}]}})",
                                          ExternalSite(1, "site2.example.com", upstream.url()),
                                          ExternalSite(2, "site1.example.com", upstream.url()));
    REQUIRE(system.orchestrator.Call("POST", "/v1/sites/batch", batch).status == 200);
    REQUIRE(system.StatusOf("site1.example.com") == 200);
  }
}

TEST_CASE(
    "a Traefik that is no more is waited for until it is declared gone, and again when it is "
    "back") {
  const std::uint16_t port = FreePort();
  const std::uint16_t second_port = FreePort();
  OrchestratorProcess orchestrator(
      fmt::format("docker: {{host: null}}\n"
                  "traefik: {{instances: [{{name: edge-1, entry_point: \"http://127.0.0.1:{}\"}},\n"
                  "  {{name: edge-2, entry_point: \"http://127.0.0.1:{}\"}}]}}\n",
                  port, second_port));
  orchestrator.Start();
  const TraefikProcess first(LongPollConfiguration(orchestrator.provider_url(), "edge-1"), port);
  const auto put = [&](const std::string& host, const std::string& timeout) {
    return orchestrator.Call("PUT", "/v1/sites/1?wait=routed&timeout=" + timeout,
                             ExternalSite(1, host, "http://192.0.2.1"));
  };
  REQUIRE(put("a.example.com", "500ms").Header("X-Reached") != "routed");
  const auto state_of = [&](std::size_t index) {
    return nlohmann::json::parse(orchestrator.Call("GET", "/v1/routing/instances").body)
        .at("instances")
        .at(index)
        .at("state");
  };
  REQUIRE(state_of(1) == "stale");
  REQUIRE(orchestrator.Call("DELETE", "/v1/routing/instances/edge-1").status == 409);
  REQUIRE(orchestrator.Call("DELETE", "/v1/routing/instances/nobody").status == 404);
  REQUIRE(orchestrator.Command({"routing", "instances", "--gone", "edge-2"}).status == 0);
  REQUIRE(state_of(1) == "gone");
  REQUIRE(put("b.example.com", "10s").Header("X-Reached") == "routed");

  orchestrator.Stop();
  orchestrator.Start();
  REQUIRE(state_of(1) == "gone");
  REQUIRE(put("c.example.com", "10s").Header("X-Reached") == "routed");

  const TraefikProcess second(LongPollConfiguration(orchestrator.provider_url(), "edge-2"),
                              second_port);
  REQUIRE(Eventually([&] { return state_of(1) == "live"; }));
  REQUIRE(put("d.example.com", "10s").Header("X-Reached") == "routed");
  orchestrator.Stop();
  orchestrator.Start();
  REQUIRE(state_of(1) != "gone");
}

TEST_CASE("Traefik's choice between overlapping sites follows the more precise one") {
  ExternalSystem system;
  const Upstream whole("whole");
  const Upstream blog("blog");
  const Upstream wildcard("wildcard");
  const Upstream wildcard_blog("wildcard blog");
  const auto put = [&](int id, const std::string& body) {
    const Answer answer =
        system.orchestrator.Call("PUT", fmt::format("/v1/sites/{}?wait=routed", id), body);
    INFO(answer.body);
    REQUIRE(answer.Header("X-Reached") == "routed");
  };
  // Many hosts make the whole site's rule the longest of all.
  nlohmann::json many = nlohmann::json::parse(ExternalSite(1, "www.example.com", whole.url()));
  for (int i = 0; i < 30; ++i) many["hosts"].push_back(fmt::format("other{}.example.org", i));
  many["hosts"].push_back("w.example.com");
  put(1, many.dump());
  put(2, ExternalSite(2, "www.example.com", blog.url(), {{"path_prefix", "/blog"}}));
  put(3, ExternalSite(3, "*.example.com", wildcard.url()));
  put(4, ExternalSite(4, "*.example.com", wildcard_blog.url(), {{"path_prefix", "/blog"}}));

  struct Case {
    const char* sentence;
    const char* host;
    const char* path;
    const char* body;
  };
  const Case cases[] = {
      {"the exact host goes before the wildcard", "www.example.com", "/", "whole /"},
      {"so does one as long as the wildcard", "w.example.com", "/", "whole /"},
      {"the path goes before the longer rule", "www.example.com", "/blog", "blog /blog"},
      {"also below the path", "www.example.com", "/blog/1", "blog /blog/1"},
      {"but not beside it", "www.example.com", "/blogger", "whole /blogger"},
      {"the wildcard takes what is left", "free.example.com", "/", "wildcard /"},
      {"with a path, too", "free.example.com", "/blog", "wildcard blog /blog"},
      {"an exact host without the path goes before a wildcard with it", "w.example.com", "/blog",
       "whole /blog"},
  };
  for (const Case& each : cases) {
    INFO(each.sentence);
    CHECK(system.BodyOf(each.host, each.path) == each.body);
  }
  CHECK(system.StatusOf("deep.free.example.com") == 404);
}

TEST_CASE("many sites are one document with merged maps, which Traefik reads like a small one") {
  ExternalSystem system;
  const Upstream upstream("hello");
  constexpr int kSites = 1'000;
  const auto host = [](int id) { return fmt::format("site{}.example.com", id); };
  const auto batch = [&](const nlohmann::json& body) {
    const Answer answer = system.orchestrator.Call("POST", "/v1/sites/batch", body.dump());
    INFO(answer.body);
    REQUIRE(answer.status == 200);
  };
  nlohmann::json all{{"upsert", nlohmann::json::array()}};
  for (int id = 1; id <= kSites; ++id) {
    all["upsert"].push_back(nlohmann::json::parse(ExternalSite(id, host(id), upstream.url())));
  }
  batch(all);
  const auto content_type = [&] {
    provider::http::ClientRequest request;
    request.url = system.orchestrator.provider_url();
    request.headers = {{"X-Traefik-Instance", "edge"}};  // no Traefik that is waited for
    return std::string(
        provider::http::FindHeader(system.client.Send(request).value().headers, "Content-Type"));
  };
  // A batch is answered when it is committed.
  CHECK(Eventually([&] { return content_type() == "application/yaml"; }));
  const auto answers = [&](int id) {
    return Eventually([&] { return system.BodyOf(host(id)) == "hello /"; });
  };
  for (const int id : {1, 127, 128, 129, 500, kSites}) CHECK(answers(id));
  const Answer moved = system.orchestrator.Call("PATCH", "/v1/sites/500?wait=routed",
                                                R"({"hosts": ["moved.example.com"]})");
  INFO(moved.body);
  REQUIRE(moved.status == 200);
  CHECK(system.BodyOf("moved.example.com") == "hello /");
  CHECK(system.StatusOf(host(500)) == 404);
  CHECK(answers(501));

  nlohmann::json most{{"delete", nlohmann::json::array()}};
  for (int id = 101; id <= kSites; ++id) most["delete"].push_back(id);
  batch(most);
  // So much does not vanish without consent.
  const auto held = [&] {
    return nlohmann::json::parse(system.orchestrator.Call("GET", "/v1/routing").body)
        .at("pools")
        .at(0)
        .at("held");
  };
  REQUIRE(Eventually([&] { return !held().is_null(); }));
  CHECK(held().at("vanishing") == 900);
  CHECK(answers(501));
  const Finished confirmed =
      system.orchestrator.Command({"routing", "confirm", held().at("revision").dump()});
  INFO(confirmed.output);
  REQUIRE(confirmed.status == 0);
  CHECK(Eventually([&] { return system.StatusOf(host(501)) == 404; }));
  CHECK(held().is_null());
  CHECK(Eventually([&] { return content_type() == "application/json"; }));
  CHECK(answers(100));
}

TEST_CASE("changes that come while Traefik applies one are gathered, and all become live") {
  ExternalSystem system;
  const Upstream upstream("hello");
  nlohmann::json batch{{"upsert", nlohmann::json::array()}};
  constexpr int kSites = 3'000;
  for (int id = 1; id <= kSites; ++id) {
    batch["upsert"].push_back(nlohmann::json::parse(
        ExternalSite(id, fmt::format("site{}.example.com", id), upstream.url())));
  }
  REQUIRE(system.orchestrator.Call("POST", "/v1/sites/batch", batch.dump()).status == 200);
  REQUIRE(system.orchestrator.Call("PATCH", "/v1/sites/1?wait=routed&timeout=60s", "{}").status ==
          200);
  const auto metric = [&](const std::string& name) {
    const std::string text = system.orchestrator.Call("GET", "/metrics").body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == text.npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
  };
  const auto deliveries = [&] {
    return metric("orchestrator_provider_polls_total{outcome=\"served\"}");
  };
  const double before = deliveries();
  REQUIRE(before > 0);
  // Each change is committed long before a reload of so many sites is over.
  constexpr int kChanges = 40;
  for (int id = 1; id <= kChanges; ++id) {
    REQUIRE(system.orchestrator
                .Call("PATCH", fmt::format("/v1/sites/{}", id),
                      fmt::format(R"({{"hosts": ["changed{}.example.com"]}})", id))
                .status == 200);
  }
  REQUIRE(system.orchestrator.Call("PATCH", "/v1/sites/40?wait=routed&timeout=60s", "{}")
              .Header("X-Reached") == "routed");
  for (int id = 1; id <= kChanges; ++id) {
    CHECK(system.StatusOf(fmt::format("changed{}.example.com", id)) == 200);
  }
  CHECK(deliveries() - before < kChanges / 2);
  CHECK(metric("orchestrator_provider_gathered_total") > 0);
  CHECK(metric("orchestrator_confirmation_seconds_count{pool=\"default\"}") > 0);
}

TEST_CASE("an answer claims no more than is true while no Traefik is there") {
  OrchestratorProcess orchestrator("docker: {host: null}\n");
  orchestrator.Start();
  const Answer answer = orchestrator.Call("PUT", "/v1/sites/1?wait=routed&timeout=300ms",
                                          ExternalSite(1, "a.example.com", "http://127.0.0.1:9"));
  CHECK(answer.status == 202);
  CHECK(answer.Header("X-Reached") == "accepted");
  CHECK(answer.Header("X-Waiting-For") == "no Traefik has polled yet");
  CHECK(orchestrator.Call("GET", "/v1/sites/1").status == 200);
}

TEST_CASE("what a site may say is accepted by Traefik") {
  ExternalSystem system;
  const Upstream upstream("hello");
  const nlohmann::json routings[] = {
      {{"health_check", {{"path", R"(/a"b\c|║'{}[]#&*!?%41)"}, {"interval", "30s"}}}},
      {{"sticky", true}},
      {{"path_prefix", "/a'b(c)$d"}},
      {{"entry_points", {"web"}}, {"tls", nullptr}},
      {{"tls", nlohmann::json::object()}},
  };
  int id = 0;
  for (const nlohmann::json& routing : routings) {
    ++id;
    INFO(routing.dump());
    const Answer answer = system.orchestrator.Call(
        "PUT", fmt::format("/v1/sites/{}?wait=routed&timeout=10s", id),
        ExternalSite(id, fmt::format("s{}.example.com", id), upstream.url(), routing));
    // Refusing is good, too; what is taken must not freeze Traefik.
    if (answer.status != 422) CHECK(answer.Header("X-Reached") == "routed");
  }
  const Answer last = system.orchestrator.Call("PUT", "/v1/sites/99?wait=routed",
                                               ExternalSite(99, "münchen.example", upstream.url()));
  CHECK(last.Header("X-Reached") == "routed");
  CHECK(system.StatusOf("xn--mnchen-3ya.example") == 200);
}

TEST_CASE("a site's extra is live in Traefik, and a wrong one changes nothing") {
  ExternalSystem system;
  const Upstream upstream("hello");
  const nlohmann::json extra = nlohmann::json::parse(R"j({"http": {
      "routers": {"site": {"middlewares": ["under"]},
                  "old": {"rule": "Host(`a.example.com`) && PathPrefix(`/old`)", "service": "split",
                          "middlewares": ["gone"]}},
      "services": {"split": {"weighted": {"services": [{"name": "site"}]}}},
      "middlewares": {"under": {"addPrefix": {"prefix": "/under"}},
                      "gone": {"ipAllowList": {"sourceRange": ["192.0.2.0/24"]}}}}})j");
  const Answer made = system.orchestrator.Call(
      "PUT", "/v1/sites/1?wait=routed",
      ExternalSite(1, "a.example.com", upstream.url(), {{"extra", extra}}));
  REQUIRE(made.status == 201);
  REQUIRE(made.Header("X-Reached") == "routed");
  CHECK(nlohmann::json::parse(made.body).at("routing").at("extra") == extra);
  CHECK(system.BodyOf("a.example.com", "/x") == "hello /under/x");
  CHECK(system.StatusOf("a.example.com", "/old/x") == 403);

  // Another site with objects of the same names has its own.
  REQUIRE(system.orchestrator
              .Call("PUT", "/v1/sites/2?wait=routed",
                    ExternalSite(2, "b.example.com", upstream.url(),
                                 {{"extra", nlohmann::json::parse(R"j({"http": {
                                     "routers": {"site": {"middlewares": ["under"]}},
                                     "middlewares": {"under":
                                         {"addPrefix": {"prefix": "/other"}}}}})j")}}))
              .status == 201);
  CHECK(system.BodyOf("b.example.com", "/x") == "hello /other/x");
  CHECK(system.BodyOf("a.example.com", "/x") == "hello /under/x");

  const Answer refused =
      system.orchestrator.Call("PATCH", "/v1/sites/2", R"j({"routing": {"extra": {"http": {
          "routers": {"site": {"middlewares": ["site_0001-x-gone@http"]}}}}}})j");
  CHECK(refused.status == 422);
  CHECK(refused.body.contains("/routing/extra/http/routers/site/middlewares/"));
  CHECK(system.BodyOf("b.example.com", "/x") == "hello /other/x");

  REQUIRE(system.orchestrator
              .Call("PATCH", "/v1/sites/2?wait=routed", R"j({"routing": {"extra": null}})j")
              .status == 200);
  CHECK(system.BodyOf("b.example.com", "/x") == "hello /x");
}

TEST_CASE("sites use what the fleet shares, and have no routes when it is taken away") {
  ExternalSystem system;
  const Upstream upstream("hello");
  const auto shared = system.orchestrator.state() / "shared.yaml";
  system.orchestrator.Kill();
  std::ofstream(shared) << "http: {middlewares: {pre: {addPrefix: {prefix: /shared}}}}\n";
  std::ofstream(system.orchestrator.config_file(), std::ios::app)
      << fmt::format("routing: {{shared: {}}}\n", shared.string());
  system.orchestrator.Start();
  const nlohmann::json extra = nlohmann::json::parse(
      R"j({"http": {"routers": {"site": {"middlewares": ["pre@shared"]}}}})j");
  REQUIRE(system.orchestrator
              .Call("PUT", "/v1/sites/1?wait=routed",
                    ExternalSite(1, "a.example.com", upstream.url(), {{"extra", extra}}))
              .Header("X-Reached") == "routed");
  REQUIRE(
      system.orchestrator
          .Call("PUT", "/v1/sites/2?wait=routed", ExternalSite(2, "b.example.com", upstream.url()))
          .Header("X-Reached") == "routed");
  CHECK(system.BodyOf("a.example.com", "/x") == "hello /shared/x");

  system.orchestrator.Kill();
  std::ofstream(shared) << "http: {middlewares: {pre: {compress: {}}, new: {compres: {}}}}\n";
  CHECK(system.orchestrator.Command({"config", "check", system.orchestrator.config_file().string()})
            .output.contains("compres"));
  std::ofstream(shared) << "http: {middlewares: {new: {compress: {}}}}\n";
  system.orchestrator.Start();
  CHECK(Eventually([&] { return system.StatusOf("a.example.com", "/x") == 404; }));
  CHECK(system.BodyOf("b.example.com", "/x") == "hello /x");
  const Answer status = system.orchestrator.Call("GET", "/v1/sites/1/status");
  CHECK(status.body.contains("pre@shared"));
  CHECK_FALSE(nlohmann::json::parse(status.body).at("routing").at("routed").get<bool>());
  CHECK(system.orchestrator.Call("DELETE", "/v1/sites/1?wait=routed&timeout=20s").status == 200);
}

TEST_CASE("a file of Traefik's file provider becomes sites that answer alike") {
  ExternalSystem system;
  const Upstream upstream("hello");
  const auto file = system.orchestrator.state() / "dynamic.yaml";
  const auto rest = system.orchestrator.state() / "rest.json";
  std::ofstream(file) << fmt::format(R"y(
http:
  routers:
    a: {{rule: "Host(`a.example.com`) || Host(`www.a.example.com`)", service: a, middlewares: [pre]}}
    odd: {{rule: "HostRegexp(`^odd`)", service: a}}
  middlewares:
    pre: {{addPrefix: {{prefix: /pre}}}}
    unused: {{compress: {{}}}}
  services:
    a: {{loadBalancer: {{servers: [{{url: "{}"}}]}}}}
)y",
                                     upstream.url());
  const Finished shown =
      system.orchestrator.Command({"import", "document", "--dry-run", file.string()});
  INFO(shown.output);
  CHECK(shown.status == 0);
  CHECK(shown.output.contains("nothing was changed"));
  CHECK(Eventually([&] { return system.StatusOf("a.example.com") == 404; }));

  const Finished made =
      system.orchestrator.Command({"import", "document", "--rest", rest.string(), file.string()});
  INFO(made.output);
  REQUIRE(made.status == 0);
  CHECK(made.output.contains("1 sites created"));
  CHECK(made.output.contains("no site: /http/routers/odd"));
  CHECK(Eventually([&] { return system.BodyOf("a.example.com", "/x") == "hello /pre/x"; }));
  CHECK(system.BodyOf("www.a.example.com", "/x") == "hello /pre/x");
  const auto left = nlohmann::json::parse(std::ifstream(rest));
  CHECK(left.at("http").at("routers").contains("odd"));
  CHECK(left.at("http").at("services").contains("a"));
  CHECK(left.at("http").at("middlewares").contains("unused"));

  const Finished again = system.orchestrator.Command({"import", "document", file.string()});
  INFO(again.output);
  CHECK(again.status != 0);
  CHECK(again.output.contains("a.example.com"));
  std::ofstream(file) << "http: {routers: {a: {rul: x}}}";
  const Finished refused = system.orchestrator.Command({"import", "document", file.string()});
  CHECK(refused.status != 0);
  CHECK(refused.output.contains("rul"));
}

TEST_CASE("the labels of a stack file become sites") {
  ExternalSystem system;
  const auto file = system.orchestrator.state() / "stack.yaml";
  std::ofstream(file) << R"y(
services:
  web:
    deploy:
      labels:
        traefik.http.routers.web.rule: Host(`a.example.com`)
        traefik.http.services.web.loadbalancer.server.port: 8080
  bad:
    deploy:
      labels: {traefik.http.routers.bad.rul: x}
)y";
  const Finished made =
      system.orchestrator.Command({"import", "labels", "--stack", "shop", file.string()});
  INFO(made.output);
  REQUIRE(made.status == 0);
  CHECK(made.output.contains("1 sites created"));
  CHECK(made.output.contains("shop_bad: "));
  const auto site = nlohmann::json::parse(system.orchestrator.Call("GET", "/v1/sites/1").body);
  CHECK(site.at("upstreams") == nlohmann::json({"http://shop_web:8080"}));
  CHECK(site.at("hosts") == nlohmann::json({"a.example.com"}));
  const Finished swarm = system.orchestrator.Command({"import", "labels"});
  INFO(swarm.output);
  CHECK(swarm.status != 0);
  CHECK(swarm.output.contains("docker.host"));
}

}  // namespace
}  // namespace tests
