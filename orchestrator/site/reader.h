#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "orchestrator/error.h"
#include "orchestrator/site/site.h"

namespace orchestrator::site {

// The site of this JSON object, and what is wrong with it; id 0 where it has none. `pointer` is the
// place of the object in its text.
Site ReadSite(const nlohmann::json& value, const std::string& pointer,
              std::vector<FieldProblem>& problems);

}  // namespace orchestrator::site
