#include "traefik/base/host_name.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace traefik {
namespace {

using Catch::Matchers::ContainsSubstring;
using namespace std::string_literals;

TEST_CASE("HostName refuses what no request can ask for") {
  struct Case {
    const char* sentence;
    std::string text;
    std::string error;  // a part of it
  };
  const Case cases[] = {
      {"should refuse an empty name", "", "must not be empty"},
      {"should refuse a lone dot", ".", "must not be empty"},
      {"should refuse a wildcard without a name", "*.", "must not be empty"},
      {"should refuse two dots in a row", "a..example", "empty label"},
      {"should refuse two dots at the end", "a.example..", "empty label"},
      {"should refuse a dot at the start", ".example", "empty label"},
      {"should refuse a label that starts with a hyphen", "-a.example", "starts or ends with '-'"},
      {"should refuse a label that ends with a hyphen", "a-.example", "starts or ends with '-'"},
      {"should refuse a port", "a.example:80", "port or scheme"},
      {"should refuse a scheme", "https://a.example", "port or scheme"},
      {"should refuse a path", "a.example/x", "must not have a path"},
      {"should refuse a bare star, which takes every host", "*", "star only as its whole first"},
      {"should refuse a star inside a label", "*a.example", "star only as its whole first"},
      {"should refuse a star in the middle", "a.*.example", "star only as its whole first"},
      {"should refuse a second star", "*.*.example", "star only as its whole first"},
      {"should refuse a wildcard for a top-level domain", "*.com", "whole top-level domain"},
      {"should refuse a space", "a b.example", "space or a control"},
      {"should refuse a line break", "a\nb.example", "space or a control"},
      {"should refuse a NUL", "a\0b.example"s, "space or a control"},
      {"should refuse DEL", "a\x7f.example", "space or a control"},
      {"should refuse a backtick, which would end the rule's text", "a`) || Host(`b.example",
       "character '`'"},
      {"should refuse a comma, which would split a label", "a,b.example", "character ','"},
      {"should refuse an IPv6 address, which no rule matches", "[::1]", "character '['"},
      {"should refuse bytes that are not UTF-8", "\xff\xfe.example", "international"},
      {"should refuse a character that becomes a slash", "℀.example", "must not"},
      {"should refuse a label of 64 characters", std::string(64, 'a') + ".example",
       "64 characters"},
      {"should refuse what is far too long", std::string(5000, 'a'), "far too long"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto host = HostName::Parse(c.text);
    REQUIRE_FALSE(host.has_value());
    CHECK_THAT(host.error(), ContainsSubstring(c.error));
  }
}

TEST_CASE("HostName folds what Traefik takes for the same host") {
  struct Case {
    const char* sentence;
    std::string text;
    std::string folded;
  };
  const Case cases[] = {
      {"should keep a plain name", "a.example", "a.example"},
      {"should fold case", "A.ExAmPlE", "a.example"},
      {"should drop one trailing dot", "a.example.", "a.example"},
      {"should take a name of one label", "localhost", "localhost"},
      {"should take an IPv4 address", "127.0.0.1", "127.0.0.1"},
      {"should take an underscore", "a_b.example", "a_b.example"},
      {"should write international names as punycode", "münchen.example", "xn--mnchen-3ya.example"},
      {"should fold case of international names", "MÜNCHEN.example", "xn--mnchen-3ya.example"},
      {"should keep punycode", "XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"},
      {"should take a wildcard", "*.A.example", "*.a.example"},
      {"should take an international wildcard", "*.münchen.example", "*.xn--mnchen-3ya.example"},
      {"should take a label of 63 characters", std::string(63, 'a') + ".b",
       std::string(63, 'a') + ".b"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto host = HostName::Parse(c.text);
    REQUIRE(host.has_value());
    CHECK(host->text() == c.folded);
    CHECK(host->wildcard() == c.folded.starts_with("*."));
    CHECK(HostName::Parse(host->text()) == *host);
  }
}

TEST_CASE("HostName takes 253 characters and no more") {
  std::string name;
  for (int i = 0; i < 126; ++i) name += "a.";
  name += "b";  // 253
  CHECK(HostName::Parse(name).has_value());
  CHECK(HostName::Parse(name + ".").has_value());
  CHECK_FALSE(HostName::Parse("cc." + name.substr(2)).has_value());
  CHECK_FALSE(HostName::Parse("*." + name).has_value());
}

TEST_CASE("HostName compares by its folded text") {
  CHECK(*HostName::Parse("A.example.") == *HostName::Parse("a.EXAMPLE"));
  CHECK(*HostName::Parse("a.example") < *HostName::Parse("b.example"));
  CHECK(*HostName::Parse("a.example") != *HostName::Parse("*.a.example"));
}

}  // namespace
}  // namespace traefik
