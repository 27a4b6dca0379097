#include "orchestrator/terminal/terminals.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>

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

// Terminals of the site 1 on an engine that answers so.
class Fixture {
 public:
  explicit Fixture(FakeDockerApi::Answer answer) : api(std::move(answer)) {
    store.Put({tests::MakeRecord(tests::MakeSite(1))});
    TerminalOptions options;
    options.service.sites_directory = directory.path();
    options.network.name = "network";
    options.owner = "test";
    options.per_site = 1;
    terminals.emplace(*store, engine, api.containers, options);
  }

  tests::TemporaryDirectory directory;
  tests::TestStore store;
  tests::FakeEngine engine;
  FakeDockerApi api;
  std::optional<Terminals> terminals;
};

TEST_CASE("A terminal for which there is no thread is refused, and counts no longer") {
  Fixture fixture(Answer);
  {
    const tests::FailingThreads failing;
    for (int i = 0; i < 2; ++i) {
      const auto refused = fixture.terminals->Open({1}, {}, {});
      REQUIRE_FALSE(refused.has_value());
      CHECK(refused.error().kind == ErrorKind::kUnavailable);
      CHECK_THAT(refused.error().message, ContainsSubstring("threads"));
    }
  }
  const auto opened = fixture.terminals->Open({1}, {}, {});
  REQUIRE(opened.has_value());
  (*opened)->End("the test is over");
  // The container goes with the last session: nothing is being opened for ever.
  CHECK(tests::Eventually([&] { return fixture.api.Count("DELETE /containers/c1") > 0; }));
}

TEST_CASE("A shell that runs on after its session has ended is ended by its mark") {
  std::mutex mutex;
  std::vector<nlohmann::json> orders;
  Fixture fixture([&](const FakeDockerApi::Request& request, const std::string& path) {
    if (path == "/containers/c1/exec") {
      const std::lock_guard lock(mutex);
      orders.push_back(nlohmann::json::parse(request.body));
    }
    if (path == "/exec/e1/json") return FakeDockerApi::Json(R"({"Running": true})");
    return Answer(request, path);
  });
  const auto opened = fixture.terminals->Open({1}, {}, {});
  REQUIRE(opened.has_value());
  (*opened)->End("the test is over");
  REQUIRE(tests::Eventually([&] { return (*opened)->ended(); }));
  const std::lock_guard lock(mutex);
  REQUIRE(orders.size() == 2);
  const std::string mark = orders[0].at("Env").back();
  CHECK(mark.starts_with("ORCHESTRATOR_TERMINAL="));
  CHECK(orders[1].at("Cmd").back() == mark);
  // Ctrl-P is not held back, and Ctrl-P Ctrl-Q lets go of nothing.
  CHECK_FALSE(orders[0].at("DetachKeys").get<std::string>().contains("ctrl-p"));
}

}  // namespace
}  // namespace orchestrator::terminal
