#include "traefik/check/condition.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace traefik::check {
namespace {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("Conditions that Traefik takes") {
  for (const char* text :
       {"NetworkErrorRatio() > 0.30", "LatencyAtQuantileMS(50.0)>100",
        "ResponseCodeRatio(500, 600, 0, 600) >= 0.25 && NetworkErrorRatio() != 1e-1",
        "(NetworkErrorRatio() < .5) ||\n (LatencyAtQuantileMS(1.) == 007)\n"}) {
    INFO(text);
    CHECK(ConditionProblem(text, ConditionOf::kCircuitBreaker).empty());
  }
  for (const char* text : {"IsNetworkError()", "Attempts() < 2 && IsNetworkError()",
                           "RequestMethod() == `GET` || ResponseCode() != 200",
                           R"(((RequestMethod() != "PO\x53T")))"}) {
    INFO(text);
    CHECK(ConditionProblem(text, ConditionOf::kBuffering).empty());
  }
}

TEST_CASE("Conditions that Traefik refuses") {
  const struct {
    const char* what;
    const char* text;
    const char* says;
  } cases[] = {
      {"should refuse nothing", "", "ends too early"},
      {"should refuse a bare word", "always", "none of RequestMethod"},
      {"should refuse the words of the other option", "NetworkErrorRatio() > 0.5", "none of"},
      {"should refuse a value alone", "5", "not a condition"},
      {"should refuse a call alone that gives a number", "Attempts()", "compare it"},
      {"should refuse a fraction for a whole number", "Attempts() < 2.0", "a whole number"},
      {"should refuse a text for a number", "Attempts() == `2`", "a whole number"},
      {"should refuse an order of texts", "RequestMethod() < `A`", "cannot compare a text"},
      {"should refuse a value before its call", "2 > Attempts()", "cannot compare"},
      {"should refuse values that are joined", "Attempts() && IsNetworkError()", "conditions only"},
      {"should refuse not", "!IsNetworkError()", "none of"},
      {"should refuse a missing end", "(Attempts() < 2", "needs ')'"},
      {"should refuse an end too many", "Attempts() < 2)", "where it should end"},
      {"should refuse arguments that are too many", "Attempts(1) < 2", "takes 0"},
      {"should refuse a number with letters", "Attempts() < 0x1F", "letters"},
      {"should refuse a number that is too large", "Attempts() < 99999999999999999999",
       "a whole number"},
      {"should refuse a broken text", "RequestMethod() == \"GET", "broken text"},
      {"should refuse a broken escape", R"(RequestMethod() == "\q")", "broken text"},
      {"should refuse a line's end before an operator", "IsNetworkError()\n|| IsNetworkError()",
       "where it should end"},
  };
  for (const auto& [what, text, says] : cases) {
    INFO(what);
    CHECK_THAT(ConditionProblem(text, ConditionOf::kBuffering), ContainsSubstring(says));
  }
  const std::string deep = std::string(100'000, '(') + "IsNetworkError()";
  CHECK_THAT(ConditionProblem(deep, ConditionOf::kBuffering), ContainsSubstring("too deep"));
}

}  // namespace
}  // namespace traefik::check
