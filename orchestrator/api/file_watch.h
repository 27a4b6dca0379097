#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"
#include "orchestrator/files/relative_path.h"
#include "orchestrator/files/site_files.h"

namespace orchestrator::api {

// What changes in a folder of a site, as server-sent events with ids: `watching` first, or
// `overflow` where the client has seen events of a stream before (Last-Event-ID), since what
// happened in between is not known; then what files::ChangeWatch tells; `end` with the reason when
// there is no more to come.
Response WatchFiles(const Services& services, const Request& request, site::SiteId id,
                    const files::SiteFiles& site, const files::RelativePath& path);

}  // namespace orchestrator::api
