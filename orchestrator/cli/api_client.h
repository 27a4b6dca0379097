#pragma once

#include <memory>
#include <string>

#include "orchestrator/error.h"
#include "provider/http/client.h"
#include "provider/http/socket.h"

namespace orchestrator::cli {

// How to reach the API. Empty fields are looked up: the environment first (ORCHESTRATOR_URL,
// ORCHESTRATOR_TOKEN), then the state folder of the orchestrator on this machine.
struct ApiAddress {
  std::string url;  // http://host:port or unix:/path
  std::string token;
};

struct ApiAnswer {
  int status = 0;
  provider::http::HeaderList headers;
  std::string body;
};

// Talks to one API. An answer of 4xx or 5xx is an Error with the problem's detail and fields.
class ApiClient {
 public:
  static Result<ApiClient> Connect(ApiAddress given, const std::string& config_file);

  Result<ApiAnswer> Call(const std::string& method, const std::string& path,
                         std::string body = {}) const;

  // Gives the body of a good answer to the sink as it comes, however long that takes.
  Result<void> Follow(const std::string& path, const provider::http::ByteSink& sink) const;

  // "ws://host:port" + path, and what lets us in.
  Result<std::unique_ptr<provider::http::Socket>> OpenSocket(const std::string& path) const;

 private:
  explicit ApiClient(ApiAddress address);

  ApiAddress address_;
  std::string unix_socket_;
  std::shared_ptr<provider::http::Client> client_;
};

}  // namespace orchestrator::cli
