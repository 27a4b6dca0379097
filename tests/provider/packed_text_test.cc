#include "provider/packed_text.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "tests/provider/gunzip.h"

namespace provider {
namespace {

std::string Many(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i);
  return text;
}

TEST_CASE("Packed texts and plain ones become one gzip member") {
  const std::vector<std::string> cases[] = {
      {}, {""}, {"a"}, {"", "", ""}, {"a", "b"}, {Many(100'000)}, {Many(10), Many(50'000), Many(3)},
  };
  for (const auto& texts : cases) {
    std::string all = "{";
    GzipStitcher stitcher(0);
    stitcher.AddPlain("{");
    for (const std::string& text : texts) {
      stitcher.Add(*Pack(text));
      stitcher.AddPlain(",");
      all += text + ",";
    }
    CHECK(stitcher.plain_size() == all.size());
    const tests::Unpacked unpacked = tests::Gunzip(std::move(stitcher).Finish());
    CHECK(unpacked.text == all);
    CHECK(unpacked.bytes_left == 0);
  }
}

TEST_CASE("A plain text that is longer than a block is added whole") {
  const std::string text = Many(40'000);
  GzipStitcher stitcher(0);
  stitcher.AddPlain(text);
  CHECK(tests::Gunzip(std::move(stitcher).Finish()).text == text);
}

TEST_CASE("The same texts give the same bytes, without a time") {
  CHECK(Pack("some text")->deflated == Pack("some text")->deflated);
  CHECK(Pack("some text")->digest == Pack("some text")->digest);
  CHECK(Pack("some text")->digest != Pack("other text")->digest);
  GzipStitcher stitcher(0);
  CHECK(std::move(stitcher).Finish().substr(4, 4) == std::string(4, '\0'));
}

}  // namespace
}  // namespace provider
