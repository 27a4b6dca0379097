#include "provider/http/client.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "provider/http/server.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/traefik_process.h"

namespace provider::http {
namespace {

using namespace std::chrono_literals;
using Kind = ClientFailure::Kind;
using Sent = std::expected<ClientResponse, ClientFailure>;

// A server that answers what the path asks for. "/hang" waits until the fixture ends.
class Fixture {
 public:
  Fixture()
      : server([this](const ServerRequest& request) { return Handle(request); },
               [](int status) {
                 ServerResponse response;
                 response.status = status;
                 return response;
               },
               {}) {
    port = server.Start({"127.0.0.1", 0, {}}).value();
  }
  ~Fixture() {
    over = true;
    over.notify_all();
    server.Stop();
  }

  ClientRequest Request(const std::string& path) const {
    ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port) + path;
    return request;
  }

  std::atomic<int> hanging = 0;
  std::atomic<int> redirected = 0;
  std::atomic<bool> over = false;
  Server server;
  std::uint16_t port = 0;

 private:
  ServerResponse Handle(const ServerRequest& request) {
    ServerResponse response;
    if (request.path == "/hang") {
      ++hanging;
      over.wait(false);
    }
    if (request.path == "/redirect") {
      response.status = 302;
      response.headers = {{"Location", "/target"}};
    }
    if (request.path == "/target") ++redirected;
    if (request.path == "/missing") response.status = 404;
    if (request.path == "/port") {
      response.body = std::to_string(request.remote_port);
      return response;
    }
    response.headers.emplace_back("X-Answer", "a: b");
    response.body = std::string(request.Header("X-Asked")) + request.body;
    return response;
  }
};

Kind KindOf(const Sent& sent) {
  REQUIRE_FALSE(sent.has_value());
  CHECK_FALSE(sent.error().message.empty());
  return sent.error().kind;
}

TEST_CASE("The kinds of failure are kept apart") {
  Fixture fixture;
  Client client;
  ClientRequest request = fixture.Request("/hang");

  SECTION("nobody listens") {
    request.url = "http://127.0.0.1:" + std::to_string(tests::FreePort());
    CHECK(KindOf(client.Send(request)) == Kind::kUnreachable);
  }
  SECTION("no such Unix socket") {
    const tests::TemporaryDirectory directory;
    request.unix_socket = directory.path() / "none";
    CHECK(KindOf(client.Send(request)) == Kind::kUnreachable);
  }
  SECTION("no such host") {
    request.url = "http://nowhere.invalid/";
    CHECK(KindOf(client.Send(request)) == Kind::kUnreachable);
  }
  SECTION("the answer takes too long") {
    request.timeout = 50ms;
    CHECK(KindOf(client.Send(request)) == Kind::kTimeout);
  }
  SECTION("another scheme") {
    request.url = "file:///etc/hostname";
    CHECK(KindOf(client.Send(request)) == Kind::kProtocol);
  }
  SECTION("no URL") {
    request.url = "http://";
    CHECK(KindOf(client.Send(request)) == Kind::kProtocol);
  }
  SECTION("cancelled before the start") {
    std::stop_source stop;
    stop.request_stop();
    CHECK(KindOf(client.Send(request, stop.get_token())) == Kind::kCancelled);
  }
  SECTION("cancelled while it waits") {
    std::stop_source stop;
    auto sent =
        std::async(std::launch::async, [&] { return client.Send(request, stop.get_token()); });
    REQUIRE(tests::Eventually([&] { return fixture.hanging == 1; }));
    stop.request_stop();
    CHECK(KindOf(sent.get()) == Kind::kCancelled);
  }
}

TEST_CASE("The end of a client cancels what is still running") {
  Fixture fixture;
  auto client = std::make_unique<Client>();
  auto sent = std::async(std::launch::async,
                         [&, raw = client.get()] { return raw->Send(fixture.Request("/hang")); });
  REQUIRE(tests::Eventually([&] { return fixture.hanging == 1; }));
  client.reset();
  CHECK(KindOf(sent.get()) == Kind::kCancelled);
}

TEST_CASE("One request that hangs does not hold up the others") {
  Fixture fixture;
  Client client;
  std::stop_source stop;
  auto hanging = std::async(
      std::launch::async, [&] { return client.Send(fixture.Request("/hang"), stop.get_token()); });
  REQUIRE(tests::Eventually([&] { return fixture.hanging == 1; }));
  CHECK(client.Send(fixture.Request("/"))->status == 200);
  stop.request_stop();
  CHECK(KindOf(hanging.get()) == Kind::kCancelled);
}

TEST_CASE("Any status is an answer") {
  Fixture fixture;
  Client client;
  const Sent sent = client.Send(fixture.Request("/missing"));
  REQUIRE(sent.has_value());
  CHECK(sent->status == 404);
}

TEST_CASE("A redirect is an answer and is not followed") {
  Fixture fixture;
  Client client;
  const Sent sent = client.Send(fixture.Request("/redirect"));
  REQUIRE(sent.has_value());
  CHECK(sent->status == 302);
  CHECK(FindHeader(sent->headers, "location") == "/target");
  CHECK(fixture.redirected == 0);
}

TEST_CASE("Headers and bodies go both ways") {
  Fixture fixture;
  Client client;
  ClientRequest request = fixture.Request("/");
  request.method = "POST";
  request.headers = {{"X-Asked", "q:"}, {"Content-Type", "application/json"}};
  request.body = std::string(100'000, 'b');
  const Sent sent = client.Send(request);
  REQUIRE(sent.has_value());
  CHECK((sent->body == "q:" + request.body));
  CHECK(FindHeader(sent->headers, "x-answer") == "a: b");
}

TEST_CASE("A POST without a body is sent") {
  Fixture fixture;
  Client client;
  ClientRequest request = fixture.Request("/");
  request.method = "POST";
  CHECK(client.Send(request)->status == 200);
}

TEST_CASE("A connection is used again") {
  Fixture fixture;
  Client client;
  const std::string port = client.Send(fixture.Request("/port"))->body;
  CHECK(client.Send(fixture.Request("/port"))->body == port);
}

}  // namespace
}  // namespace provider::http
