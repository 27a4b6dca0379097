#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

// Whether the path is one of those that Director's manager calls: /ping and /api/….
bool IsDirectorPath(std::string_view path);

// Director's own calls, see docs/director-compatibility.md.
Response HandleDirector(const Services& services, const Request& request);

}  // namespace orchestrator::api
