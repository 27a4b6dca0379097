#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

// /v1/sites/{id}/image: GET the state of the last build, POST a build, DELETE the image;
// /image/log GET; /image/cancel POST. `rest` is the path after /image.
Response HandleImage(const Services& services, const Request& request, site::SiteId id,
                     std::string_view rest);

}  // namespace orchestrator::api
