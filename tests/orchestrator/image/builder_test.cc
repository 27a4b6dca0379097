#include "orchestrator/image/builder.h"

#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/orchestrator/docker/fake_api.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"
#include "tests/support/failing_threads.h"
#include "tests/support/temporary_directory.h"

namespace orchestrator::image {
namespace {

using Catch::Matchers::ContainsSubstring;
using tests::FakeDockerApi;
using Request = FakeDockerApi::Request;
using Response = FakeDockerApi::Response;

// An engine with no images on which every build is good.
Response Answer(const Request& /*request*/, const std::string& path) {
  if (path == "/build") return FakeDockerApi::Json("{\"aux\": {\"ID\": \"sha256:1\"}}\n");
  if (path == "/images/json") return FakeDockerApi::Json("[]");
  return FakeDockerApi::Json("{}");
}

// A builder of one build at a time, and the site 1.
class Fixture {
 public:
  explicit Fixture(FakeDockerApi::Answer answer = Answer) : api(std::move(answer)) {
    store.Put({tests::MakeRecord(tests::MakeSite(1))});
    Start();
  }

  void Start() {
    BuilderOptions options;
    options.sites_directory = directory.path() / "sites";
    options.log_directory = directory.path() / "builds";
    options.base_image = "base:1";
    options.owner = "test";
    options.most_at_once = 1;
    builder.emplace(*store, api.images, api.containers, options);
  }

  BuildStatus Build() {
    if (const auto started = builder->Start(kSite, {}); !started) return {};
    return builder->WaitFinished(kSite, {});
  }

  static constexpr site::SiteId kSite{1};
  tests::TemporaryDirectory directory;
  tests::TestStore store;
  FakeDockerApi api;
  std::optional<Builder> builder;
};

TEST_CASE("A build for which there is no thread is refused, and holds up none after it") {
  Fixture fixture;
  {
    const tests::FailingThreads failing;
    const auto refused = fixture.builder->Start(Fixture::kSite, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == ErrorKind::kUnavailable);
    CHECK_THAT(refused.error().message, ContainsSubstring("site 1"));
  }
  const BuildStatus status = fixture.builder->StatusOf(Fixture::kSite);
  CHECK(status.state == BuildState::kFailed);
  CHECK_THAT(status.error, ContainsSubstring("threads"));
  CHECK_THAT(fixture.builder->KeptLog(Fixture::kSite).back(), ContainsSubstring("threads"));
  CHECK(fixture.Build().state == BuildState::kBuilt);
}

}  // namespace
}  // namespace orchestrator::image
