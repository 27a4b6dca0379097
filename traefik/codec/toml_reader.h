#pragma once

#include <string_view>

#include "traefik/codec/raw_builder.h"

namespace traefik::codec {

// Feeds a TOML text to the builder. Adds an error when it is no TOML, or says what Traefik's file
// provider cannot read.
void ReadToml(std::string_view text, RawBuilder& builder, Problems& problems);

}  // namespace traefik::codec
