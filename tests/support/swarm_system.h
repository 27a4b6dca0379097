#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/orchestrator_process.h"
#include "tests/support/traefik_container.h"
#include "tests/support/web.h"

namespace tests {

// The whole system: the orchestrator on the test engine's swarm, with Traefiks beside it: "edge",
// and where there are two "edge2". Site ids are up to the test; whatever services it leaves are
// removed at the end.
class SwarmSystem {
 public:
  // `default_mode` is labels or provider; `engine` may be another address of the test engine.
  explicit SwarmSystem(const std::string& default_mode, const std::string& engine = {},
                       unsigned swarm_refresh_seconds = 1, std::size_t traefiks = 1);
  ~SwarmSystem();

  // Replaces a part of the configuration file, for the next start.
  void Configure(const std::string& before, const std::string& after);

  // Goes by an overlay of its own with this subnet, for more services than the usual one has
  // addresses. Before the start.
  void UseNetwork(const std::string& name, const std::string& subnet);

  // Has an entry point websecure with TLS beside web, which the first Traefik is asked through.
  // Before the start.
  void UseTls();

  // Starts the orchestrator, and the first Traefik once the overlay network is there.
  void Start();
  void StartTraefik(std::size_t index = 0);

  OrchestratorProcess& orchestrator() { return *orchestrator_; }
  TraefikContainer& traefik(std::size_t index = 0) { return *traefiks_[index]; }
  std::string traefik_url(std::size_t index = 0) const {
    return "http://127.0.0.1:" + std::to_string(ports_[index]);
  }

  std::string tls_url() const { return "https://127.0.0.1:" + std::to_string(tls_ports_[0]); }

  Visit VisitHost(const std::string& host);
  // Whether the host answers with 200 and a text in its body within the time.
  bool Answers(const std::string& host, const std::string& text,
               std::chrono::milliseconds limit = std::chrono::seconds(40));
  // /v1/sites/{id}/status → /routing/phase
  std::string PhaseOf(int id);
  bool ReachesPhase(int id, const std::string& phase,
                    std::chrono::milliseconds limit = std::chrono::seconds(40));

  // JSON of a dynamic site whose run file serves `text`.
  static std::string DynamicSite(int id, const std::string& host, const std::string& text);

 private:
  std::vector<std::uint16_t> ports_;
  std::vector<std::uint16_t> tls_ports_;
  std::string network_;
  std::unique_ptr<OrchestratorProcess> orchestrator_;
  std::vector<std::unique_ptr<TraefikContainer>> traefiks_;
  provider::http::Client client_;
};

}  // namespace tests
