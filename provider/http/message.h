#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace provider::http {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// The first header of this name, case ignored, or an empty text.
std::string_view FindHeader(const HeaderList& headers, std::string_view name);

// One client connection as the server sees it. Used by one thread at a time.
struct Connection {
  // For the handler: survives from one request to the next on this connection. 0 at first.
  std::uint64_t mark = 0;
};

struct ServerRequest {
  std::string method;
  std::string path;
  std::multimap<std::string, std::string> query;
  HeaderList headers;
  std::string body;
  std::string remote_address;
  std::uint16_t remote_port = 0;
  Connection* connection = nullptr;       // never null; lives longer than the request
  std::function<bool()> is_disconnected;  // whether the client has gone away meanwhile

  std::string_view Header(std::string_view name) const { return FindHeader(headers, name); }
  std::string_view Query(std::string_view name) const;
};

struct ServerResponse {
  int status = 200;
  HeaderList headers;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  // Sent instead of `body` when set, without a copy.
  std::shared_ptr<const std::string> shared_body;
  // Called once on the connection's thread after the body was written, or could not be.
  std::function<void(bool complete)> on_sent;
};

}  // namespace provider::http
