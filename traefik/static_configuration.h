#pragma once

#include <string>
#include <vector>

namespace traefik {

// What a Traefik needs to be told at start so that it polls the orchestrator and answers its
// probes.
struct StaticConfiguration {
  std::string instance;                   // name under which this Traefik is known
  std::string provider_endpoint;          // http://host:port/configuration as Traefik reaches it
  std::string provider_token;             // empty: no Authorization header
  bool provider_knows_clients = false;    // by certificates, which Traefik has to have
  std::vector<std::string> entry_points;  // names; the first listens on :80, "websecure" on :443
  std::string docker_endpoint;            // as Traefik reaches it; empty: no swarm provider
  std::string network;                    // the overlay of the sites
  std::string swarm_constraint;           // which services are its own; empty: all
  unsigned swarm_refresh_seconds = 15;
};

// Traefik's static configuration as commented YAML, for `traefik --configFile`.
std::string RenderStaticConfiguration(const StaticConfiguration& configuration);

}  // namespace traefik
