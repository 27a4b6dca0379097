#pragma once

#include "orchestrator/site/site.h"
#include "traefik/rules/rule_check.h"

namespace orchestrator::routing {

// Whether a rule matches nothing outside of the site's own addresses: each of its alternatives
// names one of them, as a conjunction with the host (and the path, where the site has a part of a
// host only). Rules that cannot be read are not.
bool StaysWithin(std::string_view rule, const site::Site& site, traefik::rules::Protocol protocol);

}  // namespace orchestrator::routing
