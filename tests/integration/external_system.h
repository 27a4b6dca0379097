#pragma once

#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/orchestrator_process.h"
#include "tests/support/traefik_process.h"
#include "tests/support/web.h"

namespace tests {

inline std::string ExternalSite(int id, const std::string& host, const std::string& upstream,
                                const nlohmann::json& routing = nlohmann::json::object()) {
  return nlohmann::json{{"id", id},
                        {"kind", "external"},
                        {"hosts", {host}},
                        {"upstreams", {upstream}},
                        {"routing", routing}}
      .dump();
}

// The orchestrator without an engine, and a Traefik that is probed through its entry point.
struct ExternalSystem {
  const std::uint16_t port = FreePort();
  OrchestratorProcess orchestrator{fmt::format(
      "docker: {{host: null}}\n"
      "traefik: {{instances: [{{name: edge, entry_point: \"http://127.0.0.1:{}\"}}]}}\n",
      port)};
  std::unique_ptr<TraefikProcess> traefik;
  provider::http::Client client;

  ExternalSystem() {
    orchestrator.Start();
    traefik = std::make_unique<TraefikProcess>(
        LongPollConfiguration(orchestrator.provider_url(), "edge"), port);
  }

  int StatusOf(const std::string& host, const std::string& path = "/") {
    return VisitSite(client, traefik->url(), host, path).status;
  }
  std::string BodyOf(const std::string& host, const std::string& path = "/") {
    return VisitSite(client, traefik->url(), host, path).body;
  }
};

}  // namespace tests
