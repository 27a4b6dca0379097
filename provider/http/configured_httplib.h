#pragma once

// cpp-httplib as this program wants it. Whoever includes it elsewhere would get another library
// under the same names.

// The backlog must hold a fleet that connects at once.
#define CPPHTTPLIB_LISTEN_BACKLOG 512
#define CPPHTTPLIB_OPENSSL_SUPPORT
#define CPPHTTPLIB_REQUEST_URI_MAX_LENGTH 16384
namespace provider::http {
// Beside those that every send of this thread has.
inline thread_local int send_flags = 0;
}  // namespace provider::http
// A reader that went away is an error of the call, not the end of the process.
#define CPPHTTPLIB_SEND_FLAGS (MSG_NOSIGNAL | provider::http::send_flags)
// A terminal's frames are small; a client answers pings, so silence means that it is gone.
#define CPPHTTPLIB_WEBSOCKET_MAX_PAYLOAD_LENGTH (std::size_t{1} << 20)
#define CPPHTTPLIB_WEBSOCKET_READ_TIMEOUT_SECOND 75
#include <httplib.h>
