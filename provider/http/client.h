#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "provider/http/message.h"

namespace provider::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;          // http:// or https://; with a Unix socket the host part only names it
  std::string unix_socket;  // path; empty for TCP
  // Whom to connect to instead of the URL's host, as http:// or https:// with a host and port; then
  // no certificate is verified. Empty: the URL's host.
  std::string place = {};
  HeaderList headers;
  std::string body;
  std::chrono::milliseconds timeout{10'000};  // for the whole exchange; 0: none
};

// The two directions of an exchange that is too long for memory, or has no end.
struct StreamHooks {
  // Fills the buffer with the next bytes of the request's body; 0 is its end, nothing a failure.
  // Unset: the body is ClientRequest::body.
  std::function<std::optional<std::size_t>(char* buffer, std::size_t size)> read_body;
  // Takes the body of a good answer (2xx) instead of ClientResponse::body; false ends the exchange
  // (kCancelled).
  ByteSink on_body;
};

struct ClientResponse {
  int status = 0;
  HeaderList headers;
  std::string body;
};

struct ClientFailure {
  enum class Kind { kUnreachable, kTimeout, kCancelled, kTooLarge, kProtocol };
  Kind kind;
  std::string message;
};

// An HTTP client over libcurl: transfers run on the calling thread, connections are kept and
// reused. Never uses a proxy and never follows a redirect.
//
// Thread-safe. The destructor cancels what is still running.
class Client {
 public:
  Client();
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Blocks until the answer is there, time is over, or `stop` is requested. Any HTTP status is an
  // answer; only a failed exchange is a failure.
  std::expected<ClientResponse, ClientFailure> Send(const ClientRequest& request,
                                                    const std::stop_token& stop = {});

  // The same on a connection of its own; the hooks are called on this thread
  // and may block.
  static std::expected<ClientResponse, ClientFailure> Stream(const ClientRequest& request,
                                                             const StreamHooks& hooks,
                                                             const std::stop_token& stop);

 private:
  class Lanes;
  std::unique_ptr<Lanes> lanes_;
};

}  // namespace provider::http
