#include "traefik/codec/scalar.h"

#include <limits>

#include <catch2/catch_test_macros.hpp>

namespace traefik::codec {
namespace {

TEST_CASE("Durations are read as Go reads them") {
  const struct {
    const char* text;
    std::optional<std::int64_t> nanoseconds;
  } cases[] = {
      {"", {}},
      {"s", {}},
      {"1.5", {}},
      {"1d", {}},
      {" 10s", {}},
      {"10 s", {}},
      {"0x10", {}},
      {"9223372037s", {}},
      {"0", 0},
      {"10", 10'000'000'000},
      {"-3", -3'000'000'000},
      {"10s", 10'000'000'000},
      {"1m30s", 90'000'000'000},
      {"1.5h", 5'400'000'000'000},
      {".5s", 500'000'000},
      {"0.1h", 360'000'000'000},
      {"-1h2m", -3'720'000'000'000},
      {"100ms", 100'000'000},
      {"3us", 3'000},
      {"3\xC2\xB5s", 3'000},
      {"7ns", 7},
      // More seconds than Traefik can count go round, as there.
      {"18446744074", 290'448'384},
  };
  for (const auto& [text, nanoseconds] : cases) {
    INFO(text);
    CHECK(ParseTime(text) == nanoseconds);
  }
}

TEST_CASE("Durations are written as Go writes them, and read back") {
  const struct {
    std::int64_t nanoseconds;
    const char* text;
  } cases[] = {
      {0, "0s"},
      {7, "7ns"},
      {3'000, "3\xC2\xB5s"},
      {1'500'000, "1.5ms"},
      {1'000'000'000, "1s"},
      {90'000'000'000, "1m30s"},
      {3'600'000'000'000, "1h0m0s"},
      {-1'500'000'000, "-1.5s"},
      {std::numeric_limits<std::int64_t>::min(), "-2562047h47m16.854775808s"},
  };
  for (const auto& [nanoseconds, text] : cases) {
    INFO(text);
    CHECK(FormatTime(nanoseconds) == text);
    CHECK(ParseTime(text) == nanoseconds);
  }
}

TEST_CASE("Unquoted words of YAML mean what yaml.v3 says") {
  using enum PlainScalar::Type;
  const struct {
    const char* text;
    PlainScalar::Type type;
    const char* meaning;
  } cases[] = {
      {"~", kNull, ""},
      {"null", kNull, ""},
      {"", kNull, ""},
      {"<<", kMerge, ""},
      {"2020-01-02", kTimestamp, ""},
      {"2020-1-2T03:04:05Z", kTimestamp, ""},
      {"yes", kValue, "yes"},
      {"True", kValue, "true"},
      {"tRue", kValue, "tRue"},
      {"0x1F", kValue, "31"},
      {"0o17", kValue, "15"},
      {"017", kValue, "15"},
      {"08", kValue, "8"},
      {"1_000", kValue, "1000"},
      {"0b11", kValue, "3"},
      {"-5", kValue, "-5"},
      {"+5", kValue, "5"},
      {"1.10", kValue, "1.100000"},
      {"1.0", kValue, "1"},
      {"1e3", kValue, "1000"},
      {"1e", kValue, "1e"},
      {".5", kValue, "0.500000"},
      {".inf", kValue, "+Inf"},
      {"-.Inf", kValue, "-Inf"},
      {".nan", kValue, "NaN"},
      {"1.2.3", kValue, "1.2.3"},
      {"-", kValue, "-"},
      {"10.0.0.0/8", kValue, "10.0.0.0/8"},
      {"18446744073709551615", kValue, "18446744073709551615"},
      {"18446744073709551616", kValue, "18446744073709551616"},
  };
  for (const auto& [text, type, meaning] : cases) {
    INFO(text);
    const PlainScalar plain = ReadPlain(text);
    CHECK(plain.type == type);
    CHECK(plain.text == meaning);
  }
}

TEST_CASE("Names are the same whatever their case, as Go folds it") {
  CHECK(EqualFold("Rule", "rULE"));
  CHECK(EqualFold("\xE2\x84\xAA", "k"));
  CHECK(EqualFold("\xC5\xBF", "S"));
  CHECK_FALSE(EqualFold("a", "ab"));
  CHECK_FALSE(EqualFold("[", "{"));
  CHECK_FALSE(EqualFold("\xC3\x9C", "\xC3\xBC"));  // only ASCII and the letters that fold into it
}

}  // namespace
}  // namespace traefik::codec
