#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

// /v1/sites/{id}/files/{path}: see README.md. `path` is what comes after /files, decoded bytes.
Response HandleFiles(const Services& services, const Request& request, site::SiteId id,
                     std::string_view path);

// Whether the request's body is a file, to be streamed.
bool IsFileUpload(const Request& request);

}  // namespace orchestrator::api
