#include "orchestrator/docker/timestamp.h"

#include <string>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::docker {
namespace {

TEST_CASE("What is no time is not taken for one") {
  for (const char* text :
       {"", "yesterday", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z",
        "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00.1234567890Z", "2026-01-31T12:00:00Zx",
        "2026-01-31T12:00:00+2:00", "2026-01-31T12:00:00+02:60", "2026-01-31T12:00:00+02:00x",
        "2026-01-31 12:00:00Z", "2026-1-31T12:00:00Z", "-026-01-31T12:00:00Z",
        "1969-12-31T23:59:59Z", "2026-01-31T12:00:0-Z"}) {
    INFO(text);
    CHECK_FALSE(ToUnixSeconds(text).has_value());
    CHECK(WholeUnixSeconds(text) == 0);
  }
}

TEST_CASE("Times become Unix seconds with the same fraction") {
  const struct {
    const char* time;
    const char* seconds;
  } cases[] = {
      {"1970-01-01T00:00:00Z", "0"},
      {"2026-11-22T23:31:52.234486036Z", "1795390312.234486036"},
      {"2026-11-22T23:31:52.5Z", "1795390312.5"},
      {"2024-02-29T00:00:00Z", "1709164800"},
      {"2026-11-23T01:31:52.000000001+02:00", "1795390312.000000001"},
      {"2026-11-22T20:01:52-03:30", "1795390312"},
      {"2016-12-31T23:59:60Z", "1483228800"},
  };
  for (const auto& [time, seconds] : cases) {
    INFO(time);
    CHECK(ToUnixSeconds(time) == seconds);
    CHECK(WholeUnixSeconds(time) == std::stoll(seconds));
  }
}

}  // namespace
}  // namespace orchestrator::docker
