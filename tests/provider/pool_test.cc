#include "provider/pool.h"

#include <future>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "provider/http/client.h"
#include "provider/poll_server.h"
#include "tests/provider/snapshots.h"
#include "tests/support/eventually.h"

namespace provider {
namespace {

using tests::Eventually;
using tests::MakeSnapshot;

// A poll server of two pools, each with a Traefik that the operator named.
class Fixture {
 public:
  Fixture() { port = server.Start({"127.0.0.1", 0, {}}).value(); }
  ~Fixture() {
    pools.Close();
    server.Stop();
  }

  http::ClientResponse Get(const std::string& query, const std::string& instance,
                           const std::string& prefer = "") {
    return Get(client, query, instance, prefer);
  }
  http::ClientResponse Get(http::Client& from, const std::string& query,
                           const std::string& instance, const std::string& prefer) const {
    http::ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port) + "/configuration" + query;
    request.headers = {{"X-Traefik-Instance", instance}, {"Prefer", prefer}};
    return from.Send(request).value();
  }

  Pools pools{{{"a", ""}, {"b", "", "other"}}, {"other", "default", "third"}};
  Pool& other = *pools.Find("other");
  PollServer server{pools, {}};
  std::uint16_t port = 0;
  http::Client client;
};

TEST_CASE("Pools are the default one and those that are named, each with its instances") {
  Fixture fixture;
  std::vector<std::string> names;
  for (const Pool& pool : fixture.pools) names.push_back(pool.name);
  CHECK(names == std::vector<std::string>{"default", "other", "third"});
  CHECK(fixture.pools.Find("fourth") == nullptr);
  CHECK(fixture.pools.Default().instances.configured().at(0).name == "a");
  CHECK(fixture.other.instances.configured().at(0).name == "b");
  CHECK(fixture.pools.Find("third")->instances.configured().empty());
}

TEST_CASE("A Traefik is given the document of the pool that it asks for, or none") {
  Fixture fixture;
  fixture.pools.Default().publisher.Publish(MakeSnapshot(7));
  CHECK(fixture.Get("?pool=fourth", "b").status == 404);
  CHECK(fixture.Get("?pool=Other", "b").status == 404);
  CHECK(fixture.Get("?pool=other", "b").status == 503);
  fixture.other.publisher.Publish(MakeSnapshot(9));
  const auto revision = [&](const std::string& query, const std::string& instance) {
    return std::string(http::FindHeader(fixture.Get(query, instance).headers, "X-Revision"));
  };
  CHECK(revision("", "a") == "7");
  CHECK(revision("?pool=", "a") == "7");
  CHECK(revision("?pool=default", "a") == "7");
  CHECK(revision("?pool=other", "b") == "9");
  CHECK(revision("?format=json&pool=other", "b") == "9");
  REQUIRE(Eventually([&] { return fixture.other.instances.List().at(0).delivered == 9; }));
  CHECK(fixture.pools.Default().instances.List().at(0).delivered == 7);
  CHECK(fixture.pools.Default().instances.List().size() == 1);
}

TEST_CASE("A held poll is answered by a change in its pool, not by one in another") {
  Fixture fixture;
  fixture.pools.Default().publisher.Publish(MakeSnapshot(1));
  fixture.other.publisher.Publish(MakeSnapshot(2));
  http::Client client;
  fixture.Get(client, "?pool=other", "b", "wait=30");
  auto held = std::async(std::launch::async,
                         [&] { return fixture.Get(client, "?pool=other", "b", "wait=30"); });
  REQUIRE(Eventually([&] { return fixture.server.counters().holding == 1; }));
  fixture.pools.Default().publisher.Publish(MakeSnapshot(3));
  CHECK(http::FindHeader(fixture.Get("", "a").headers, "X-Revision") == "3");
  CHECK(fixture.server.counters().holding == 1);
  fixture.other.publisher.Publish(MakeSnapshot(4));
  CHECK(http::FindHeader(held.get().headers, "X-Revision") == "4");
}

TEST_CASE("A connection that changes its pool is answered at once") {
  Fixture fixture;
  fixture.pools.Default().publisher.Publish(MakeSnapshot(1));
  fixture.other.publisher.Publish(MakeSnapshot(1));
  fixture.Get("", "a", "wait=30");
  CHECK(fixture.Get("?pool=other", "b", "wait=30").status == 200);
  CHECK(fixture.server.counters().held == 0);
}

}  // namespace
}  // namespace provider
