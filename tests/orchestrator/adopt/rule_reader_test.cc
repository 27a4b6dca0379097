#include "orchestrator/adopt/rule_reader.h"

#include <string>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::adopt {
namespace {

std::string Texts(const std::vector<site::Address>& addresses) {
  std::string texts;
  for (const site::Address& address : addresses) {
    texts += (texts.empty() ? "" : " ") + site::Text(address);
  }
  return texts;
}

TEST_CASE("ReadHostRule refuses what no site can say, and says where it stands", "[adopt]") {
  struct Case {
    const char* sentence;
    std::string rule;
    const char* error;
  };
  const Case cases[] = {
      {"should refuse an empty rule", "", "ends at character 1"},
      {"should refuse blanks alone", "  ", "ends at character 3"},
      {"should refuse other matchers", "Host(`a.b`) && Method(`GET`)",
       "has the matcher Method at character 16"},
      {"should refuse regular expressions", "HostRegexp(`.*`)",
       "has the matcher HostRegexp at character 1"},
      {"should refuse matchers in another case", "host(`a.b`)", "has the matcher host"},
      {"should refuse negation", "!Host(`a.b`)", "has a negation at character 1"},
      {"should refuse a negated path", "Host(`a.b`) && !PathPrefix(`/p`)",
       "has a negation at character 16"},
      {"should refuse a path alone", "PathPrefix(`/p`)", "has a path without a host"},
      {"should refuse a path as another choice", "Host(`a.b`) || PathPrefix(`/p`)",
       "has a path without a host at character 16"},
      {"should refuse a path without what is below", "Host(`a.b`) && Path(`/p`)",
       "takes nothing below it"},
      {"should refuse what is below without the path", "Host(`a.b`) && PathPrefix(`/p/`)",
       "takes only what is below"},
      {"should refuse the path and the folder of another",
       "Host(`a.b`) && (Path(`/p`) || PathPrefix(`/q/`))", "has a choice of paths at character 31"},
      {"should refuse several paths", "Host(`a.b`) && (PathPrefix(`/p`) || PathPrefix(`/q`))",
       "has a choice of paths"},
      {"should refuse a second path", "Host(`a.b`) && PathPrefix(`/p`) && PathPrefix(`/p/q`)",
       "has a second path at character 36"},
      {"should refuse a path around paths",
       "(Host(`a.b`) && PathPrefix(`/p`) || Host(`c.d`)) && PathPrefix(`/q`)", "has a second path"},
      {"should refuse two hosts at once", "Host(`a.b`) && Host(`c.d`)",
       "asks for two hosts at once at character 16"},
      {"should refuse two paths at once", "PathPrefix(`/p`) && PathPrefix(`/q`)",
       "asks for two paths at once"},
      {"should refuse a missing operand", "Host(`a.b`) ||", "ends at character 15"},
      {"should refuse a missing operator", "Host(`a.b`) Host(`c.d`)", "has 'H' at character 13"},
      {"should refuse single operators", "Host(`a.b`) | Host(`c.d`)", "has '|' at character 13"},
      {"should refuse words as operators", "Host(`a.b`) OR Host(`c.d`)", "has 'O' at character 13"},
      {"should refuse an open parenthesis", "(Host(`a.b`)", "ends at character 13"},
      {"should refuse a closing parenthesis too much", "Host(`a.b`))", "has ')' at character 12"},
      {"should refuse a text without an end", "Host(`a.b)", "has a text at character 6"},
      {"should refuse texts in single quotes", "Host('a.b')", "has ''' at character 6"},
      {"should refuse bare words", "Host(a.b)", "has 'a' at character 6"},
      {"should refuse no host at all", "Host()", "has ')' at character 6"},
      {"should refuse a comma alone", "Host(,)", "has ',' at character 6"},
      {"should refuse an empty host", "Host(``)", "must not be empty"},
      {"should refuse the host that takes all", "Host(`*`)", "has the host '*'"},
      {"should refuse a port", "Host(`a.b:80`)", "must not have a port"},
      {"should refuse names that Traefik refuses", "Host(`bücher.example`)", "not ASCII"},
      {"should refuse a path without a slash", "Host(`a.b`) && PathPrefix(`p`)",
       "must start with '/'"},
      {"should refuse a template in a path", "Host(`a.b`) && PathPrefix(`/{x}`)",
       "has the path '/{x}'"},
      {"should refuse two paths in one matcher", "Host(`a.b`) && PathPrefix(`/p`, `/q`)",
       "has 2 paths"},
      {"should refuse escapes", R"(Host("a\x2eb"))", "has an escape at character 8"},
      {"should refuse a line break that ends the rule", "Host(`a.b`)\n|| Host(`c.d`)",
       "has a line break at character 12"},
      {"should refuse a line break before a parenthesis", "Host(`a.b`\n)",
       "has a line break at character 11"},
      {"should refuse other characters without showing them", "Host(`a.b`) \x01", "byte 0x01"},
      {"should refuse comments", "Host(`a.b`) // c", "has '/' at character 13"},
      {"should refuse too many parentheses", std::string(33, '(') + "Host(`a.b`)", "more than 32"},
      {"should refuse very many parentheses", std::string(1'000'000, '('), "more than 32"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto read = ReadHostRule(c.rule);
    REQUIRE_FALSE(read.has_value());
    CAPTURE(read.error());
    CHECK(read.error().contains(c.error));
  }
}

TEST_CASE("ReadHostRule refuses or reads every part of a rule, and never fails otherwise",
          "[adopt]") {
  const std::string rule =
      "(Host(`a.b`, \"*.c.d\",) || (Host(`e.f`))) && (Path(`/p`) || PathPrefix(`/p/`))";
  for (std::size_t size = 0; size < rule.size(); ++size) {
    INFO(rule.substr(0, size));
    const bool whole_term = size == rule.find(" &&") || size == rule.find(" &&") + 1;
    CHECK(ReadHostRule(rule.substr(0, size)).has_value() == whole_term);
  }
  CHECK(ReadHostRule(rule).has_value());
}

TEST_CASE("ReadHostRule reads hosts and their paths in the rule's order", "[adopt]") {
  struct Case {
    const char* sentence;
    std::string rule;
    const char* addresses;
  };
  const Case cases[] = {
      {"should read a host", "Host(`a.b`)", "a.b"},
      {"should read a choice of hosts", "Host(`c.d`) || Host(`a.b`)", "c.d a.b"},
      {"should read a list of hosts", "Host(`c.d`,`a.b`) || Host(\"e.f\")", "c.d a.b e.f"},
      {"should read a comma behind the last host", "Host(`a.b`,)", "a.b"},
      {"should read wildcards", "Host(`*.a.b`)", "*.a.b"},
      {"should fold case and the last dot", "Host(`A.b.`) || Host(`a.B`)", "a.b"},
      {"should read without blanks", "Host(`a.b`)||Host(`c.d`)&&PathPrefix(`/p`)", "a.b c.d/p"},
      {"should read blanks anywhere", " ( Host ( `a.b` ) ) ", "a.b"},
      {"should read line breaks where Go allows them", "(\nHost(\n`a.b`,\n) ||\nHost(`c.d`))\n\n",
       "a.b c.d"},
      {"should bind && closer than ||", "Host(`a.b`) || Host(`c.d`) && PathPrefix(`/p`)",
       "a.b c.d/p"},
      {"should give a common path to all", "(Host(`a.b`) || Host(`c.d`)) && PathPrefix(`/p`)",
       "a.b/p c.d/p"},
      {"should read the path before the host", "PathPrefix(`/p`) && Host(`a.b`)", "a.b/p"},
      {"should read the whole path as none", "Host(`a.b`) && PathPrefix(`/`)", "a.b"},
      {"should read the path and its folder in any order",
       "Host(`a.b`) && (PathPrefix(`/p/`) || Path(`/p`))", "a.b/p"},
      {"should read several paths of a host",
       "Host(`a.b`) && PathPrefix(`/p`) || Host(`a.b`) && PathPrefix(`/q`)", "a.b/p a.b/q"},
      {"should read parentheses to a depth",
       std::string(32, '(') + "Host(`a.b`)" + std::string(32, ')'), "a.b"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto read = ReadHostRule(c.rule);
    if (!read) FAIL(read.error());
    CHECK(Texts(*read) == c.addresses);
  }
}

TEST_CASE("ReadRule tells open prefixes from those that sites have", "[adopt]") {
  CHECK(ReadRule("Host(`a.b`) && (Path(`/p`) || PathPrefix(`/p/`))")->open_prefixes.empty());
  CHECK(ReadRule("Host(`a.b`) && PathPrefix(`/`)")->open_prefixes.empty());
  const auto read = ReadRule("Host(`a.b`) && PathPrefix(`/p`)");
  REQUIRE(read->open_prefixes.size() == 1);
  CHECK(read->open_prefixes.front().text() == "/p");
}

TEST_CASE("ReadHostRule is the inverse of HostRule", "[adopt]") {
  std::vector<traefik::HostName> hosts;
  for (const char* name : {"a.example", "*.b.example", "xn--bcher-kva.example", "c-d.example"}) {
    hosts.push_back(*traefik::HostName::Parse(name));
    for (const char* path : {"", "/p", "/a/b-c", "/~x/$&'()*+,;=:@"}) {
      std::vector<site::Address> addresses;
      std::optional<traefik::PathPrefix> prefix;
      if (*path != '\0') prefix = *traefik::PathPrefix::Parse(path);
      for (const traefik::HostName& host : hosts) addresses.push_back({host, prefix});
      const std::string rule =
          prefix ? traefik::HostRule(hosts, *prefix) : traefik::HostRule(hosts);
      INFO(rule);
      CHECK(ReadHostRule(rule) == addresses);
    }
  }
}

}  // namespace
}  // namespace orchestrator::adopt
