#include "orchestrator/image/byte_pipe.h"

#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::image {
namespace {

// All that can be read, in pieces of `size`; nothing when the writer did not finish.
std::optional<std::string> ReadAll(BytePipe& pipe, std::size_t size) {
  std::string all;
  std::string buffer(size, '\0');
  for (;;) {
    const auto count = pipe.Read(buffer.data(), buffer.size());
    if (!count) return std::nullopt;
    if (*count == 0) return all;
    all.append(buffer, 0, *count);
  }
}

TEST_CASE("A writer that gives up is no end of the bytes") {
  BytePipe pipe(100);
  REQUIRE(pipe.Write("half"));
  pipe.EndOfWriting(/*whole=*/false);
  CHECK_FALSE(ReadAll(pipe, 10).has_value());
}

TEST_CASE("A reader that is gone ends the writer, also one that waits for room") {
  BytePipe pipe(4);
  bool written = true;
  std::jthread writer([&] {
    while (pipe.Write("1234")) {
    }
    written = false;
  });
  char buffer[2];
  REQUIRE(pipe.Read(buffer, sizeof buffer) == 2);
  pipe.Abort();
  writer.join();
  CHECK_FALSE(written);
}

TEST_CASE("An abort ends a reader who waits for bytes, and is no end of them") {
  BytePipe pipe(4);
  std::optional<std::string> read = "";
  std::jthread reader([&] { read = ReadAll(pipe, 10); });
  pipe.Abort();
  reader.join();
  CHECK_FALSE(read.has_value());
  CHECK_FALSE(pipe.Write("more"));
  pipe.EndOfWriting(/*whole=*/true);
  CHECK_FALSE(ReadAll(pipe, 10).has_value());
}

TEST_CASE("What was written whole is not taken for whole after an abort") {
  BytePipe pipe(10);
  REQUIRE(pipe.Write("all"));
  pipe.EndOfWriting(/*whole=*/true);
  pipe.Abort();
  CHECK_FALSE(ReadAll(pipe, 10).has_value());
}

TEST_CASE("What is larger than the pipe comes through it whole and in order") {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i);
  BytePipe pipe(64);
  std::jthread writer([&] {
    for (std::size_t at = 0; at < text.size(); at += 100) {
      if (!pipe.Write(std::string_view(text).substr(at, 100))) return;
    }
    pipe.EndOfWriting(/*whole=*/true);
  });
  CHECK(ReadAll(pipe, 7) == text);
}

}  // namespace
}  // namespace orchestrator::image
