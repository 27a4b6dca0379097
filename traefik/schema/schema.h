#pragma once

#include "traefik/schema/option.h"

namespace traefik::schema {

// The whole dynamic configuration: http, tcp, udp and tls.
const Struct& Configuration();

// "3.7"
std::string_view Name(Version version);

}  // namespace traefik::schema
