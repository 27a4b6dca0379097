#include "orchestrator/adopt/document_import.h"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace orchestrator::adopt {
namespace {

using nlohmann::json;

routing::RouteOptions Options() {
  return {{"web"}, "net", {"probe.invalid", "X-Secret", "s", "X-Revision"}};
}

DocumentImport Import(const json& document) {
  auto import = ImportDocument(document.dump(), DocumentFormat::kYaml, {2}, Options());
  if (!import) FAIL(import.error().message);
  return *std::move(import);
}

json Service(const json& balancer = json::object()) {
  json service{{"loadBalancer", {{"servers", {{{"url", "http://10.0.0.1:80"}}}}}}};
  service["loadBalancer"].update(balancer);
  return service;
}

json Document(const json& router, const json& service = Service()) {
  return {{"http",
           {{"routers", {{"r", router}}},
            {"services", {{"s", service}}},
            {"middlewares", {{"m", {{"addPrefix", {{"prefix", "/p"}}}}}}}}}};
}

// The places of what Traefik would have otherwise.
std::vector<std::string> Pointers(const std::vector<traefik::codec::Change>& changes) {
  std::vector<std::string> pointers;
  for (const auto& change : changes) pointers.push_back(change.pointer);
  return pointers;
}

TEST_CASE("A plain router becomes a site with its fields") {
  const DocumentImport import = Import(Document({{"rule", "Host(`a.example`) || Host(`b.example`)"},
                                                 {"service", "s"},
                                                 {"entryPoints", {"web", "other"}}}));
  REQUIRE(import.routers.size() == 1);
  const site::Site& site = import.routers[0].site;
  CHECK(site.id.value == 2);
  CHECK(site.kind == site::Kind::kExternal);
  CHECK(site.hosts.size() == 2);
  CHECK(site.upstreams == std::vector<std::string>{"http://10.0.0.1:80"});
  CHECK(site.routing.entry_points == std::vector<std::string>{"web", "other"});
  CHECK(site.routing.extra.empty());
  CHECK(import.left_over.empty());
  // What all sites have: a limit, attempts again.
  CHECK(Pointers(import.routers[0].difference) ==
        std::vector<std::string>{"/http/routers/r/middlewares"});
  // Nobody uses the middleware: it is kept.
  CHECK(
      json::parse(traefik::codec::ToJson(import.rest)).at("http").at("middlewares").contains("m"));
}

TEST_CASE("TOML says the same, and what is wrong with it is told with its place") {
  const auto import = ImportDocument(R"toml(
[http.routers.r]
  rule = "Host(`a.example`)"
  service = "s"
[[http.services.s.loadBalancer.servers]]
  url = "http://10.0.0.1:80"
)toml",
                                     DocumentFormat::kToml, {1}, Options());
  REQUIRE(import);
  REQUIRE(import->routers.size() == 1);
  CHECK(import->routers[0].site.upstreams == std::vector<std::string>{"http://10.0.0.1:80"});
  const auto refused =
      ImportDocument("[http.routers.r]\nrul = 1\n", DocumentFormat::kToml, {1}, Options());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.contains("/http/routers/r/rul"));
  CHECK(refused.error().message.contains("line 2"));
  const auto gone = ImportDocument("[http.routers.r]\nrule = 'Host(`a`)'\nservice = 'gone'\n",
                                   DocumentFormat::kToml, {1}, Options());
  REQUIRE_FALSE(gone);
  CHECK(gone.error().message.contains("there is no service 'gone' (line 3"));
}

TEST_CASE("What a site's fields cannot say goes into its extra, with all that it needs") {
  json document = Document({{"rule", "Host(`a.example`)"},
                            {"service", "s"},
                            {"middlewares", {"c"}},
                            {"entryPoints", {"web"}},
                            {"priority", 7},
                            {"tls", {{"certResolver", "le"}, {"options", "strict"}}}},
                           Service({{"passHostHeader", false},
                                    {"serversTransport", "t"},
                                    {"sticky", {{"cookie", {{"name", "c"}}}}}}));
  document["http"]["middlewares"]["c"] = {{"chain", {{"middlewares", {"m"}}}}};
  document["http"]["serversTransports"]["t"] = {{"insecureSkipVerify", true}};
  document["tls"]["options"]["strict"] = {{"minVersion", "VersionTLS13"}};
  const DocumentImport import = Import(document);
  REQUIRE(import.routers.size() == 1);
  const ImportedRouter& imported = import.routers[0];
  CHECK(imported.site.routing.tls->resolver == "le");
  const json extra = json::parse(imported.site.routing.extra);
  CHECK(extra.at("http").at("routers").at("site").at("middlewares") == json({"c"}));
  CHECK(extra.at("http").at("middlewares").contains("m"));
  CHECK(extra.at("http").at("serversTransports").contains("t"));
  CHECK(extra.at("tls").at("options").contains("strict"));
  for (const std::string& pointer : Pointers(imported.difference)) {
    INFO(pointer);
    CHECK(pointer == "/http/routers/r/middlewares");
  }
  CHECK_FALSE(import.rest.is_set());
}

TEST_CASE("A router of a weighted service keeps it") {
  json document =
      Document({{"rule", "Host(`a.example`)"}, {"service", "w"}, {"entryPoints", {"web"}}});
  document["http"]["services"]["w"] = {
      {"weighted", {{"services", {{{"name", "s"}, {"weight", 2}}}}}}};
  const DocumentImport import = Import(document);
  REQUIRE(import.routers.size() == 1);
  const json extra = json::parse(import.routers[0].site.routing.extra);
  CHECK(extra.at("http").at("routers").at("site").at("service") == "w");
  CHECK(extra.at("http").at("services").at("w").at("weighted").at("services").at(0).at("weight") ==
        2);
}

TEST_CASE("A service with middlewares of its own keeps them, by whatever name they are called") {
  json document =
      Document({{"rule", "Host(`a.example`)"}, {"service", "s"}, {"middlewares", {"m@file"}}});
  document["http"]["services"]["s"]["middlewares"] = {"m"};
  const DocumentImport import = Import(document);
  REQUIRE(import.routers.size() == 1);
  const json extra = json::parse(import.routers[0].site.routing.extra);
  CHECK(extra.at("http").at("routers").at("site").at("service") == "s");
  CHECK(extra.at("http").at("routers").at("site").at("middlewares") == json({"m"}));
  CHECK(extra.at("http").at("services").at("s").at("middlewares") == json({"m"}));
  CHECK(extra.at("http").at("middlewares").contains("m"));
}

TEST_CASE("What cannot be a site is left over with its reason and what it needs") {
  struct Case {
    const char* sentence;
    json router;
    const char* reason;
  };
  const Case cases[] = {
      {"should leave a rule that says more than hosts",
       {{"rule", "Host(`a.example`) && Method(`GET`)"}, {"service", "s"}, {"middlewares", {"m"}}},
       "rule"},
      {"should leave a router of another provider's service",
       {{"rule", "Host(`a.example`)"}, {"service", "gone@file"}, {"middlewares", {"m"}}},
       "gone@file"},
      {"should leave a router with another site's middleware",
       {{"rule", "Host(`a.example`)"}, {"service", "s"}, {"middlewares", {"m", "x@swarm"}}},
       "x@swarm"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const DocumentImport import = Import(Document(c.router));
    CHECK(import.routers.empty());
    REQUIRE(import.left_over.size() == 1);
    INFO(import.left_over[0].reason);
    CHECK(import.left_over[0].object == "/http/routers/r");
    CHECK(import.left_over[0].reason.contains(c.reason));
    CHECK(json::parse(traefik::codec::ToJson(import.rest))
              .at("http")
              .at("middlewares")
              .contains("m"));
  }
}

TEST_CASE("Routers of the addresses of one site are all part of it") {
  json document = Document({{"rule", "Host(`a.example`)"},
                            {"service", "s"},
                            {"entryPoints", {"websecure"}},
                            {"tls", {{"certResolver", "le"}}}});
  document["http"]["routers"]["r-http"] = {{"rule", "Host(`a.example`)"},
                                           {"service", "s"},
                                           {"entryPoints", {"web"}},
                                           {"middlewares", {"to-https"}}};
  document["http"]["middlewares"]["to-https"] = {{"redirectScheme", {{"scheme", "https"}}}};
  document["http"]["routers"]["r-post"] = {
      {"rule", "Host(`a.example`) && Method(`POST`)"}, {"service", "t"}, {"entryPoints", {"web"}}};
  document["http"]["services"]["t"] = Service({{"passHostHeader", false}});
  const DocumentImport import = Import(document);
  REQUIRE(import.routers.size() == 1);
  CHECK(import.left_over.empty());
  const ImportedRouter& imported = import.routers[0];
  CHECK(imported.router == "r");
  CHECK(imported.others == std::vector<std::string>{"r-http", "r-post"});
  const json extra = json::parse(imported.site.routing.extra);
  CHECK(extra.at("http").at("routers").at("r-http").at("service") == "site");
  CHECK(extra.at("http").at("routers").at("r-post").at("service") == "t");
  CHECK(extra.at("http").at("middlewares").contains("to-https"));
  // No more than what all sites have.
  CHECK(Pointers(imported.difference) == std::vector<std::string>{"/http/routers/r/middlewares"});
}

TEST_CASE("Of many routers of one site those that can be are part of it") {
  json document = Document({{"rule", "Host(`a.example`)"}, {"service", "s"}});
  for (int i = 0; i < 40; ++i) {
    document["http"]["routers"][fmt::format("r{}", i)] = {
        {"rule", fmt::format("Host(`a.example`) && Header(`X`, `{}`)", i)}, {"service", "s"}};
  }
  CHECK(Import(document).routers.at(0).others.size() == 40);
  // One that goes before the exact paths of others is told; the rest stays.
  document["http"]["routers"]["r7"]["priority"] = 200'000;
  const DocumentImport import = Import(document);
  CHECK(import.routers.at(0).others.size() == 39);
  REQUIRE(import.left_over.size() == 1);
  CHECK(import.left_over[0].object == "/http/routers/r7");
  CHECK(import.left_over[0].reason.contains("priority"));
}

TEST_CASE("A document that is wrong becomes no site") {
  json document = Document({{"rule", "Host(`a.example`)"}, {"service", "s"}});

  document["http"]["routers"]["r"]["middlewares"] = {"gone"};
  const auto refused = ImportDocument(document.dump(), DocumentFormat::kYaml, {1}, Options());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fields.front().pointer == "/http/routers/r/middlewares");
  json many = json::object();
  for (int i = 0; i < 1000; ++i) many["http"]["routers"]["r" + std::to_string(i)] = {{"rul", "x"}};
  const auto long_list = ImportDocument(many.dump(), DocumentFormat::kYaml, {1}, Options());
  REQUIRE_FALSE(long_list);
  CHECK(long_list.error().fields.size() == 50);
  CHECK(long_list.error().message.ends_with("and 950 more"));
  CHECK_FALSE(ImportDocument("", DocumentFormat::kYaml, {1}, Options()));
  CHECK_FALSE(ImportDocument("{", DocumentFormat::kYaml, {1}, Options()));
}

}  // namespace
}  // namespace orchestrator::adopt
