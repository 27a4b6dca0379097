#include "traefik/rules/rule_check.h"

#include <random>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "traefik/rules/expression.h"

namespace traefik::rules {
namespace {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("Rules that Traefik's muxer refuses are refused, with the reason") {
  const struct {
    const char* rule;
    const char* detail;
  } cases[] = {
      {"", "ends where"},
      {"Host", "'('"},
      {"Host(", "ends where"},
      {"Host(`a`", "','"},
      {"Host(`a`))", "the end"},
      {"(Host(`a`)", "')'"},
      {"Host(`a`) Path(`/`)", "the end"},
      {"Host(`a`) AND Path(`/`)", "the end"},
      {"Host(`a`) & Path(`/`)", "no meaning"},
      {"Host(`a`) == Host(`b`)", "no meaning"},
      {"Host(`a`);", "no meaning"},
      {"Host('a')", "single quotes"},
      {"Host(a)", "a text"},
      {"Host(1)", "no meaning"},
      {"Host(`a)", "no end"},
      {"Host(\"a)", "no end"},
      {"Host(\"\\q\")", "escape"},
      {"Host(`a`)\n&& Path(`/`)", "operators at the end of a line"},
      {"(Host(`a`)\n)", "line ends"},
      {"/* x", "no end"},
      {"true", "'('"},
      {"Foo(`a`)", "no matcher Foo"},
      {"hOST(`a`)", "no matcher hOST"},
      {"HostSNI(`a`)", "no matcher HostSNI"},
      {"Headers(`a`, `b`)", "no matcher Headers"},
      {"Host()", "takes 1 text"},
      {"Host(`a`, `b`)", "takes 1 text"},
      {"Header(`a`)", "takes 2 texts"},
      {"Query(`a`, `b`, `c`)", "takes 1 or 2"},
      {"Host(``)", "empty text"},
      {"Host(`é`)", "ASCII"},
      {"HostRegexp(`é`)", "ASCII"},
      {"HostRegexp(`(`)", "regular expression"},
      {"PathRegexp(`\\C`)", "do not know"},
      {"Path(`a`)", "start with '/'"},
      {"PathPrefix(`{x}`)", "start with '/'"},
      {"ClientIP(`10.0.0`)", "neither"},
      {"ClientIP(`10.0.0.0/33`)", "neither"},
      {"ClientIP(`01.2.3.4`)", "neither"},
  };
  for (const auto& [rule, detail] : cases) {
    INFO(rule);
    const auto hosts = CheckRule(rule);
    REQUIRE_FALSE(hosts.has_value());
    CHECK_THAT(hosts.error(), ContainsSubstring(detail));
  }
}

using Hosts = std::vector<std::string>;

TEST_CASE("Rules that the muxer takes are taken, and their hosts are told") {
  const struct {
    const char* rule;
    Hosts hosts;
  } cases[] = {
      {"Host(`A.b`)", {"a.b"}},
      {"host(`a`)", {"a"}},
      {"HOST(\"a\",)", {"a"}},
      {"Hostregexp(`^a$`)", {}},
      {"Host(`a`) || (Host(`b`) && !Host(`c`))", {"a", "b"}},
      {"!(Host(`a`) && !Host(`b`))", {"b"}},
      {"Host(`a`) && // a comment\nPath(`/`)", {"a"}},
      {"Host(`a`) /* one */ || Host(`b`)\n", {"a", "b"}},
      {"Host(\"\\x61\\u00e9\")", {}},
      {"Host(`a b/c:80`)", {"a b/c:80"}},
      {"Host(`*.a.b`)", {"*.a.b"}},
      {"PathPrefix(`/{a:[b-c]+}`)", {}},
      {"ClientIP(`10.0.0.0/8`) || ClientIP(`::1`)", {}},
      {"QueryRegexp(`(`)", {}},
      {"PathRegexp(`(?<name>a)`)", {}},
      {"Path(`/\xC3\xA9`)", {}},
  };
  for (const auto& [rule, expected] : cases) {
    INFO(rule);
    const auto hosts = CheckRule(rule);
    if (std::string_view(rule).find("u00e9") != std::string_view::npos) {
      CHECK_FALSE(hosts.has_value());  // what is escaped must be ASCII, too
      continue;
    }
    REQUIRE(hosts.has_value());
    CHECK(*hosts == expected);
  }
}

TEST_CASE("The syntax of Traefik 2 has its own matchers and templates") {
  CHECK(CheckRule("Host(`a`, `b`)", Protocol::kHttp, Syntax::kV2) == Hosts{"a", "b"});
  CHECK(CheckRule("HostRegexp(`{x:[a-z]+}.b`)", Protocol::kHttp, Syntax::kV2).has_value());
  CHECK(CheckRule("Query(`a=b`)", Protocol::kHttp, Syntax::kV2).has_value());
  for (const char* rule : {"HostRegexp(`{x`)", "HostRegexp(`x}`)", "HostRegexp(`{:a}`)",
                           "Path(`/{x:}`)", "Path(`b`)", "Headers(`a`)", "Query(`a`)",
                           "HeadersRegexp(`a`, `(`)", "PathRegexp(`a`)", "Header(`a`, `b`)"}) {
    INFO(rule);
    CHECK_FALSE(CheckRule(rule, Protocol::kHttp, Syntax::kV2).has_value());
  }
}

TEST_CASE("TCP has its own matchers") {
  CHECK(CheckRule("HostSNI(`*`)", Protocol::kTcp) == Hosts{"*"});
  CHECK(CheckRule("HostSNI(`*.a`) && ALPN(`h2`)", Protocol::kTcp) == Hosts{"*.a"});
  CHECK(CheckRule("HostSNI(`a`, `b`)", Protocol::kTcp, Syntax::kV2) == Hosts{"a", "b"});
  for (const char* rule : {"Host(`a`)", "HostSNI(`a`, `b`)", "HostSNI(`a*`)", "HostSNI(`a b`)",
                           "HostSNI(`é`)", "ALPN(`acme-tls/1`)", "HostSNIRegexp(`(`)", ""}) {
    INFO(rule);
    CHECK_FALSE(CheckRule(rule, Protocol::kTcp).has_value());
  }
}

Expression Random(std::mt19937& random, int depth) {
  const auto choose = [&](int count) {
    return std::uniform_int_distribution(0, count - 1)(random);
  };
  Expression expression;
  const int kind = depth > 4 ? 0 : choose(4);
  if (kind == 0) {
    expression.matcher = "Host";
    constexpr const char* kTexts[] = {"a", "a`b", "a\"b", "\\", "\r\n", "\xC3\xA9", "", "\xFF"};
    for (int i = 0; i <= choose(2); ++i) expression.arguments.emplace_back(kTexts[choose(8)]);
    return expression;
  }
  expression.kind = static_cast<Expression::Kind>(kind);
  expression.operands.push_back(Random(random, depth + 1));
  if (expression.kind != Expression::Kind::kNot) {
    for (int i = 0; i <= choose(3); ++i) expression.operands.push_back(Random(random, depth + 1));
  }
  return expression;
}

TEST_CASE("What is built is read back as it was") {
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    std::mt19937 random(seed);
    const Expression expression = Random(random, 0);
    const std::string text = ToText(expression);
    INFO("seed " << seed << ": " << text);
    const auto again = ParseExpression(text);
    REQUIRE(again.has_value());
    CHECK(*again == expression);
  }
}

TEST_CASE("A long rule is no deep one") {
  std::string rule = "Host(`a`)";
  for (int i = 0; i < 50'000; ++i) rule += " || Host(`b`)";
  const auto hosts = CheckRule(rule);
  REQUIRE(hosts.has_value());
  CHECK(hosts->size() == 50'001);
  const auto expression = ParseExpression(rule);
  CHECK(ToText(*expression) == rule);
}

TEST_CASE("Characters that cannot be seen are refused, in texts, too") {
  using namespace std::string_literals;
  for (const std::string& rule :
       {"Path(`/a\0`)"s, "Host(`a`) \xEF\xBB\xBF"s, "Path(`/\xFF`)"s, "Host(`a`) // \0"s}) {
    CHECK_FALSE(CheckRule(rule).has_value());
  }
}

TEST_CASE("A rule that is nested too deep is refused, not followed to the end of the stack") {
  CHECK_FALSE(ParseExpression(std::string(100'000, '(')).has_value());
  CHECK_FALSE(ParseExpression(std::string(100'000, '!')).has_value());
}

TEST_CASE("No rule ends the reader, whatever it is") {
  std::mt19937 random(3);
  constexpr std::string_view kParts[] = {"Host", "(", ")",  "`a`", "\"b\"", "&&",
                                         "||",   "!", ",",  "\n",  "//",    "/*",
                                         "*/",   "`", "\"", "\\",  "\xFF",  "1"};
  for (int round = 0; round < 20'000; ++round) {
    std::string rule;
    for (int i = 0; i < 12; ++i) {
      rule += kParts[std::uniform_int_distribution<std::size_t>(0, std::size(kParts) - 1)(random)];
    }
    const auto expression = ParseExpression(rule);
    if (expression) CHECK(ParseExpression(ToText(*expression)) == *expression);
    CheckRule(rule);
  }
}

}  // namespace
}  // namespace traefik::rules
