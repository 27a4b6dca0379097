#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/docker/types.h"

// A service's labels of routing, sorted by what they are about, as Traefik's swarm provider reads
// them. Pure functions.
namespace orchestrator::adopt {

struct Label {
  std::string key;  // as it is written
  std::string value;
};

// By the option's name in lower case: "loadbalancer.server.port".
using Options = std::map<std::string, Label>;

struct NamedOptions {
  std::string name;  // as its first label spells it, in byte order
  Options options;
};

// By the name in lower case: Traefik merges names that differ in case only.
using Section = std::map<std::string, NamedOptions>;

struct RoutingLabels {
  bool any = false;
  bool enabled = true;  // a service that does not say so is taken as one that Traefik shows
  std::string network;  // empty: none named
  Section routers;
  Section services;
  Section middlewares;
  std::vector<std::string> beyond_sites;  // keys that no site can say
  std::vector<std::string> problems;      // sentences about labels that Traefik itself refuses
};

RoutingLabels ReadLabels(const docker::Labels& labels);

std::string Lower(std::string_view text);

std::string_view Trim(std::string_view text);

// A list value as Traefik splits it: at commas, without spaces; each text once.
std::vector<std::string> SplitList(std::string_view value);

// "max-request-1@swarm" → "max-request-1": a name of the provider that reads labels.
std::string_view WithoutProvider(std::string_view name);

}  // namespace orchestrator::adopt
