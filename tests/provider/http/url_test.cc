#include "provider/http/url.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace provider::http {
namespace {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("ListenAddress refuses what nobody can listen on") {
  struct Case {
    const char* sentence;
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {"should refuse an empty text", "", "HOST:PORT"},
      {"should refuse a host alone", "127.0.0.1", "HOST:PORT"},
      {"should refuse a port alone", ":80", "must name the address"},
      {"should refuse empty brackets", "[]:80", "must name the address"},
      {"should refuse an empty port", "127.0.0.1:", "port from 0 to 65535"},
      {"should refuse a port that is too large", "127.0.0.1:65536", "port from 0 to 65535"},
      {"should refuse a negative port", "127.0.0.1:-1", "port from 0 to 65535"},
      {"should refuse a port with text behind", "127.0.0.1:80x", "port from 0 to 65535"},
      {"should refuse IPv6 without brackets", "::1:80", "in brackets"},
      {"should refuse a relative socket", "unix:run/x", "absolute path"},
      {"should refuse a socket without a path", "unix:", "absolute path"},
      {"should refuse a socket's path of 108 characters", "unix:/" + std::string(107, 'a'),
       "107 characters"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto address = ListenAddress::Parse(c.text);
    REQUIRE_FALSE(address.has_value());
    CHECK_THAT(address.error(), ContainsSubstring(c.error));
  }
}

TEST_CASE("ListenAddress reads addresses and writes them back") {
  struct Case {
    const char* sentence;
    std::string text;
    std::string host;
    std::uint16_t port;
    bool local;
  };
  const Case cases[] = {
      {"should read IPv4", "127.0.0.1:9080", "127.0.0.1", 9080, true},
      {"should read port 0", "127.0.0.1:0", "127.0.0.1", 0, true},
      {"should read all addresses", "0.0.0.0:65535", "0.0.0.0", 65535, false},
      {"should read IPv6", "[::1]:80", "::1", 80, true},
      {"should read all of IPv6", "[::]:80", "::", 80, false},
      {"should read a name", "localhost:80", "localhost", 80, true},
      {"should take no other name for local", "example:80", "example", 80, false},
      {"should read a Unix socket", "unix:/run/x.sock", "", 0, true},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto address = ListenAddress::Parse(c.text);
    REQUIRE(address.has_value());
    CHECK(address->host == c.host);
    CHECK(address->port == c.port);
    CHECK(address->is_local() == c.local);
    CHECK(address->is_unix() == c.host.empty());
    CHECK(address->text() == c.text);
  }
}

TEST_CASE("A name that only starts like loopback is not local") {
  CHECK_FALSE(ListenAddress::Parse("127.example.com:80")->is_local());
}

TEST_CASE("CheckHttpUrl refuses what Traefik or a label could misread") {
  struct Case {
    const char* sentence;
    std::string url;
    std::string error;
  };
  const Case cases[] = {
      {"should refuse an empty text", "", "is not a URL"},
      {"should refuse a host alone", "example.com", "is not a URL"},
      {"should refuse no host", "http://", "is not a URL"},
      {"should refuse another scheme", "ftp://example.com", "must start with http"},
      {"should refuse a file", "file:///etc/passwd", "must start with http"},
      {"should refuse a port that is too large", "http://a:65536", "is not a URL"},
      {"should refuse a port that is no number", "http://a:b", "is not a URL"},
      {"should refuse a user name", "http://user@a", "user name or password"},
      {"should refuse a password", "http://user:secret@a", "user name or password"},
      {"should refuse a query", "http://a/?b=c", "query or fragment"},
      {"should refuse a fragment", "http://a/#b", "query or fragment"},
      {"should refuse a space", "http://a b", "character that no URL has"},
      {"should refuse a line break", "http://a\n", "character that no URL has"},
      {"should refuse a backtick", "http://a/`", "character that no URL has"},
      {"should refuse a quote", "http://a/\"", "character that no URL has"},
      {"should refuse a template", "http://{{x}}", "character that no URL has"},
      {"should refuse characters beyond ASCII", "http://münchen", "character that no URL has"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto checked = CheckHttpUrl(c.url);
    REQUIRE_FALSE(checked.has_value());
    CHECK_THAT(checked.error(), ContainsSubstring(c.error));
  }
}

TEST_CASE("CheckHttpUrl takes servers") {
  for (const char* url : {"http://a", "http://a:8080", "https://a.example/x/y", "http://10.0.0.1:1",
                          "http://[::1]:80/", "HTTP://A"}) {
    INFO(url);
    CHECK(CheckHttpUrl(url).has_value());
  }
}

}  // namespace
}  // namespace provider::http
