#include "provider/http/byte_range.h"

#include <cstdint>
#include <limits>
#include <optional>

#include <catch2/catch_test_macros.hpp>

namespace provider::http {
namespace {

TEST_CASE("A Range header asks for a part, for all, or for nothing that is there") {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
  struct Case {
    const char* sentence;
    const char* header;
    std::uint64_t size;
    std::optional<ByteRange> range;
  };
  const Case cases[] = {
      {"should give all without a header", "", 10, {}},
      {"should give a part", "bytes=2-4", 10, ByteRange{2, 3}},
      {"should give one byte", "bytes=0-0", 10, ByteRange{0, 1}},
      {"should give the rest", "bytes=7-", 10, ByteRange{7, 3}},
      {"should give the end", "bytes=-3", 10, ByteRange{7, 3}},
      {"should give all for an end that is longer", "bytes=-30", 10, ByteRange{0, 10}},
      {"should cut at the end", "bytes=8-100", 10, ByteRange{8, 2}},
      {"should cut at the end of all numbers", "bytes=8-99999999999999999999", 10, ByteRange{8, 2}},
      {"should know the last byte of the largest body", "bytes=1-18446744073709551615", kLargest,
       ByteRange{1, kLargest - 1}},
      {"should take units in any case", "Bytes=2-4", 10, ByteRange{2, 3}},
      {"should take spaces around", "bytes= 2-4 ", 10, ByteRange{2, 3}},
      {"should find nothing at the end", "bytes=10-", 10, ByteRange{10, 0}},
      {"should find nothing beyond all numbers", "bytes=99999999999999999999-", 10,
       ByteRange{kLargest, 0}},
      {"should find nothing in no bytes", "bytes=0-", 0, ByteRange{0, 0}},
      {"should find nothing in the last no bytes", "bytes=-0", 10, ByteRange{10, 0}},
      {"should give all of no bytes for their end", "bytes=-5", 0, {}},
      {"should pass over a start beyond all numbers with an end",
       "bytes=99999999999999999999-5",
       10,
       {}},
      {"should pass over an end before the start", "bytes=5-2", 10, {}},
      {"should pass over several ranges", "bytes=0-1,3-4", 10, {}},
      {"should pass over a dash alone", "bytes=-", 10, {}},
      {"should pass over no range", "bytes=", 10, {}},
      {"should pass over signs", "bytes=+1-2", 10, {}},
      {"should pass over a number below none", "bytes=--5", 10, {}},
      {"should pass over spaces inside", "bytes=1 -2", 10, {}},
      {"should pass over other units", "lines=1-2", 10, {}},
      {"should pass over units alone", "bytes", 10, {}},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(ChooseRange(c.header, c.size) == c.range);
  }
}

}  // namespace
}  // namespace provider::http
