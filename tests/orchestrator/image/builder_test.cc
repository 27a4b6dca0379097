#include "orchestrator/image/builder.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/orchestrator/docker/fake_api.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"
#include "tests/support/failing_threads.h"
#include "tests/support/temporary_directory.h"

namespace orchestrator::image {
namespace {

using namespace std::chrono_literals;
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

TEST_CASE("Who removes an image leaves the log of a build that has begun meanwhile") {
  std::promise<void> asked;
  std::promise<void> go_on;
  Fixture fixture([&, answered = go_on.get_future().share(),
                   is_first = std::make_shared<std::atomic<bool>>(true)](const Request& request,
                                                                         const std::string& path) {
    if (request.method == "DELETE" && path.starts_with("/images/site_0001") &&
        is_first->exchange(false)) {
      asked.set_value();
      answered.wait_for(20s);
    }
    return Answer(request, path);
  });
  REQUIRE(fixture.Build().state == BuildState::kBuilt);
  Result<void> deleted;
  {
    std::jthread remover([&] { deleted = fixture.builder->Delete(Fixture::kSite, {}); });
    CHECK(asked.get_future().wait_for(20s) == std::future_status::ready);
    CHECK(fixture.Build().state == BuildState::kBuilt);
    go_on.set_value();
  }
  CHECK(deleted.has_value());
  CHECK_FALSE(fixture.builder->KeptLog(Fixture::kSite).empty());
  CHECK(fixture.builder->Delete(Fixture::kSite, {}).has_value());
  CHECK(fixture.builder->KeptLog(Fixture::kSite).empty());
  CHECK(fixture.builder->LogOf(Fixture::kSite) == nullptr);
}

TEST_CASE("A build that ends early says who ended it") {
  std::promise<void> over;
  Fixture fixture(
      [answered = over.get_future().share()](const Request& request, const std::string& path) {
        if (path == "/build") answered.wait_for(20s);
        return Answer(request, path);
      });
  REQUIRE(fixture.builder->Start(Fixture::kSite, {}).has_value());
  REQUIRE(tests::Eventually([&] { return fixture.api.Count("POST /build") == 1; }));
  const auto log = fixture.builder->LogOf(Fixture::kSite);
  REQUIRE(log != nullptr);
  const auto end = [&] {
    return log->Wait(1'000, std::chrono::steady_clock::now() + 20s, {}).status;
  };
  SECTION("its user") {
    CHECK(fixture.builder->Cancel(Fixture::kSite).has_value());
    CHECK(end().state == BuildState::kCancelled);
    CHECK(end().error == "it was cancelled");
  }
  SECTION("the removal of its site") {
    const auto erased = fixture.store->Write(
        [](store::Transaction& transaction) { return transaction.Erase(Fixture::kSite); });
    REQUIRE(erased.has_value());
    CHECK(end().state == BuildState::kCancelled);
    CHECK(end().error == "the site was removed");
  }
  SECTION("the end of the program, which is told of after the next start, too") {
    fixture.builder.reset();
    CHECK(end().state == BuildState::kFailed);
    CHECK_THAT(end().error, ContainsSubstring("orchestrator was stopped"));
    fixture.Start();
    CHECK(fixture.builder->StatusOf(Fixture::kSite).state == BuildState::kFailed);
    CHECK_THAT(fixture.builder->StatusOf(Fixture::kSite).error,
               ContainsSubstring("orchestrator was stopped"));
  }
  over.set_value();
}

TEST_CASE("Who follows a build hears of its end, and not of the next one's") {
  std::atomic<int> builds = 0;
  Fixture fixture([&](const Request& request, const std::string& path) {
    if (path == "/build" && ++builds == 1) {
      return FakeDockerApi::Json("{\"error\": \"the first one\"}\n");
    }
    return Answer(request, path);
  });
  CHECK(fixture.Build().state == BuildState::kFailed);
  const auto log = fixture.builder->LogOf(Fixture::kSite);
  CHECK(fixture.Build().state == BuildState::kBuilt);
  REQUIRE(log != nullptr);
  const auto first = log->Wait(0, std::chrono::steady_clock::now() + 20s, {});
  CHECK(first.status.error == "the first one");
  CHECK(log->build() != fixture.builder->LogOf(Fixture::kSite)->build());
  CHECK_THAT(first.lines.front(), ContainsSubstring(log->build()));
}

TEST_CASE("An image that is not wanted stays while its site is built, and then goes") {
  std::promise<void> over;
  Fixture fixture(
      [answered = over.get_future().share()](const Request& request, const std::string& path) {
        if (path == "/build") answered.wait_for(20s);
        if (path == "/images/json") {
          return FakeDockerApi::Json(R"j([
        {"Id": "sha256:old", "Labels": {"orchestrator.site": "1", "orchestrator.image": "test"}},
        {"Id": "sha256:gone", "Labels": {"orchestrator.site": "2", "orchestrator.image": "test"}}
      ])j");
        }
        return Answer(request, path);
      });
  // The sweep at the start is over.
  REQUIRE(tests::Eventually([&] { return fixture.api.Count("DELETE /images/sha256:gone") == 1; }));
  REQUIRE(fixture.builder->Start(Fixture::kSite, {}).has_value());
  REQUIRE(tests::Eventually([&] { return fixture.api.Count("POST /build") == 1; }));
  const auto sweeps = fixture.api.Count("DELETE /images/sha256:gone");
  const auto removed = fixture.api.Count("DELETE /images/sha256:old");  // before the build
  CHECK(fixture.builder->Delete({2}, {}).has_value());                  // and a sweep for it
  REQUIRE(
      tests::Eventually([&] { return fixture.api.Count("DELETE /images/sha256:gone") > sweeps; }));
  CHECK(fixture.api.Count("DELETE /images/sha256:old") == removed);
  over.set_value();
  CHECK(fixture.builder->WaitFinished(Fixture::kSite, {}).state == BuildState::kBuilt);
  CHECK(
      tests::Eventually([&] { return fixture.api.Count("DELETE /images/sha256:old") > removed; }));
}

}  // namespace
}  // namespace orchestrator::image
