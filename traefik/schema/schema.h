#pragma once

#include <functional>
#include <optional>
#include <string>

#include "traefik/schema/option.h"

namespace traefik::schema {

// The whole dynamic configuration: http, tcp, udp and tls.
const Struct& Configuration();

// What labels of a service say about itself: traefik.enable, traefik.docker and traefik.swarm.
const Struct& ServiceLabels();

// "3.7"
std::string_view Name(Version version);

// The newest version that is known and not newer than "3.7", "3.7.1" or "v3.9"; nothing for a text
// that is no version, and for versions before 2.11.
std::optional<Version> ParseVersion(std::string_view text);

// Every option in the order of the schema, with its path ("http.routers.*.rule", "*" for a name or
// a number) and the first version that has it.
void ForEachOption(
    const std::function<void(const std::string& path, const Option& option, Version since)>& visit);

}  // namespace traefik::schema
