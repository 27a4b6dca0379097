#include "orchestrator/terminal/terminals.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/orchestrator/deploy/fake_engine.h"
#include "tests/orchestrator/docker/fake_api.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"
#include "tests/support/failing_threads.h"
#include "tests/support/temporary_directory.h"

namespace orchestrator::terminal {
namespace {

using Catch::Matchers::ContainsSubstring;
using tests::FakeDockerApi;

// An engine that takes every order.
FakeDockerApi::Response Answer(const FakeDockerApi::Request& /*request*/, const std::string& path) {
  if (path == "/containers/create") return FakeDockerApi::Json(R"({"Id": "c1"})", 201);
  if (path == "/containers/c1/exec") return FakeDockerApi::Json(R"({"Id": "e1"})", 201);
  if (path == "/containers/json") return FakeDockerApi::Json("[]");
  return FakeDockerApi::Json(R"({"Running": false, "ExitCode": 0})");
}

TEST_CASE("A terminal for which there is no thread is refused, and counts no longer") {
  const tests::TemporaryDirectory directory;
  tests::TestStore store;
  store.Put({tests::MakeRecord(tests::MakeSite(1))});
  tests::FakeEngine engine;
  FakeDockerApi api(Answer);
  TerminalOptions options;
  options.service.sites_directory = directory.path();
  options.network.name = "network";
  options.owner = "test";
  options.per_site = 1;
  Terminals terminals(*store, engine, api.containers, options);
  {
    const tests::FailingThreads failing;
    for (int i = 0; i < 2; ++i) {
      const auto refused = terminals.Open({1}, {}, {});
      REQUIRE_FALSE(refused.has_value());
      CHECK(refused.error().kind == ErrorKind::kUnavailable);
      CHECK_THAT(refused.error().message, ContainsSubstring("threads"));
    }
  }
  const auto opened = terminals.Open({1}, {}, {});
  REQUIRE(opened.has_value());
  (*opened)->End("the test is over");
  // The container goes with the last session: nothing is being opened for ever.
  CHECK(tests::Eventually([&] { return api.Count("DELETE /containers/c1") > 0; }));
}

}  // namespace
}  // namespace orchestrator::terminal
