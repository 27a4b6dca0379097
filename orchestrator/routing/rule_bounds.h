#pragma once

#include <optional>
#include <set>
#include <string_view>

#include "orchestrator/site/site.h"
#include "traefik/rules/rule_check.h"

namespace orchestrator::routing {

// Whether a rule matches nothing outside of the site's own addresses: each of its alternatives
// names one of them, as a conjunction with the host (and the path, where the site has a part of a
// host only). Then the addresses that they name; nothing where one does not, and for rules that
// cannot be read or name another host anywhere.
std::optional<std::set<site::Address>> AddressesOf(std::string_view rule, const site::Site& site,
                                                   traefik::rules::Protocol protocol);

}  // namespace orchestrator::routing
