#pragma once

#include <string_view>

#include "traefik/codec/raw_builder.h"

namespace traefik::codec {

// Feeds the first document of a YAML text to the builder, aliases and merge keys resolved. Adds an
// error when it is no YAML.
void ReadYaml(std::string_view text, RawBuilder& builder, Problems& problems);

}  // namespace traefik::codec
