#pragma once

#include "traefik/codec/problem.h"
#include "traefik/codec/value.h"
#include "traefik/schema/option.h"

namespace traefik::check {

// Adds what is wrong with a decoded configuration as a whole, where Traefik would take the document
// but leave a router, service or middleware out: references to nothing, loops, rules, priorities,
// objects of no kind or several, values that cannot work. Names with '@' belong to other providers
// and are not looked at; nor are hashes of users, certificates and files.
// TLS options that Traefik replaces by its default ones are warnings.
//
// Before Traefik 3 rules are of the v2 syntax.
void CheckConfiguration(const codec::Value& configuration, codec::Problems& problems,
                        schema::Version target = schema::kNewest);

}  // namespace traefik::check
