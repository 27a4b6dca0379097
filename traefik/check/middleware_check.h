#pragma once

#include "traefik/check/section.h"

namespace traefik::check {

// What keeps Traefik from building one middleware, of HTTP or TCP: no kind or several, and values
// that cannot work. References are looked at by the caller.
void CheckMiddleware(const Value& middleware, const Path& path, Problems& problems);

}  // namespace traefik::check
