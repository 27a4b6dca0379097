#include "orchestrator/site/units.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace orchestrator::site {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("ParseBytes refuses what is no size") {
  struct Case {
    const char* sentence;
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"should refuse an empty text", "", "whole number and a unit"},
      {"should refuse a unit alone", "MiB", "whole number and a unit"},
      {"should refuse a negative size", "-1", "whole number and a unit"},
      {"should refuse a plus sign", "+1", "whole number and a unit"},
      {"should refuse a space in front", " 1", "whole number and a unit"},
      {"should refuse a fraction", "1.5GiB", "unknown unit '.5GiB'"},
      {"should refuse an unknown unit", "1TiB", "unknown unit 'TiB'"},
      {"should refuse a unit in another case", "1mib", "unknown unit 'mib'"},
      {"should refuse two spaces", "1  B", "unknown unit ' B'"},
      {"should refuse text behind the unit", "1MiB ", "unknown unit 'MiB '"},
      {"should refuse an exponent", "1e9", "unknown unit 'e9'"},
      {"should refuse a number beyond 64 bits", "99999999999999999999", "far too large"},
      {"should refuse a product beyond 64 bits", "9223372036854775807k", "far too large"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto bytes = ParseBytes(c.text);
    REQUIRE_FALSE(bytes.has_value());
    CHECK_THAT(bytes.error(), ContainsSubstring(c.error));
  }
}

TEST_CASE("ParseBytes reads sizes as Director does") {
  struct Case {
    const char* text;
    std::int64_t count;
  };
  const Case cases[] = {
      {"0", 0},
      {"1000", 1000},
      {"5 bytes", 5},
      {"5B", 5},
      {"5b", 5},
      {"2KiB", 2048},
      {"2KB", 2048},
      {"2K", 2048},
      {"2k", 2000},
      {"2MiB", 2 << 20},
      {"2MB", 2 << 20},
      {"2M", 2 << 20},
      {"2m", 2'000'000},
      {"1GiB", 1 << 30},
      {"1GB", 1 << 30},
      {"1G", 1 << 30},
      {"1g", 1'000'000'000},
      {"100 MiB", 104'857'600},
      {"9223372036854775807", INT64_MAX},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(ParseBytes(c.text) == Bytes{c.count});
  }
}

TEST_CASE("ParseDuration refuses what is no duration") {
  for (const char* text : {"", "s", "-1s", "1.5s", "10", "1d", "1 us", "99999999999999999999s",
                           "9223372036854775807h", "10s5ms", "10S"}) {
    INFO(text);
    CHECK_FALSE(ParseDuration(text).has_value());
  }
}

TEST_CASE("ParseDuration reads a whole number and a unit") {
  CHECK(ParseDuration("500ms") == 500ms);
  CHECK(ParseDuration("10s") == 10s);
  CHECK(ParseDuration("10 s") == 10s);
  CHECK(ParseDuration("2m") == 2min);
  CHECK(ParseDuration("1h") == 1h);
  CHECK(ParseDuration("0s") == 0ms);
}

TEST_CASE("FormatDuration gives the shortest text that ParseDuration reads back") {
  struct Case {
    std::chrono::milliseconds duration;
    const char* text;
  };
  const Case cases[] = {
      {0ms, "0s"},        {1ms, "1ms"}, {999ms, "999ms"}, {1s, "1s"},
      {1500ms, "1500ms"}, {90s, "90s"}, {2min, "2m"},     {1h, "1h"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(FormatDuration(c.duration) == c.text);
    CHECK(ParseDuration(FormatDuration(c.duration)) == c.duration);
  }
}

}  // namespace
}  // namespace orchestrator::site
