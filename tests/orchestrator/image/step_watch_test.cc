#include "orchestrator/image/step_watch.h"

#include <ctime>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "tests/orchestrator/docker/fake_api.h"
#include "tests/support/eventually.h"

namespace orchestrator::image {
namespace {

using namespace std::chrono_literals;
using tests::Eventually;
using tests::FakeDockerApi;

constexpr std::int64_t kLimit = 1000;

// An engine whose images all have one layer of before, of 900 bytes, and one of now.
class Fixture {
 public:
  FakeDockerApi api{[this](const auto&, const std::string& path) {
    if (path.starts_with("/containers/")) {
      return FakeDockerApi::Json(fmt::format(R"({{"SizeRw": {}}})", written.load()),
                                 runs ? 200 : 404);
    }
    if (!path.contains("/history")) return FakeDockerApi::Json("{}", 404);
    const bool is_known = path.contains("aaaaaaaaaaaa") || path.contains("sha256");
    const std::int64_t now = std::time(nullptr);
    return FakeDockerApi::Json(fmt::format(R"([{{"Id": "sha256:aa", "Created": {}, "Size": {}}},)"
                                           R"( {{"Id": "<missing>", "Created": {}, "Size": 900}}])",
                                           now, layer.load(), now - 3600),
                               is_known ? 200 : 404);
  }};
  std::atomic<std::int64_t> written = 0;
  std::atomic<std::int64_t> layer = 0;
  std::atomic<bool> runs = true;
  std::stop_source cancel;
  StepWatch watch{api.containers, api.images, kLimit, 0s, cancel};
};

constexpr const char* kMadeImage = R"({"stream": " ---> aaaaaaaaaaaa\n"})";
constexpr const char* kRunsContainer = R"({"stream": " ---> Running in bbbbbbbbbbbb\n"})";

TEST_CASE("A build is ended when its steps, those that have ended included, wrote too much") {
  Fixture fixture;
  SECTION("a step that runs") {
    fixture.written = kLimit + 1;
    fixture.watch.Look(ReadMessage(kRunsContainer));
    CHECK(Eventually([&] { return fixture.cancel.stop_requested(); }));
  }
  SECTION("one that ended and one that runs") {
    fixture.layer = 600;
    fixture.written = 600;
    fixture.watch.Look(ReadMessage(kMadeImage));
    fixture.watch.Look(ReadMessage(kRunsContainer));
    CHECK(Eventually([&] { return fixture.cancel.stop_requested(); }));
  }
  SECTION("a stage that ended before anybody could look") {
    fixture.layer = kLimit + 1;
    fixture.watch.Look(ReadMessage(R"({"aux": {"ID": "sha256:0123"}})"));
  }
  CHECK(fixture.watch.Finish().contains("1000 are allowed"));
  CHECK(fixture.cancel.stop_requested());
}

TEST_CASE("What was there before a build does not count, and nothing counts twice") {
  Fixture fixture;
  fixture.layer = 900;
  fixture.written = 900;
  fixture.watch.Look(ReadMessage(kRunsContainer));
  REQUIRE(Eventually([&] { return fixture.api.Count("GET /containers/bbbbbbbbbbbb/json") > 0; }));
  // The step ends: what it wrote is a layer now.
  fixture.runs = false;
  fixture.watch.Look(ReadMessage(kMadeImage));
  fixture.watch.Look(ReadMessage(R"({"aux": {"ID": "sha256:0123"}})"));
  CHECK(fixture.watch.Finish().empty());
  CHECK(fixture.watch.made_by_steps() == std::vector<std::string>{"sha256:aa"});
}

TEST_CASE("A step that prints many ids hides nothing, and ends the build") {
  Fixture fixture;
  for (int i = 0; i < 2000; ++i) {
    fixture.watch.Look(ReadMessage(fmt::format(R"({{"stream": " ---> {:012x}\n"}})", i)));
  }
  CHECK(Eventually([&] { return fixture.cancel.stop_requested(); }));
  CHECK(fixture.watch.Finish().contains("too many"));
}

}  // namespace
}  // namespace orchestrator::image
