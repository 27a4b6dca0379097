#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "provider/http/memory_file.h"

namespace provider::http {

// Takes the next bytes of a body; false when nobody wants any more.
using ByteSink = std::function<bool(std::string_view)>;

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
  // Set instead of `body` where the server streams it: gives the body piece by piece, once. False
  // when it did not come whole, or the sink ended it.
  std::function<bool(const ByteSink&)> read_body;
  std::string remote_address;
  std::uint16_t remote_port = 0;
  Connection* connection = nullptr;       // never null; lives longer than the request
  std::function<bool()> is_disconnected;  // whether the client has gone away meanwhile

  std::string_view Header(std::string_view name) const { return FindHeader(headers, name); }
  std::string_view Query(std::string_view name) const;
};

// A body of a known size, of which a client may ask for a part.
struct RangedBody {
  std::uint64_t size = 0;
  // Gives `length` bytes from `offset` on to the sink; false when it cannot. May be called often.
  std::function<bool(std::uint64_t offset, std::uint64_t length, const ByteSink& sink)> read;
  bool whole_only = false;  // the client's range is of another version (If-Range): send it all
};

struct ServerResponse {
  int status = 200;
  HeaderList headers;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  // Sent instead of `body` when set, without a copy.
  std::shared_ptr<const std::string> shared_body;
  // The same bytes; without TLS they are sent from there. May be null.
  std::shared_ptr<const MemoryFile> shared_file;
  // Sent instead of `body` when set: called once on the connection's thread, writes the body piece
  // by piece until it returns whether it is whole; otherwise the reader is shown that it is not. A
  // sink that says false has lost its reader.
  std::function<bool(const ByteSink& sink)> stream;
  // Sent instead of `body` when set; `status` is 206 or 416 then where a GET asked for a range.
  std::optional<RangedBody> ranged;
  // Called once on the connection's thread after the body was written, or could not be.
  std::function<void(bool complete)> on_sent;
};

}  // namespace provider::http
