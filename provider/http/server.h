#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "provider/http/message.h"
#include "provider/http/socket.h"
#include "provider/http/tls_context.h"
#include "provider/http/url.h"

namespace provider::http {

struct ServerLimits {
  // One thread each while open. Where they are all in use and more come, those that wait for a
  // request make room.
  std::size_t connections = 256;
  std::size_t body_bytes = std::size_t{16} << 20;
  std::chrono::seconds head_time{10};      // for a whole request line with its headers
  std::chrono::seconds body_time{60};      // for a whole body that the handler does not read itself
  std::size_t body_rate = 1024;            // bytes a second of others, in each such time; 0: none
  std::chrono::seconds answer_time{0};     // for sending a whole answer; 0: no limit
  std::chrono::seconds read_timeout{10};   // for the next bytes of a request
  std::chrono::seconds write_timeout{10};  // for a reader that takes nothing
  std::chrono::seconds idle_timeout{60};   // between two requests on one connection
  std::chrono::seconds stop_grace{5};      // for answers that are being sent at the stop
};

// An HTTP/1.1 server with a listener and threads of its own: every request goes to one handler.
//
// Start and Stop are called by one owner; the handler runs on many threads at once and may block.
class Server {
 public:
  using Handler = std::function<ServerResponse(const ServerRequest&)>;
  // Makes the answer to a request that never reached the handler (not HTTP, too large, …).
  using ErrorPage = std::function<ServerResponse(int status)>;
  struct Hooks {
    // Looks at a request before its body is read; an answer refuses it, unread.
    std::function<std::optional<ServerResponse>(const ServerRequest&)> admit;
    // Whether the handler reads the body itself (ServerRequest::read_body), without a limit.
    std::function<bool(const ServerRequest&)> streams_body;
    // Serves a WebSocket until it returns. Without it there are none.
    std::function<void(const ServerRequest&, Socket&)> serve_socket;
  };

  // With `tls` it speaks TLS alone.
  Server(Handler handler, ErrorPage error_page, ServerLimits limits, Hooks hooks = {},
         std::shared_ptr<TlsContext> tls = nullptr);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and serves. A taken address is an error, also when its owner allows sharing. The result
  // is the port in use (0 for a Unix socket).
  std::expected<std::uint16_t, std::string> Start(const ListenAddress& address);

  // Stops accepting, lets running handlers finish, cuts connections that are still open after the
  // grace, joins all threads. Handlers that wait for something must be woken first. Safe to call
  // twice.
  void Stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace provider::http
