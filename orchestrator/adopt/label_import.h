#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/docker/types.h"
#include "orchestrator/error.h"
#include "traefik/codec/value.h"
#include "traefik/swarm/service_routes.h"

// The dynamic configuration that Traefik's Swarm provider would make of services with labels, with
// the services' names as addresses instead of those of their tasks. Pure functions.
namespace orchestrator::adopt {

// The services of a compose or stack file: their names (as `stack` would give them; empty: as they
// are written) and the labels of `deploy.labels`, or `labels` where there are none.
Result<std::vector<traefik::swarm::Service>> ReadStackFile(std::string_view yaml,
                                                           std::string_view stack);

// The same of a running swarm, without the services of sites.
std::vector<traefik::swarm::Service> LabelledServices(const std::vector<docker::Service>& services);

struct LabelRoutes {
  traefik::codec::Value configuration;  // not set where no service has routes
  std::vector<std::string> remarks;     // "web: …": what Traefik passes over or reads otherwise
};

LabelRoutes RoutesOfLabels(const std::vector<traefik::swarm::Service>& services,
                           traefik::schema::Version version);

}  // namespace orchestrator::adopt
