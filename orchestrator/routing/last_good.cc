#include "orchestrator/routing/last_good.h"

#include <algorithm>

#include "orchestrator/routing/rule_bounds.h"
#include "traefik/check/configuration_check.h"
#include "traefik/codec/edit.h"

namespace orchestrator::routing {

bool StillUsable(const traefik::Fragment& routes, const site::Site& site,
                 const RouteOptions& options) {
  // Streams may take all of an entry point, which somebody else may have by now.
  const bool http_only = std::ranges::all_of(
      routes.others, [](const auto& section) { return section.first.starts_with("http/"); });
  if (!http_only || routes.routers.empty()) return false;
  for (const traefik::RouterText& router : routes.routers) {
    if (router.old_syntax) return false;
    if (!AddressesOf(router.rule, site, traefik::rules::Protocol::kHttp)) return false;
  }
  traefik::codec::Value whole =
      DecodedRoutes(traefik::Joined(routes, SharedFragment(options)), options);
  traefik::codec::Problems problems;
  traefik::check::CheckConfiguration(whole, problems, options.version);
  return problems.errors.empty();
}

}  // namespace orchestrator::routing
