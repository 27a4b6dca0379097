#include "provider/assembly.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "tests/provider/gunzip.h"

namespace provider {
namespace {

using nlohmann::json;

const traefik::RevisionProbe kProbe{"probe.invalid", "X-Secret", "s", "X-Revision"};

Assembly MakeAssembly() { return {kProbe, {"web"}, {"CERT", "KEY"}}; }

traefik::Fragment Router(const std::string& name) {
  traefik::Configuration configuration;
  configuration.routers[name].rule = "Host(`" + name + "`)";
  configuration.routers[name].service = name;
  return traefik::RenderFragment(configuration);
}

TEST_CASE("Assembly says whether a fragment changes the document") {
  Assembly assembly = MakeAssembly();
  CHECK_FALSE(assembly.Remove(1));
  CHECK_FALSE(assembly.Set(1, {}));
  CHECK(assembly.Set(1, Router("a")));
  CHECK_FALSE(assembly.Set(1, Router("a")));
  CHECK(assembly.Set(1, Router("b")));
  CHECK(assembly.size() == 1);
  CHECK(assembly.Set(1, {}));
  CHECK(assembly.size() == 0);
  CHECK_FALSE(assembly.Remove(1));
}

TEST_CASE("Assembly gives the same bytes whatever the order of changes was") {
  Assembly forward = MakeAssembly();
  forward.Set(1, Router("a"));
  forward.Set(2, Router("b"));
  Assembly backward = MakeAssembly();
  backward.Set(2, Router("x"));
  backward.Set(3, Router("c"));
  backward.Set(2, Router("b"));
  backward.Set(1, Router("a"));
  backward.Remove(3);

  const auto first = forward.Build(5);
  const auto second = backward.Build(5);
  CHECK(*first->plain == *second->plain);
  CHECK(*first->gzip == *second->gzip);
  CHECK(first->etag == second->etag);
}

TEST_CASE("A snapshot carries its revision in the document's probe") {
  Assembly assembly = MakeAssembly();
  const auto snapshot = assembly.Build(7);
  CHECK(snapshot->revision == 7);
  const json document = json::parse(*snapshot->plain);
  CHECK(document["http"]["middlewares"]["orchestrator-probe"]["headers"]["customResponseHeaders"]
                ["X-Revision"] == "7");
  CHECK(document["http"]["routers"]["orchestrator-probe"]["entryPoints"] == json{"web"});
  CHECK(document["tls"]["stores"]["default"]["defaultCertificate"]["keyFile"] == "KEY");
  CHECK(assembly.Build(8)->etag != snapshot->etag);
}

TEST_CASE("A snapshot's packed bytes hold its plain ones") {
  Assembly assembly = MakeAssembly();
  for (std::uint64_t key = 1; key <= 500; ++key) assembly.Set(key, Router(std::to_string(key)));
  const auto snapshot = assembly.Build(1);
  CHECK(tests::Gunzip(*snapshot->gzip).text == *snapshot->plain);
  CHECK(json::parse(*snapshot->plain)["http"]["routers"].size() == 501);
}

TEST_CASE("A snapshot stays as it is when the assembly changes") {
  Assembly assembly = MakeAssembly();
  assembly.Set(1, Router("a"));
  const auto before = assembly.Build(1);
  const std::string text = *before->plain;
  assembly.Set(1, Router("b"));
  const auto after = assembly.Build(2);
  CHECK(*before->plain == text);
  CHECK(*after->plain != text);
}

}  // namespace
}  // namespace provider
