#pragma once

#include <string_view>

#include "traefik/codec/raw_builder.h"

namespace traefik::codec {

// Feeds a JSON text to the builder. False when it is no JSON: it may be YAML then.
bool ReadJson(std::string_view text, RawBuilder& builder);

// What yaml.v3 refuses in a text that JSON readers take: escapes and characters.
void CheckCharacters(std::string_view text, bool is_json, Problems& problems);

}  // namespace traefik::codec
