#include "tests/support/traefik_container.h"

#include <chrono>
#include <stdexcept>

#include "tests/support/engine.h"
#include "tests/support/eventually.h"

namespace tests {

TraefikContainer::TraefikContainer(const std::string& name, const std::string& network,
                                   const std::string& static_configuration, std::uint16_t port,
                                   std::uint16_t tls_port)
    : name_(name), port_(port) {
  const std::string file = directory_.Write("traefik.yaml", static_configuration);
  const std::string socket = Engine::Host().substr(std::string("unix://").size());
  Finished started;
  // A network that was made a moment ago is not known everywhere in the engine yet. A busy engine
  // gives up attaching to it only after 20 s.
  const bool runs = Eventually(
      [&] {
        Engine::Docker({"rm", "-f", name_});
        started =
            Engine::Docker({"run", "-d", "--name", name_, "--network", network, "-p",
                            "127.0.0.1:" + std::to_string(port_) + ":80", "-p",
                            "127.0.0.1:" + std::to_string(tls_port) + ":443", "-v",
                            file + ":/traefik.yaml:ro", "-v", socket + ":/var/run/docker.sock",
                            Engine::TraefikImage(), "--configFile=/traefik.yaml"});
        return started.status == 0;
      },
      std::chrono::seconds(120), std::chrono::milliseconds(500));
  if (!runs) throw std::runtime_error("Traefik does not start: " + started.output);
}

TraefikContainer::~TraefikContainer() { Engine::Docker({"rm", "-f", name_}); }

void TraefikContainer::Restart() { Engine::Docker({"restart", "-t", "1", name_}); }

std::string TraefikContainer::Log() const { return Engine::Docker({"logs", name_}).output; }

}  // namespace tests
