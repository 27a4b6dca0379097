#pragma once

#include "traefik/codec/problem.h"
#include "traefik/codec/value.h"

namespace traefik::check {

// Adds what is wrong with a decoded configuration as a whole, where Traefik would take the document
// but leave a router, service or middleware out: references to nothing, loops, rules, priorities,
// objects of no kind or several, values that cannot work. Names with '@' belong to other providers
// and are not looked at.
void CheckConfiguration(const codec::Value& configuration, codec::Problems& problems);

}  // namespace traefik::check
