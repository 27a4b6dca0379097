#include "traefik/tree/host_condition.h"

#include <catch2/catch_test_macros.hpp>

namespace traefik::tree {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("HostCondition knows the hosts that bind a rule") {
  struct Case {
    const char* sentence;
    const char* rule;
    std::optional<Texts> bounds;
    bool is_exact;
  };
  const Case cases[] = {
      {"should know one host", "Host(`a.example`)", Texts{"a.example"}, true},
      {"should read hosts in any case", "host(`A.Example`)", Texts{"a.example"}, true},
      {"should know all of a disjunction, once each and sorted",
       "Host(`b`) || Host(`a`) && Path(`/x`) || Host(`b`)", Texts{"a", "b"}, true},
      {"should take the closest of a conjunction",
       "(Host(`a`) || Host(`b`)) && Host(`a`) && PathPrefix(`/`)", Texts{"a"}, true},
      {"should know that a wildcard is not exact", "Host(`*.a.example`) || Host(`b`)",
       Texts{"*.a.example", "b"}, false},
      {"should not be bound by a negation", "!Host(`a`)", {}, false},
      {"should not be bound where one alternative is not", "Host(`a`) || Path(`/x`)", {}, false},
      {"should not be bound by a regular expression", "HostRegexp(`^a$`)", {}, false},
      {"should not trust hosts with a dot at their end", "Host(`a.example.`)", {}, false},
      {"should not trust hosts with odd characters", "Host(`a(b`)", {}, false},
      {"should not take the star for a wildcard", "Host(`*`)", {}, false},
      {"should match nothing by a rule that Traefik refuses", "Host(", Texts{}, true},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const HostCondition condition = HostCondition::Of(c.rule, false);
    CHECK(condition.bounds() == c.bounds);
    CHECK((condition.exact_hosts() != nullptr) == c.is_exact);
  }
}

TEST_CASE("HostCondition says whether a request to a host may match") {
  struct Case {
    const char* sentence;
    const char* rule;
    const char* host;
    bool may_match;
  };
  const Case cases[] = {
      {"should match the host", "Host(`a`)", "a", true},
      {"should not match another host", "Host(`a`)", "b", false},
      {"should match one label for the star", "Host(`*.a`)", "x.a", true},
      {"should not match two labels for the star", "Host(`*.a`)", "y.x.a", false},
      {"should not match the domain itself", "Host(`*.a`)", "a", false},
      {"should leave open what else is asked for", "Host(`a`) && Method(`POST`)", "a", true},
      {"should see what a negation excludes", "!Host(`a`)", "a", false},
      {"should see what a negation lets in", "!Host(`a`) && Path(`/`)", "b", true},
      {"should leave open a negated path", "!(Host(`a`) && Path(`/x`))", "a", true},
      {"should be sure of a negated wildcard nowhere", "!Host(`*.a`)", "x.a", true},
      {"should use a regular expression", "HostRegexp(`^a[0-9]+$`)", "a12", true},
      {"should see that it does not match", "HostRegexp(`^a[0-9]+$`)", "ab", false},
      {"should think of the dot that a request may add", "HostRegexp(`\\.$`)", "a", true},
      {"should not be sure of a negated expression which the dot decides", "!HostRegexp(`a$`)", "a",
       true},
      {"should know that Traefik also tries the empty text", "HostRegexp(`^[a-z]*$`)", "1", true},
      {"should match everything where no host is named", "PathPrefix(`/`)", "a", true},
      {"should match nothing by a refused rule", "Nonsense", "a", false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(HostCondition::Of(c.rule, false).MayMatch(c.host) == c.may_match);
  }
  CHECK(HostCondition::Of("Host(`a`) || Path(`/`)", false).Takes("a"));
  CHECK_FALSE(HostCondition::Of("Host(`a`) && Path(`/`)", false).Takes("a"));
  CHECK(HostCondition::Of("!Host(`a`) && Host(`b`)", false).named() == Texts{"a", "b"});
  CHECK(HostCondition::Of("Host(`a`)", true).MayMatch("b"));  // whatever the old syntax means
}

}  // namespace
}  // namespace traefik::tree
