#include "provider/gzip.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <zlib.h>

#include "tests/provider/gunzip.h"

namespace provider {
namespace {

TEST_CASE("Gzip gives one member that holds the text") {
  std::string large;
  for (int i = 0; i < 100'000; ++i) large += std::to_string(i);
  for (const std::string& text : {std::string(), std::string("a"), large}) {
    const std::string packed = Gzip(text);
    const tests::Unpacked unpacked = tests::Gunzip(packed);
    CHECK(unpacked.text == text);
    CHECK(unpacked.bytes_left == 0);
  }
}

TEST_CASE("Gzip gives the same bytes for the same text, without a time") {
  const std::string packed = Gzip("some text");
  CHECK(packed == Gzip("some text"));
  CHECK(packed.substr(4, 4) == std::string(4, '\0'));
}

}  // namespace
}  // namespace provider
