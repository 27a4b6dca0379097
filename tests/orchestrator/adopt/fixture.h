#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "orchestrator/adopt/proposal.h"
#include "orchestrator/site/codec.h"

// Services as a swarm has them before its sites are taken over.
namespace orchestrator::adopt {

inline docker::Service MakeService(std::string name, docker::Labels labels) {
  docker::Service service;
  service.spec.name = std::move(name);
  service.spec.labels = std::move(labels);
  return service;
}

// What Director makes, as a real engine shows it.
inline docker::Service Director(std::int64_t id, const std::string& host) {
  const std::string name = site::ServiceName({id});
  docker::Service service = MakeService(
      name,
      {{"traefik.http.routers." + name + ".rule", "Host(`" + host + "`)"},
       {"traefik.http.routers." + name + ".service", name},
       {"traefik.http.routers." + name + ".middlewares", "max-request-2097152@swarm"},
       {"traefik.http.services." + name + ".loadbalancer.server.port", "80"},
       {"traefik.http.middlewares.max-request-2097152.buffering.maxRequestBodyBytes", "2097152"},
       {"traefik.swarm.network", "director-sites"}});
  docker::TaskTemplate& task = service.spec.task;
  task.image = name;
  task.nano_cpus = 600'000'000;
  task.memory_bytes = 100'000'000;
  task.environment = {"TZ=UTC", "PORT=80", "HOST=0.0.0.0"};
  docker::Mount mount;
  mount.target = "/site";
  task.mounts = {mount};
  return service;
}

inline ProposeOptions Options() { return {"director-sites", {"web"}, {1}, {}, "UTC"}; }

// The proposal of a swarm with one service. Its site, if any, is one that a user could send.
inline Proposal ProposeOne(const docker::Service& service,
                           const std::set<site::SiteId>& taken = {}) {
  const auto proposals = Propose({service}, taken, Options());
  REQUIRE(proposals.size() == 1);
  const Proposal& proposal = proposals.front();
  CHECK(proposal.site.has_value() == proposal.refusal.empty());
  if (proposal.site) {
    const auto parsed = site::Parse(site::ToJson(*proposal.site));
    REQUIRE(parsed.has_value());
    CHECK(*parsed == *proposal.site);
  }
  return proposal;
}

inline bool HasRemark(const Proposal& proposal, std::string_view text) {
  return std::ranges::any_of(proposal.remarks,
                             [&](const std::string& remark) { return remark.contains(text); });
}

}  // namespace orchestrator::adopt
