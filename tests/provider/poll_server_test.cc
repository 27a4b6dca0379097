#include "provider/poll_server.h"

#include <future>
#include <memory>
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "provider/http/client.h"
#include "provider/last_known_good.h"
#include "tests/provider/gunzip.h"
#include "tests/provider/http/raw_connection.h"
#include "tests/provider/snapshots.h"
#include "tests/support/eventually.h"

namespace provider {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using tests::Eventually;
using tests::MakeSnapshot;

// A poll server on a port of its own. Ends held polls before it goes.
class Fixture {
 public:
  explicit Fixture(PollServerOptions options = {}, std::vector<ConfiguredInstance> configured = {})
      : pools(configured, {"edge-b"}), server(pools, std::move(options)) {
    port = server.Start({"127.0.0.1", 0, {}}).value();
  }
  ~Fixture() {
    pools.Close();
    server.Stop();
  }

  http::ClientRequest Request(http::HeaderList headers = {}) const {
    http::ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port) + "/configuration";
    request.headers = std::move(headers);
    return request;
  }

  http::ClientResponse Get(http::HeaderList headers = {}) {
    return client.Send(Request(std::move(headers))).value();
  }

  http::ClientResponse GetAt(const std::string& target) {
    http::ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port) + target;
    return client.Send(request).value();
  }

  std::future<http::ClientResponse> GetLater(http::Client& from, const std::string& instance = "") {
    return std::async(std::launch::async, [this, &from, instance] {
      return from.Send(Request({{"Prefer", "wait=30"}, {"X-Traefik-Instance", instance}})).value();
    });
  }

  bool HoldsEventually(int polls) {
    return Eventually([&] { return server.counters().holding == polls; });
  }

  Pools pools;
  Publisher& publisher = pools.Default().publisher;
  Instances& instances = pools.Default().instances;
  PollServer server;
  std::uint16_t port = 0;
  http::Client client;
};

TEST_CASE("ParsePreferWait reads the seconds of RFC 7240") {
  struct Case {
    const char* sentence;
    const char* prefer;
    int seconds;
  };
  const Case cases[] = {
      {"should read nothing from an empty header", "", 0},
      {"should read a wait", "wait=20", 20},
      {"should read zero", "wait=0", 0},
      {"should read it among others", "respond-async, wait=5", 5},
      {"should read it before others", "wait=5; foo=bar, return=minimal", 5},
      {"should skip spaces", "  wait=7  ", 7},
      {"should refuse a unit", "wait=5s", 0},
      {"should refuse a fraction", "wait=1.5", 0},
      {"should refuse a negative wait", "wait=-1", 0},
      {"should refuse a number that is too large", "wait=99999999999", 0},
      {"should refuse no number", "wait=", 0},
      {"should refuse another name that ends alike", "await=5", 0},
      {"should go on behind separators alone", ",,;wait=3", 3},
      {"should take the second where the first is wrong", "wait=x, wait=4", 4},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(ParsePreferWait(c.prefer).count() == c.seconds);
  }
}

TEST_CASE("A poll before the first snapshot is told to come back, never given an empty document") {
  Fixture fixture;
  const http::ClientResponse response = fixture.Get({{"Prefer", "wait=30"}});
  CHECK(response.status == 503);
  CHECK(http::FindHeader(response.headers, "Retry-After") == "1");
  CHECK(http::FindHeader(response.headers, "Content-Type") == "application/problem+json");
  CHECK(fixture.server.counters().unavailable == 1);
  CHECK(fixture.server.counters().held == 0);
}

TEST_CASE("What is no poll is refused") {
  struct Case {
    const char* sentence;
    const char* method;
    const char* path;
    int status;
  };
  const Case cases[] = {
      {"should not know the root", "GET", "/", 404},
      {"should not know a path below", "GET", "/configuration/x", 404},
      {"should not know another case", "GET", "/Configuration", 404},
      {"should not take a POST", "POST", "/configuration", 405},
      {"should not take a DELETE", "DELETE", "/configuration", 405},
      {"should not know another pool", "GET", "/configuration?pool=x", 404},
      {"should not know another format", "GET", "/configuration?format=yaml", 400},
      {"should take the default pool", "GET", "/configuration?pool=default", 200},
      {"should take the format json", "GET", "/configuration?format=json", 200},
  };
  Fixture fixture;
  fixture.publisher.Publish(MakeSnapshot(1));
  std::uint64_t refused = 0;
  for (const Case& c : cases) {
    INFO(c.sentence);
    http::ClientRequest request = fixture.Request();
    request.url = "http://127.0.0.1:" + std::to_string(fixture.port) + c.path;
    request.method = c.method;
    const auto response = fixture.client.Send(request);
    REQUIRE(response.has_value());
    CHECK(response->status == c.status);
    if (c.status != 200) {
      ++refused;
      CHECK_THAT(response->body, !ContainsSubstring("revision"));
    }
    if (c.status == 405) CHECK(http::FindHeader(response->headers, "Allow") == "GET, HEAD");
  }
  CHECK(fixture.server.counters().refused == refused);
}

TEST_CASE("A poll without one of the tokens learns nothing") {
  Fixture fixture({.tokens = {"first-token-000000", "second-token-00000"},
                   .held_polls = 200,
                   .longest_wait = 60s});
  fixture.publisher.Publish(MakeSnapshot(1));
  for (const char* authorization :
       {"", "Bearer", "Bearer wrong", "Basic first-token-000000", "Bearer first-token-000000x"}) {
    INFO(authorization);
    const http::ClientResponse response = fixture.Get({{"Authorization", authorization}});
    CHECK(response.status == 401);
    CHECK(http::FindHeader(response.headers, "WWW-Authenticate") == "Bearer");
    CHECK_THAT(response.body, !ContainsSubstring("revision"));
  }
  CHECK(fixture.Get({{"Authorization", "Bearer first-token-000000"}}).status == 200);
  CHECK(fixture.Get({{"Authorization", "Bearer second-token-00000"}}).status == 200);
  CHECK(fixture.instances.List().size() == 1);
}

TEST_CASE("A poll gets the stored bytes, packed where it takes them") {
  struct Case {
    const char* sentence;
    const char* accept_encoding;
    bool packed;
  };
  const Case cases[] = {
      {"should send plain bytes unasked", "", false},
      {"should send plain bytes for identity", "identity", false},
      {"should pack for gzip", "gzip", true},
      {"should pack for gzip among others", "deflate, gzip;q=0.5, br", true},
      {"should not pack where gzip is refused", "gzip;q=0, br", false},
      {"should not pack where gzip is refused with a space", "gzip; q=0", false},
  };
  Fixture fixture;
  const auto snapshot = MakeSnapshot(6);
  fixture.publisher.Publish(snapshot);
  for (const Case& c : cases) {
    INFO(c.sentence);
    const http::ClientResponse response = fixture.Get({{"Accept-Encoding", c.accept_encoding}});
    CHECK(response.status == 200);
    CHECK(response.body == (c.packed ? *snapshot->gzip() : *snapshot->plain()));
    CHECK(http::FindHeader(response.headers, "Content-Encoding") == (c.packed ? "gzip" : ""));
    CHECK(http::FindHeader(response.headers, "ETag") ==
          "\"" + snapshot->etag() + (c.packed ? "-gzip\"" : "\""));
    CHECK(http::FindHeader(response.headers, "X-Revision") == "6");
    CHECK(http::FindHeader(response.headers, "Content-Type") == "application/json");
    CHECK(http::FindHeader(response.headers, "Vary") == "Accept-Encoding");
  }
}

TEST_CASE("A client may ask for JSON where the document has merge keys") {
  Fixture fixture;
  const auto snapshot = std::make_shared<const Snapshot>(
      6, std::vector<Section>{{"http/routers", {Pack("\"a\":1"), Pack("\"b\":2")}}},
      traefik::Form::kMerged);
  fixture.publisher.Publish(snapshot);
  const auto as_it_is = fixture.GetAt("/configuration");
  CHECK(as_it_is.body == R"({"http":{"routers":{<<: [{"a":1},{"b":2}]}}})");
  CHECK(http::FindHeader(as_it_is.headers, "Content-Type") == "application/yaml");
  const auto json = fixture.GetAt("/configuration?format=json");
  CHECK(json.body == R"({"http":{"routers":{"a":1,"b":2}}})");
  CHECK(http::FindHeader(json.headers, "Content-Type") == "application/json");
  CHECK(http::FindHeader(json.headers, "ETag") == "\"" + snapshot->etag() + "-json\"");
}

TEST_CASE("A document from disk is served until there is a newer one, also of its own revision") {
  const auto saved = std::make_shared<const Snapshot>(
      6, std::vector<Section>{{"http/routers", {Pack("\"a\":1"), Pack("\"b\":2")}}},
      traefik::Form::kMerged);
  Fixture fixture;
  fixture.publisher.Publish(
      ParseLastKnownGood(LastKnownGoodToText({saved, {1, 2}, ""})).value().snapshot);
  CHECK(fixture.Get().body == *saved->plain());
  CHECK(fixture.Get({{"Accept-Encoding", "gzip"}}).body == *saved->gzip());
  CHECK(fixture.GetAt("/configuration?format=json").status == 503);

  auto held = fixture.GetLater(fixture.client);
  CHECK(held.get().status == 200);  // the refusal had ended the connection
  held = fixture.GetLater(fixture.client);
  REQUIRE(fixture.HoldsEventually(1));
  fixture.publisher.Publish(MakeSnapshot(6));
  CHECK(held.get().body == *MakeSnapshot(6)->plain());
}

TEST_CASE("HEAD tells the revision and delivers nothing") {
  Fixture fixture;
  fixture.publisher.Publish(MakeSnapshot(6));
  http::ClientRequest request = fixture.Request({{"X-Traefik-Instance", "edge"}});
  request.method = "HEAD";
  const auto response = fixture.client.Send(request);
  REQUIRE(response.has_value());
  CHECK(response->status == 200);
  CHECK(response->body.empty());
  CHECK(http::FindHeader(response->headers, "X-Revision") == "6");
  CHECK(fixture.instances.List().empty());  // a monitor is no Traefik
}

TEST_CASE("A poll is held only on a connection that has the revision, and released by the next") {
  Fixture fixture;
  fixture.publisher.Publish(MakeSnapshot(1));
  CHECK(http::FindHeader(fixture.Get({{"Prefer", "wait=30"}}).headers, "X-Revision") == "1");
  CHECK(fixture.server.counters().held == 0);

  auto held = fixture.GetLater(fixture.client);
  REQUIRE(fixture.HoldsEventually(1));
  // A Traefik that has just started opens a new connection and is answered at once.
  http::Client restarted;
  CHECK(restarted.Send(fixture.Request({{"Prefer", "wait=30"}})).value().status == 200);
  CHECK(held.wait_for(0s) == std::future_status::timeout);

  fixture.publisher.Publish(MakeSnapshot(2));
  const http::ClientResponse response = held.get();
  CHECK(response.status == 200);
  CHECK(response.body == *MakeSnapshot(2)->plain());
  CHECK(http::FindHeader(response.headers, "Preference-Applied") == "wait=30");
  CHECK(fixture.HoldsEventually(0));
  CHECK(fixture.server.counters().held == 1);
}

TEST_CASE("A poll that has missed a revision is answered at once") {
  Fixture fixture;
  fixture.publisher.Publish(MakeSnapshot(1));
  fixture.Get({{"Prefer", "wait=30"}});
  fixture.publisher.Publish(MakeSnapshot(2));
  CHECK(http::FindHeader(fixture.Get({{"Prefer", "wait=30"}}).headers, "X-Revision") == "2");
  CHECK(fixture.server.counters().held == 0);
}

TEST_CASE("A poll that does not ask for a wait is answered at once") {
  Fixture fixture;
  fixture.publisher.Publish(MakeSnapshot(1));
  fixture.Get();
  CHECK(fixture.Get().status == 200);
  CHECK(fixture.server.counters().held == 0);
}

TEST_CASE("A held poll gets the same document again when its time is over") {
  Fixture fixture({.tokens = {}, .held_polls = 200, .longest_wait = 1s});
  fixture.publisher.Publish(MakeSnapshot(1));
  fixture.Get({{"Prefer", "wait=30"}});
  const http::ClientResponse response = fixture.Get({{"Prefer", "wait=30"}});
  CHECK(response.status == 200);
  CHECK(http::FindHeader(response.headers, "X-Revision") == "1");
  CHECK(http::FindHeader(response.headers, "Preference-Applied") == "wait=1");
  CHECK(fixture.server.counters().held == 1);
}

std::string RevisionOf(const http::ClientResponse& response) {
  return std::string(http::FindHeader(response.headers, "X-Revision"));
}

// A Traefik named "edge" that is probed, serves revision 1 and has just been given revision 2.
struct Applying : Fixture {
  Applying() : Fixture({}, {{"edge", "http://127.0.0.1:1"}}) {
    publisher.Publish(MakeSnapshot(1));
    GetLater(client, "edge").get();
    instances.RecordProbe("edge", 1);
    publisher.Publish(MakeSnapshot(2));
    first_change = GetLater(client, "edge").get();
  }
  http::ClientResponse first_change;
};

TEST_CASE("Changes are gathered while a probe says that the Traefik applies the one before") {
  Applying fixture;
  CHECK(RevisionOf(fixture.first_change) == "2");
  CHECK(fixture.server.counters().gathered == 0);

  auto next = fixture.GetLater(fixture.client, "edge");
  REQUIRE(fixture.HoldsEventually(1));
  fixture.publisher.Publish(MakeSnapshot(3));
  CHECK(Eventually([&] { return fixture.server.counters().gathered == 1; }));
  fixture.publisher.Publish(MakeSnapshot(4));
  CHECK(next.wait_for(300ms) == std::future_status::timeout);
  fixture.instances.RecordProbe("edge", 2);
  CHECK(RevisionOf(next.get()) == "4");
}

TEST_CASE(
    "A poll that comes while its Traefik applies is held, too, and another Traefik's is not") {
  Applying fixture;
  fixture.publisher.Publish(MakeSnapshot(3));
  auto next = fixture.GetLater(fixture.client, "edge");
  REQUIRE(fixture.HoldsEventually(1));
  http::Client other;
  fixture.GetLater(other, "other").get();
  fixture.publisher.Publish(MakeSnapshot(4));
  CHECK(RevisionOf(fixture.GetLater(other, "other").get()) == "4");
  CHECK(next.wait_for(0s) == std::future_status::timeout);
  fixture.instances.RecordProbe("edge", 2);
  CHECK(RevisionOf(next.get()) == "4");
}

TEST_CASE("Nothing is gathered for a Traefik that cannot be asked how far it is") {
  Applying fixture;
  auto next = fixture.GetLater(fixture.client, "edge");
  REQUIRE(fixture.HoldsEventually(1));
  SECTION("when its probe fails before the change") {
    fixture.instances.RecordProbeFailure("edge", "does not answer");
    fixture.publisher.Publish(MakeSnapshot(3));
  }
  SECTION("when its probe fails while it is waited for") {
    fixture.publisher.Publish(MakeSnapshot(3));
    CHECK(Eventually([&] { return fixture.server.counters().gathered == 1; }));
    fixture.instances.RecordProbeFailure("edge", "does not answer");
  }
  SECTION("when the process ends while it is waited for") {
    fixture.publisher.Publish(MakeSnapshot(3));
    CHECK(Eventually([&] { return fixture.server.counters().gathered == 1; }));
    fixture.publisher.Close();
  }
  CHECK(RevisionOf(next.get()) == "3");
}

TEST_CASE("A Traefik that has just started is answered while another life of it was applying") {
  Applying fixture;
  fixture.publisher.Publish(MakeSnapshot(3));
  http::Client restarted;
  CHECK(RevisionOf(fixture.GetLater(restarted, "edge").get()) == "3");
}

TEST_CASE("Two hundred polls are held at once, and all get the change") {
  constexpr int kPolls = 200;
  Fixture fixture;
  fixture.publisher.Publish(MakeSnapshot(1));
  std::vector<std::unique_ptr<tests::RawConnection>> connections;
  const std::string poll = "GET /configuration HTTP/1.1\r\nHost: a\r\nPrefer: wait=60\r\n\r\n";
  const std::string end(MakeSnapshot(1)->plain()->substr(MakeSnapshot(1)->plain_size() - 3));
  for (int i = 0; i < kPolls; ++i) {
    connections.push_back(std::make_unique<tests::RawConnection>(fixture.port));
    connections.back()->Send(poll);
  }
  for (auto& connection : connections) {
    REQUIRE_THAT(connection->ReadUntil(end), ContainsSubstring("X-Revision: 1"));
    connection->Send(poll);
  }
  REQUIRE(fixture.HoldsEventually(kPolls));
  // One more is answered at once, and refusals and new Traefiks find a thread.
  http::Client client;
  CHECK(RevisionOf(fixture.GetLater(client).get()) == "1");
  CHECK(RevisionOf(fixture.GetLater(client).get()) == "1");
  CHECK(fixture.GetAt("/").status == 404);
  fixture.publisher.Publish(MakeSnapshot(2));
  for (auto& connection : connections) {
    CHECK_THAT(connection->ReadUntil(end), ContainsSubstring("X-Revision: 2"));
  }
}

TEST_CASE("More polls than may be held are answered at once") {
  Fixture fixture({.tokens = {}, .held_polls = 1, .longest_wait = 60s});
  fixture.publisher.Publish(MakeSnapshot(1));
  fixture.Get();
  auto held = fixture.GetLater(fixture.client);
  REQUIRE(fixture.HoldsEventually(1));
  http::Client second;
  for (int i = 0; i < 3; ++i) {
    CHECK(second.Send(fixture.Request({{"Prefer", "wait=30"}})).value().status == 200);
  }
  CHECK(fixture.server.counters().held == 1);
  CHECK(fixture.HoldsEventually(1));
  fixture.publisher.Publish(MakeSnapshot(2));
  CHECK(held.get().status == 200);
}

TEST_CASE("A held poll ends when its client goes away") {
  Fixture fixture;
  fixture.publisher.Publish(MakeSnapshot(1));
  fixture.Get();
  std::stop_source stop;
  auto held = std::async(std::launch::async, [&] {
    return fixture.client.Send(fixture.Request({{"Prefer", "wait=30"}}), stop.get_token());
  });
  REQUIRE(fixture.HoldsEventually(1));
  stop.request_stop();
  const auto result = held.get();
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == http::ClientFailure::Kind::kCancelled);
  CHECK(fixture.HoldsEventually(0));
}

TEST_CASE("The end of the process releases held polls") {
  Fixture fixture;
  fixture.publisher.Publish(MakeSnapshot(1));
  fixture.Get();
  auto held = fixture.GetLater(fixture.client);
  REQUIRE(fixture.HoldsEventually(1));
  fixture.publisher.Close();
  CHECK(held.get().status == 200);
}

TEST_CASE("Polls are recorded under the instance's name, or its address") {
  struct Case {
    const char* sentence;
    std::string header;
    std::string name;
  };
  const Case cases[] = {
      {"should take the name", "edge-1", "edge-1"},
      {"should take the address without a name", "", "127.0.0.1"},
      {"should take the address for a name with a space", "edge 1", "127.0.0.1"},
      {"should take the address for a name that is too long", std::string(65, 'a'), "127.0.0.1"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    Fixture fixture;
    fixture.publisher.Publish(MakeSnapshot(3));
    fixture.Get({{"X-Traefik-Instance", c.header}});
    REQUIRE(Eventually([&] { return fixture.instances.List().at(0).delivered == 3; }));
    const InstanceStatus status = fixture.instances.List().at(0);
    CHECK(status.name == c.name);
    CHECK(status.address == "127.0.0.1");
    CHECK(status.polls == 1);
  }
}

TEST_CASE("Deliveries are counted with their bytes") {
  Fixture fixture;
  const auto snapshot = MakeSnapshot(3);
  fixture.publisher.Publish(snapshot);
  fixture.Get();
  fixture.Get();
  REQUIRE(Eventually([&] { return fixture.server.counters().served == 2; }));
  CHECK(fixture.server.counters().attempts == 2);
  CHECK(fixture.server.counters().bytes == 2 * snapshot->plain()->size());
  CHECK(fixture.server.counters().failed == 0);
}

TEST_CASE("A second server on the same port is refused") {
  Fixture first;
  PollServer second(first.pools, {});
  const auto port = second.Start({"127.0.0.1", first.port, {}});
  REQUIRE_FALSE(port.has_value());
  CHECK_THAT(port.error(), ContainsSubstring("in use"));
}

TEST_CASE("Visitors of a site that cannot answer get a page, whatever they send") {
  Fixture fixture({.tokens = {"a-token-of-the-provider"}});
  http::Client client;
  for (const char* path : {"/pages/down", "/pages/not-served?x=1"}) {
    for (const char* method : {"GET", "POST", "DELETE"}) {
      http::ClientRequest request;
      request.method = method;
      request.url = "http://127.0.0.1:" + std::to_string(fixture.port) + path;
      if (request.method == "POST") request.body = std::string(20'000, 'x');
      const auto response = client.Send(request);
      REQUIRE(response.has_value());
      CHECK(response->status == 503);
      CHECK(response->body.contains("This site"));
      CHECK(http::FindHeader(response->headers, "Content-Type").starts_with("text/html"));
    }
  }
  CHECK(fixture.server.counters().pages == 6);
  CHECK(fixture.server.counters().attempts == 0);
}

}  // namespace
}  // namespace provider
