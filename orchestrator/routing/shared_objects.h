#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "orchestrator/error.h"
#include "traefik/codec/value.h"
#include "traefik/schema/option.h"

// Objects of Traefik's configuration that all sites may use: routing.shared of the configuration.
namespace orchestrator::routing {

// The name under which the document has the shared object `name`.
std::string SharedName(std::string_view name);

// Reads a dynamic configuration, JSON or YAML as in a file of Traefik, and gives its objects the
// names that they have in the document ("default" of tls.options keeps its own). The error names
// everything that is wrong with it, with line and column.
Result<std::shared_ptr<const traefik::codec::Value>> ReadSharedObjects(
    std::string_view text, std::string_view file_name, traefik::schema::Version target);

// The same of a file; null where none is named.
Result<std::shared_ptr<const traefik::codec::Value>> LoadSharedObjects(
    const std::filesystem::path& file, traefik::schema::Version target);

}  // namespace orchestrator::routing
