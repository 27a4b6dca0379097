#pragma once

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"
#include "provider/http/socket.h"

namespace orchestrator::api {

// GET /v1/sites/{id}/terminals: the open sessions, without their secret ids.
Response ListTerminals(const Services& services, site::SiteId id);

// The same address as a WebSocket: a new session (?rows=24&columns=80), or the one whose id is
// `known`, the next segment of the address. Binary frames are bytes both ways. Texts to the server:
// {"size": [rows, columns]} and {"heartbeat": …}; from it: {"session": ID} first,
// {"exit": code, "reason": …} last.
void ServeTerminal(const Services& services, const Request& request, site::SiteId id,
                   const std::string& known, provider::http::Socket& socket);

}  // namespace orchestrator::api
