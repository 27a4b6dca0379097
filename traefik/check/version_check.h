#pragma once

#include "traefik/codec/problem.h"
#include "traefik/codec/value.h"
#include "traefik/schema/option.h"

namespace traefik::check {

// Adds an error for every option that `target` does not know, with the version that has it: one
// such option would make it refuse the whole document.
void CheckVersion(const codec::Value& configuration, schema::Version target,
                  codec::Problems& problems);

}  // namespace traefik::check
