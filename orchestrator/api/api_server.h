#pragma once

#include <expected>
#include <optional>
#include <string>

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"
#include "provider/http/server.h"

namespace orchestrator::api {

// The REST API: finds the handler of a request, after its token was checked.
//
// `services` refers to what lives longer. To stop: request services.stopping, then Stop.
class ApiServer {
 public:
  // With an empty token everyone who can connect may do everything.
  ApiServer(Services services, std::string token);

  // See provider::http::Server::Start.
  std::expected<std::uint16_t, std::string> Start(const provider::http::ListenAddress& address) {
    return server_.Start(address);
  }

  void Stop() { server_.Stop(); }

 private:
  std::optional<Response> Refuse(const Request& request) const;
  Response Handle(const Request& request) const;
  void ServeSocket(const Request& request, provider::http::Socket& socket) const;
  Response Ready() const;
  bool IsAllowed(const Request& request) const;

  const Services services_;
  const std::string token_;
  provider::http::Server server_;
};

}  // namespace orchestrator::api
