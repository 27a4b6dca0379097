#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/adopt/labels.h"
#include "orchestrator/site/site.h"

// The routes of one service, in what a site can say of them. Pure functions.
namespace orchestrator::adopt {

// The middlewares of all services, by name: Traefik knows them by one name for all of a swarm.
struct Middleware {
  Options options;
  bool contradictory = false;  // defined twice, differently: Traefik then has neither
};
using Middlewares = std::map<std::string, Middleware>;

void AddMiddlewares(const RoutingLabels& labels, Middlewares& middlewares);

struct TakenRouter {
  std::string name;
  std::vector<site::Address> addresses;
  std::int64_t priority = 0;  // 0: none of its own
  std::string priority_label;
};

struct TakenRoutes {
  std::vector<TakenRouter> routers;
  std::vector<std::string> entry_points;  // empty: none named
  std::optional<site::Tls> tls;
  std::optional<site::Bytes> body_limit;  // unset: none
  std::optional<std::uint16_t> port;
  std::optional<std::string> sticky_cookie;  // empty: the name that Traefik chooses
  std::optional<site::HealthCheck> health_check;
  std::vector<std::string> remarks;
};

// The error is a sentence for people that names the label, why no site can say the same.
std::expected<TakenRoutes, std::string> ReadRoutes(const RoutingLabels& labels,
                                                   const Middlewares& middlewares);

}  // namespace orchestrator::adopt
