#pragma once

#include "provider/http/server.h"

namespace provider {

// Serves the pages that Traefik shows to visitors of sites that cannot answer (pages.h) on a
// listener of its own, in plain HTTP.
class PageServer {
 public:
  PageServer();

  // See http::Server::Start.
  std::expected<std::uint16_t, std::string> Start(const http::ListenAddress& address) {
    return server_.Start(address);
  }

 private:
  http::Server server_;
};

}  // namespace provider
