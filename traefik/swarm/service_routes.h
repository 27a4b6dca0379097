#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "traefik/codec/problem.h"
#include "traefik/codec/value.h"
#include "traefik/schema/option.h"
#include "traefik/swarm/rule_template.h"

// What Traefik's Swarm provider makes of one service: its labels, and what they leave out.
namespace traefik::swarm {

struct Service {
  std::string name;  // as the swarm has it
  std::map<std::string, std::string> labels;
  std::vector<std::string> addresses;  // of the running tasks, or the virtual one
};

struct ProviderOptions {
  bool exposed_by_default = true;
  std::string default_rule = std::string(kDefaultRule);
  schema::Version version = schema::kNewest;
};

struct ServiceRoutes {
  bool enabled = true;                 // traefik.enable
  std::optional<std::string> network;  // traefik.swarm.network
  bool load_balanced = false;          // traefik.swarm.lbswarm: by the virtual address
  codec::Value configuration;          // as a document would say it; nothing where not enabled
};

// Errors: Traefik passes the whole service over. Warnings: it leaves a router out, or something
// else is not as it is written.
ServiceRoutes RoutesOf(const Service& service, const ProviderOptions& options,
                       codec::Problems& problems);

}  // namespace traefik::swarm
