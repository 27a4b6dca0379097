#include "provider/http/url.h"

#include <charconv>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

namespace provider::http {
namespace {

using Failure = std::unexpected<std::string>;

std::expected<std::uint16_t, std::string> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return Failure("needs a port from 0 to 65535 after the last colon");
  }
  return port;
}

std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
  return owned.get();
}

}  // namespace

std::expected<ListenAddress, std::string> ListenAddress::Parse(std::string_view text) {
  ListenAddress address;
  if (text.starts_with("unix:")) {
    address.unix_socket = text.substr(5);
    if (!address.unix_socket.starts_with('/')) return Failure("needs an absolute path after unix:");
    if (address.unix_socket.size() > 107) return Failure("has a path longer than 107 characters");
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Failure("must be HOST:PORT or unix:/path");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return Failure("must have an IPv6 address in brackets, as in [::1]:9080");
  }
  if (host.empty()) return Failure("must name the address to listen on (0.0.0.0 for all)");
  auto port = ParsePort(text.substr(colon + 1));
  if (!port) return Failure(port.error());
  address.host = host;
  address.port = *port;
  return address;
}

bool ListenAddress::is_local() const {
  const bool digits = host.find_first_not_of("0123456789.") == std::string::npos;
  return is_unix() || host == "localhost" || host == "::1" || (digits && host.starts_with("127."));
}

std::string ListenAddress::text() const {
  if (is_unix()) return "unix:" + unix_socket;
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").contains(c);
    if (plain) {
      escaped += c;
    } else {
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return escaped;
}

std::expected<void, std::string> CheckHttpUrl(std::string_view url) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), curl_url_cleanup);
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f ||
        std::string_view("\"'`<>\\^{|}").contains(c)) {
      return Failure("has a character that no URL has");
    }
  }
  const std::string text(url);
  const CURLUcode status = curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), 0);
  if (status != CURLUE_OK)
    return Failure(fmt::format("is not a URL: {}", curl_url_strerror(status)));
  const std::string scheme = Part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return Failure("must start with http:// or https://");
  if (!Part(parsed.get(), CURLUPART_USER).empty() ||
      !Part(parsed.get(), CURLUPART_PASSWORD).empty()) {
    return Failure("must not have a user name or password");
  }
  if (!Part(parsed.get(), CURLUPART_QUERY).empty() ||
      !Part(parsed.get(), CURLUPART_FRAGMENT).empty()) {
    return Failure("must not have a query or fragment");
  }
  return {};
}

}  // namespace provider::http
