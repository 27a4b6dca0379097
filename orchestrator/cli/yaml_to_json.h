#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/error.h"

namespace orchestrator::cli {

// Every document of a YAML (or JSON) text as JSON text. Plain scalars become null, booleans and
// numbers as YAML 1.2's core schema says; quoted ones stay texts.
Result<std::vector<std::string>> YamlToJson(std::string_view yaml, std::string_view file_name);

}  // namespace orchestrator::cli
