#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/routing/routes.h"
#include "orchestrator/site/site.h"
#include "traefik/codec/value.h"

// What a site's own piece of Traefik's dynamic configuration (routing.extra) means. Its objects get
// names of their own ("site_0017-x-auth"), so that no two sites share one by chance. In it
//   auth          is another object of the same extra,
//   auth@shared   is one of the fleet (routing.shared),
//   site          as a service is the site's own, and
//   routers.site, services.site  add to the routers and the service that the site has anyway.
// Pure functions.
namespace orchestrator::routing {

enum class Form { kDocument, kLabels };

// The objects that come to the `own` routes of the site, or take the place of those with the same
// name. Needs a site with an extra. The error has a field for each thing that is wrong, where
// Traefik would refuse it, where it touches what is not the site's, and where the target version
// does not know it.
Result<traefik::codec::Value> CompileExtra(const site::Site& site, const traefik::codec::Value& own,
                                           Form form, const RouteOptions& options);

// The entry points of which the site takes every connection, as "udp dns" and "tcp db" (whose
// router has the rule HostSNI(`*`)).
std::vector<std::string> StreamsOf(const site::Site& site);

// Why labels cannot say the routes of this site, as "has several upstreams: …"; nothing where they
// can.
std::optional<std::string> LabelObstacle(const site::Site& site);

// Why it cannot be routed by labels here: that, or that nothing could carry or read them.
std::optional<std::string> LabelObstacle(const site::Site& site, const RouteOptions& options);

}  // namespace orchestrator::routing
