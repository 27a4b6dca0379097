#pragma once

#include <map>
#include <string>
#include <string_view>

#include "traefik/configuration.h"

namespace traefik {

using Labels = std::map<std::string, std::string>;

// The labels that Traefik's swarm provider reads back to `configuration`. Only what labels can say
// may be in it: services with a port, or with one URL, which Traefik reads from 3.4 on and without
// any task of the service. `network` is the overlay by which Traefik reaches the tasks. Keys are
// spelled as Traefik's documentation spells them.
Labels EncodeLabels(const Configuration& configuration, std::string_view network);

// Labels that keep Traefik's swarm provider away from a service, whatever its defaults are.
Labels DisabledLabels();

// Whether `key` is a label of routing that belongs to the object called `name`: the switches
// traefik.enable and traefik.swarm.*, and every option of the router, service or middleware `name`
// or `name`-something. Used to replace our own labels and leave those of others.
bool BelongsTo(std::string_view key, std::string_view name);

}  // namespace traefik
