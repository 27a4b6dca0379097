#include "orchestrator/routing/side_check.h"

#include <atomic>
#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "orchestrator/routing/transit.h"
#include "provider/http/server.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

namespace orchestrator::routing {
namespace {

using provider::http::ServerRequest;
using provider::http::ServerResponse;
using store::Phase;
using tests::MakeRecord;
using tests::MakeSite;

// A Traefik with an entry point that speaks TLS alone, where one site answers.
class Fixture {
 public:
  Fixture() {
    const tests::Certificates certificates(directory_.path());
    certificates.Make("server", "ca");
    auto tls = provider::http::TlsContext::Load(
        {certificates.certificate("server"), certificates.key("server"), ""}, {});
    traefik_ = std::make_unique<provider::http::Server>(
        [this](const ServerRequest& request) { return Answer(request); },
        [](int status) {
          ServerResponse response;
          response.status = status;
          return response;
        },
        provider::http::ServerLimits{}, provider::http::Server::Hooks{}, std::move(tls).value());
    url = "https://127.0.0.1:" + std::to_string(traefik_->Start({"127.0.0.1", 0, {}}).value());
    options.probe_tls = true;
  }
  ~Fixture() { traefik_->Stop(); }

  std::map<site::SiteId, std::string> FindWorse(const std::string& tls_entry_point) {
    const provider::Pools pools({{.name = "edge",
                                  .entry_point = "http://127.0.0.1:1",
                                  .tls_entry_point = tls_entry_point}});
    site::Site site = MakeSite(1, {"*.a.example"});
    site.routing.tls.emplace();
    const store::SiteRecord record = MakeRecord(site, Phase::kToProvider);
    secret = CheckSecret(record, options.probe);
    return SideCheck(client_, pools, options).FindWorse({&record, 1}, {});
  }

  RouteOptions options = tests::MakeRouteOptions();
  std::string url;
  std::string secret;
  std::atomic<int> visitors = 200;
  std::atomic<int> checks = 200;
  std::atomic<int> asked = 0;
  std::atomic<bool> has_check_router = true;

 private:
  ServerResponse Answer(const ServerRequest& request) {
    ServerResponse response;
    response.status = 404;
    if (request.Header("Host") != "orchestrator-check.a.example") return response;
    ++asked;
    const bool is_check = request.Header("X-Secret") == secret;
    response.status = is_check && has_check_router ? checks : visitors;
    if (is_check && has_check_router) response.headers.emplace_back(kCheckHeader, "yes");
    return response;
  }

  tests::TemporaryDirectory directory_;
  provider::http::Client client_;
  std::unique_ptr<provider::http::Server> traefik_;
};

TEST_CASE("A site with TLS is asked for by its own name at the entry point that has TLS") {
  Fixture fixture;
  CHECK(fixture.FindWorse(fixture.url).empty());
  CHECK(fixture.asked == 2);
  fixture.checks = 502;
  const auto worse = fixture.FindWorse(fixture.url);
  REQUIRE(worse.size() == 1);
  CHECK(worse.begin()->second ==
        "edge answers with status 502 by the document, but with status 200 by the labels");
}

TEST_CASE("An answer that did not come by the new side says nothing of that") {
  Fixture fixture;
  fixture.has_check_router = false;
  const auto worse = fixture.FindWorse(fixture.url);
  REQUIRE(worse.size() == 1);
  CHECK(worse.begin()->second == "edge does not route it by the document yet");
  // But where nobody gets as far as to a site, there is nothing to be told apart.
  fixture.visitors = 403;
  CHECK(fixture.FindWorse(fixture.url).empty());
}

TEST_CASE("What is worse for a visitor") {
  struct Case {
    const char* sentence;
    int before;
    int after;
    bool worse;
  };
  const Case cases[] = {
      {"should be another status", 200, 301, true},
      {"should not be the same one", 403, 403, false},
      {"should not follow on what was bad", 502, 404, false},
      {"should not be that we ask too often", 200, 429, false},
      {"should not be that we asked too often before", 429, 200, false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(IsWorse({.status = c.before, .problem = ""}, {.status = c.after, .problem = ""}) ==
          c.worse);
  }
}

TEST_CASE("A site with TLS is not asked for where no entry point with TLS is known") {
  Fixture fixture;
  fixture.checks = 502;
  CHECK(fixture.FindWorse("").empty());
  fixture.options.probe_tls = false;
  CHECK(fixture.FindWorse(fixture.url).empty());
  CHECK(fixture.asked == 0);
}

}  // namespace
}  // namespace orchestrator::routing
