#include "orchestrator/docker/engine_client.h"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "orchestrator/docker/codec.h"
#include "provider/http/server.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace orchestrator::docker {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using provider::http::ServerRequest;
using provider::http::ServerResponse;

ServerResponse Json(std::string body, int status = 200) {
  ServerResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

// An engine on a Unix socket that answers as the test says, and a client of it.
class Fixture {
 public:
  Fixture() { Open(); }
  ~Fixture() { Close(); }

  void Open() {
    over = false;
    server_ = std::make_unique<provider::http::Server>(
        [this](const ServerRequest& request) { return Handle(request); },
        [](int status) { return Json("{}", status); }, provider::http::ServerLimits{});
    server_->Start({{}, 0, socket_}).value();
  }
  void Close() {
    over = true;
    over.notify_all();
    server_.reset();
  }

  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  std::string version = R"({"Version": "20.10", "ApiVersion": "1.41", "MinAPIVersion": "1.12"})";
  std::function<ServerResponse(const ServerRequest&)> answer = [](const ServerRequest&) {
    return Json("{}");
  };
  std::atomic<bool> over = false;
  std::atomic<int> hanging = 0;

 private:
  ServerResponse Handle(const ServerRequest& request) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request.method + " " + request.path);
    }
    return request.path == "/version" ? Json(version) : answer(request);
  }

  tests::TemporaryDirectory directory_;
  std::string socket_ = directory_.path() / "engine";
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::unique_ptr<provider::http::Server> server_;
  provider::http::Client client_;

 public:
  EngineClient engine{client_, EngineAddress::Parse("unix://" + socket_).value(), 5s};
};

TEST_CASE("EngineAddress refuses what is no address of an engine") {
  for (const char* text : {"", "/var/run/docker.sock", "unix://run/x", "unix://", "ssh://host"}) {
    INFO(text);
    CHECK_FALSE(EngineAddress::Parse(text).has_value());
  }
  CHECK(EngineAddress::Parse("unix:///run/x")->unix_socket == "/run/x");
  CHECK(EngineAddress::Parse("tcp://host:2375")->base_url == "http://host:2375");
  CHECK(EngineAddress::Parse("http://host:2375/")->base_url == "http://host:2375");
}

TEST_CASE("ChooseApiVersion takes the newest that both sides know") {
  struct Case {
    const char* sentence;
    const char* oldest;
    const char* newest;
    const char* chosen;  // empty: none
  };
  const Case cases[] = {
      {"should speak the oldest that we know", "1.12", "1.41", "1.41"},
      {"should speak an engine's newest", "1.24", "1.45", "1.45"},
      {"should speak our newest with a newer engine", "1.44", "1.99", "1.52"},
      {"should refuse an engine that is too old", "1.12", "1.40", ""},
      {"should refuse an engine that is too new", "1.60", "1.99", ""},
      {"should refuse no version", "", "", ""},
      {"should compare numbers, not texts", "1.12", "1.9", ""},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto chosen = ChooseApiVersion(c.oldest, c.newest);
    REQUIRE(chosen.has_value() == (*c.chosen != '\0'));
    if (chosen) {
      CHECK(*chosen == c.chosen);
    } else {
      CHECK(chosen.error().kind == ErrorKind::kInvalid);
    }
  }
}

TEST_CASE("The kinds of error are kept apart") {
  struct Case {
    const char* sentence;
    int status;
    const char* message;
    ErrorKind kind;
  };
  const Case cases[] = {
      {"should know what is not there", 404, "service x not found", ErrorKind::kNotFound},
      {"should know a taken name", 409, "name conflicts", ErrorKind::kConflict},
      {"should know a bad request", 400, "invalid CPU value", ErrorKind::kInvalid},
      {"should know a race as 500", 500, "rpc error: update out of sequence",
       ErrorKind::kOutOfSequence},
      {"should know a race as 400", 400, "update out of sequence", ErrorKind::kOutOfSequence},
      {"should know no manager", 503, "This node is not a swarm manager", ErrorKind::kUnavailable},
      {"should know a lost leader", 500, "rpc error: code = Unavailable", ErrorKind::kUnavailable},
      {"should know a slow swarm", 500, "context deadline exceeded", ErrorKind::kUnavailable},
      {"should know a broken engine", 500, "boom", ErrorKind::kInternal},
  };
  Fixture fixture;
  for (const Case& c : cases) {
    INFO(c.sentence);
    fixture.answer = [&](const ServerRequest&) {
      return Json(std::string("{\"message\": \"") + c.message + "\"}", c.status);
    };
    const auto service = fixture.engine.FindService("site_0001", {});
    REQUIRE_FALSE(service.has_value());
    CHECK(service.error().kind == c.kind);
    CHECK_THAT(service.error().message, ContainsSubstring(c.message));
    CHECK_THAT(service.error().message, ContainsSubstring("reading service site_0001"));
    CHECK(fixture.engine
              .UpdateService(ReadService(R"({"ID": "i", "Spec": {}})").value(), ServiceSpec{}, {})
              .error()
              .kind == c.kind);
  }
}

TEST_CASE("The version is asked once, and again after the engine was away") {
  Fixture fixture;
  fixture.answer = [](const ServerRequest&) { return Json("[]"); };
  REQUIRE(fixture.engine.ListServices("l", {}));
  REQUIRE(fixture.engine.ListServices("l", {}));
  CHECK(fixture.requests() ==
        std::vector<std::string>{"GET /version", "GET /v1.41/services", "GET /v1.41/services"});

  fixture.Close();
  const auto away = fixture.engine.ListServices("l", {});
  REQUIRE_FALSE(away.has_value());
  CHECK(away.error().kind == ErrorKind::kUnavailable);
  CHECK_THAT(away.error().message, ContainsSubstring("does not answer"));

  fixture.version = R"({"Version": "28", "ApiVersion": "1.45", "MinAPIVersion": "1.24"})";
  fixture.Open();
  REQUIRE(fixture.engine.ListServices("l", {}));
  CHECK(fixture.requests().back() == "GET /v1.45/services");
}

TEST_CASE("A call ends with a stop while the engine hangs") {
  Fixture fixture;
  fixture.answer = [&](const ServerRequest&) {
    ++fixture.hanging;
    fixture.over.wait(false);
    return Json("{}");
  };
  std::stop_source stop;
  auto info = std::async(std::launch::async, [&] { return fixture.engine.Info(stop.get_token()); });
  REQUIRE(tests::Eventually([&] { return fixture.hanging == 1; }));
  stop.request_stop();
  const auto result = info.get();
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::kCancelled);
}

TEST_CASE("A network is made only where it is missing") {
  Fixture fixture;
  bool exists = false;
  int created = 0;
  int status = 201;
  std::string made_of;
  fixture.answer = [&](const ServerRequest& request) {
    if (request.method == "GET") {
      return Json(exists ? R"([{"Name": "net", "Id": "7", "Scope": "swarm"}])" : "[]");
    }
    ++created;
    made_of = request.body;
    exists = true;
    return Json(status == 201 ? R"({"Id": "7"})" : R"({"message": "exists"})", status);
  };
  SECTION("it is missing") { status = 201; }
  SECTION("someone else makes it meanwhile") { status = 409; }
  CHECK(fixture.engine.EnsureOverlay({"net", "10.20.0.0/16"}, {}) == "7");
  CHECK(fixture.engine.EnsureOverlay({"net", "10.20.0.0/16"}, {}) == "7");
  CHECK(created == 1);
  CHECK(made_of.contains(R"("Subnet":"10.20.0.0/16")"));
}

TEST_CASE("An update names the version that was read") {
  Fixture fixture;
  std::string version;
  fixture.answer = [&](const ServerRequest& request) {
    version = request.Query("version");
    return Json("{}");
  };
  const Service current =
      ReadService(R"({"ID": "abc", "Version": {"Index": 42}, "Spec": {}})").value();
  REQUIRE(fixture.engine.UpdateService(current, current.spec, {}));
  CHECK(version == "42");
  CHECK(fixture.requests().back() == "POST /v1.41/services/abc/update");
}

}  // namespace
}  // namespace orchestrator::docker
