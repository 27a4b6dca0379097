#pragma once

#include <cstdint>
#include <string>

#include "tests/support/temporary_directory.h"

namespace tests {

// A real Traefik in a container on an overlay network of the test engine, which can read the
// swarm's labels and reach its tasks.
class TraefikContainer {
 public:
  // `static_configuration` is what `orchestrator static-config` prints; its entry point web listens
  // on port 80, which is published on `port` of loopback, and websecure on 443, on `tls_port`.
  TraefikContainer(const std::string& name, const std::string& network,
                   const std::string& static_configuration, std::uint16_t port,
                   std::uint16_t tls_port);
  ~TraefikContainer();
  TraefikContainer(const TraefikContainer&) = delete;
  TraefikContainer& operator=(const TraefikContainer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void Restart();
  std::string Log() const;

 private:
  TemporaryDirectory directory_;
  std::string name_;
  std::uint16_t port_;
};

}  // namespace tests
