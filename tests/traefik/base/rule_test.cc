#include "traefik/base/rule.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace traefik {
namespace {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("PathPrefix refuses what never matches or breaks out of a rule") {
  struct Case {
    const char* sentence;
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {"should refuse an empty prefix", "", "must start with '/'"},
      {"should refuse a prefix without a slash", "api", "must start with '/'"},
      {"should refuse the whole site", "/", "leave path_prefix out"},
      {"should refuse a slash at the end", "/api/", "must not end with '/'"},
      {"should refuse an empty segment", "/a//b", "empty or dot segment"},
      {"should refuse a dot segment", "/a/./b", "empty or dot segment"},
      {"should refuse two dots", "/a/../b", "empty or dot segment"},
      {"should refuse a dot at the end", "/a/.", "empty or dot segment"},
      {"should refuse two dots at the end", "/a/..", "empty or dot segment"},
      {"should refuse two dots alone", "/..", "empty or dot segment"},
      {"should refuse a backtick", "/a`", "without % escapes"},
      {"should refuse a quote", "/a\"", "without % escapes"},
      {"should refuse a space", "/a b", "without % escapes"},
      {"should refuse a line break", "/a\n", "without % escapes"},
      {"should refuse an escape", "/a%2fb", "without % escapes"},
      {"should refuse a query", "/a?b", "without % escapes"},
      {"should refuse a fragment", "/a#b", "without % escapes"},
      {"should refuse a regexp's braces", "/a{b}", "without % escapes"},
      {"should refuse characters beyond ASCII", "/ä", "without % escapes"},
      {"should refuse 256 characters", "/" + std::string(255, 'a'), "255 are allowed"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto prefix = PathPrefix::Parse(c.text);
    REQUIRE_FALSE(prefix.has_value());
    CHECK_THAT(prefix.error(), ContainsSubstring(c.error));
  }
}

TEST_CASE("PathPrefix takes the characters that need no escape") {
  for (const std::string text :
       {"/api", "/a/b/c", "/...", "/a.b", "/.well-known/x", "/A-._~!$&'()*+,;=:@z", "/0"}) {
    INFO(text);
    const auto prefix = PathPrefix::Parse(text);
    REQUIRE(prefix.has_value());
    CHECK(prefix->text() == text);
  }
  CHECK(PathPrefix::Parse("/" + std::string(254, 'a')).has_value());
}

TEST_CASE("HostRule names the hosts in the given order") {
  const std::vector one{*HostName::Parse("a.example")};
  const std::vector two{*HostName::Parse("b.example"), *HostName::Parse("a.example")};
  CHECK(HostRule(one) == "Host(`a.example`)");
  CHECK(HostRule(two) == "Host(`b.example`) || Host(`a.example`)");
}

TEST_CASE("HostRule with a prefix takes the path and the folder, not its neighbours") {
  const std::vector hosts{*HostName::Parse("a.example"), *HostName::Parse("b.example")};
  CHECK(HostRule(hosts, *PathPrefix::Parse("/api")) ==
        "(Host(`a.example`) || Host(`b.example`)) && (Path(`/api`) || PathPrefix(`/api/`))");
}

}  // namespace
}  // namespace traefik
