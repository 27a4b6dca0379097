#include "traefik/check/url.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace traefik::check {
namespace {

TEST_CASE("URLs that Traefik can read") {
  for (const char* text :
       {"http://10.0.0.1", "http://a.example:80/p?q=%zz", "h2c://a", "https://u:p@a", "a", "/p", "",
        "http://[::1]:80", "http://[fe80::1%25eth0]", "a:80", "http://a:99999", "HTTP://A", "x//y",
        "http://a/%20", "///a b", "http://\xC3\xBC", "http://a:", "*"}) {
    INFO(text);
    CHECK(UrlProblem(text).empty());
  }
}

TEST_CASE("URLs that Traefik cannot read") {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"http://a:x", "':x' where its port"},     {"http://a:80:80", "':80:80' where its port"},
      {"http://a b", "' ' in its host"},         {"http://a/%zz", "broken escape: %zz"},
      {"http://a/%2", "broken escape"},          {"http://a#%", "broken escape"},
      {"http://%41", "escape in its host"},      {"http://[::1", "broken address"},
      {"http://[1.2.3.4]", "no IPv6 address"},   {"http://u se@a", "user name"},
      {"10.0.0.1:80", "no scheme: put http://"}, {"://a", "no scheme before"},
      {"http://a\n", "control character"},
  };
  for (const auto& [text, says] : cases) {
    INFO(text);
    CHECK_THAT(UrlProblem(text), Catch::Matchers::ContainsSubstring(says));
  }
}

}  // namespace
}  // namespace traefik::check
