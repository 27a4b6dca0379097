#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace provider::http {

// Where a listener listens: "127.0.0.1:9080", "[::1]:9080" or "unix:/path". A value type.
struct ListenAddress {
  std::string host;         // without brackets; empty for a Unix socket
  std::uint16_t port = 0;   // 0: the system chooses
  std::string unix_socket;  // absolute path; empty for TCP

  // The error is a sentence for the person who typed the address.
  static std::expected<ListenAddress, std::string> Parse(std::string_view text);

  bool is_unix() const { return !unix_socket.empty(); }

  // Nobody on another machine can connect.
  bool is_local() const;

  std::string text() const;
};

// A text as a part of a path or query.
std::string Escape(std::string_view text);

// "http://host[:port][/path]" or "https://…", checked by libcurl's parser. Returns the error as a
// sentence; user names and passwords in URLs are refused.
std::expected<void, std::string> CheckHttpUrl(std::string_view url);

}  // namespace provider::http
