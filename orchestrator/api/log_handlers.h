#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

// GET /v1/sites/{id}/logs?tail=100&since=10m&follow=true: what all tasks of the site write, as one
// JSON list, or as events (Accept: text/event-stream), which go on where `follow` is true. See
// SendLog for the events; the list's object has `problem` where some of the lines could not be had.
Response ShowLogs(const Services& services, const Request& request, site::SiteId id);

}  // namespace orchestrator::api
