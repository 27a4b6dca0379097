// A real Traefik that polls over TLS with a certificate of its own.
#include <map>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/integration/external_system.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/web.h"

namespace tests {
namespace {

using namespace std::chrono_literals;

void Replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  INFO(text);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

TEST_CASE("a Traefik with a certificate polls over TLS, one without gets nothing") {
  const TemporaryDirectory directory;
  const Certificates certificates(directory.path());
  certificates.Make("server", "ca");
  certificates.Make("client", "client-ca");
  certificates.Make("stranger", "other-ca");
  const std::uint16_t port = FreePort();
  const std::uint16_t pages_port = FreePort();
  OrchestratorProcess orchestrator(fmt::format(
      "docker: {{host: null}}\n"
      "pages: {{listen: \"127.0.0.1:{}\"}}\n"
      "traefik: {{instances: [{{name: edge, entry_point: \"http://127.0.0.1:{}\"}}]}}\n",
      pages_port, port));
  const std::map<std::string, std::string> tls{
      {"ORCHESTRATOR_PROVIDER_TLS_CERTIFICATE", certificates.certificate("server").string()},
      {"ORCHESTRATOR_PROVIDER_TLS_KEY", certificates.key("server").string()},
      {"ORCHESTRATOR_PROVIDER_TLS_CLIENT_CA", certificates.certificate("client-ca").string()}};
  orchestrator.Start(tls);

  // What the program prints for a Traefik, with the paths of this test.
  const auto configuration = [&](const std::string& client) {
    const Finished printed = RunProgram({OrchestratorProgram(), "static-config", "--config",
                                         orchestrator.config_file().string(), "--instance", "edge"},
                                        tls);
    REQUIRE(printed.status == 0);
    std::string yaml = printed.output.substr(printed.output.find("providers:"));
    Replace(yaml, "/etc/traefik/orchestrator-ca.pem", certificates.certificate("ca").string());
    Replace(yaml, "/etc/traefik/orchestrator-client.pem",
            certificates.certificate(client).string());
    Replace(yaml, "/etc/traefik/orchestrator-client-key.pem", certificates.key(client).string());
    return yaml;
  };
  const Upstream upstream("hello");
  provider::http::Client client;
  const auto put = [&](int id, const std::string& timeout) {
    return orchestrator
        .Call("PUT", fmt::format("/v1/sites/{}?wait=routed&timeout={}", id, timeout),
              ExternalSite(id, fmt::format("site{}.example.com", id), upstream.url()))
        .Header("X-Reached");
  };
  {
    const TraefikProcess stranger(configuration("stranger"), port);
    CHECK(put(1, "2s") == "accepted");
    CHECK(VisitSite(client, stranger.url(), "site1.example.com").status == 404);
  }
  const TraefikProcess traefik(configuration("client"), port);
  CHECK(put(1, "20s") == "routed");
  CHECK(put(2, "20s") == "routed");
  CHECK(VisitSite(client, traefik.url(), "site2.example.com").body == "hello /");

  // Visitors see the pages, although Traefik has no certificate for these.
  REQUIRE(orchestrator.Call("PATCH", "/v1/sites/1?wait=routed", R"({"served": false})").status ==
          200);
  const Visit page = VisitSite(client, traefik.url(), "site1.example.com");
  CHECK(page.status == 503);
  CHECK(page.body.contains("switched off"));
}

}  // namespace
}  // namespace tests
