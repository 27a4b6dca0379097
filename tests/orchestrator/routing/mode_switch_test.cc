#include "orchestrator/routing/mode_switch.h"

#include <atomic>
#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "orchestrator/routing/transit.h"
#include "provider/http/server.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using provider::http::ServerRequest;
using provider::http::ServerResponse;
using store::Phase;
using store::SiteRecord;
using tests::Eventually;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;

ServerResponse ErrorPage(int status) {
  ServerResponse response;
  response.status = status;
  return response;
}

// One configured Traefik whose data plane shows the labels that the test says, and a mode switch.
class Fixture {
 public:
  Fixture()
      : traefik_([this](const ServerRequest& request) { return Answer(request); }, ErrorPage, {}) {
    const auto port = traefik_.Start({"127.0.0.1", 0, {}}).value();
    pools = std::make_unique<provider::Pools>(std::vector<provider::ConfiguredInstance>{
        {"edge", "http://127.0.0.1:" + std::to_string(port)}});
    instances = &pools->Default().instances;
  }
  ~Fixture() {
    mode_switch.reset();
    traefik_.Stop();
  }

  void Start() {
    mode_switch = std::make_unique<ModeSwitch>(
        *store, *pools, client_,
        [this](const SiteRecord&) {
          return labels_applied ? std::optional(std::chrono::steady_clock::now()) : std::nullopt;
        },
        ModeSwitchOptions{.routes = tests::MakeRouteOptions(),
                          .label_grace = 0ms,
                          .unkept = [this](const SiteRecord&) { return unkept.load(); },
                          .quarantined = [this](const SiteRecord&) { return quarantined.load(); }});
  }

  bool PhaseEventually(std::int64_t id, Phase phase) {
    return Eventually([&] { return store.Find(id)->phase == phase; });
  }
  bool WaitsEventually(std::int64_t id, const std::string& words) {
    return Eventually([&] { return mode_switch->WaitingFor({id}).contains(words); });
  }

  tests::TestStore store;
  std::unique_ptr<provider::Pools> pools;
  provider::Instances* instances = nullptr;
  std::atomic<bool> labels_applied = false;
  std::atomic<bool> labels_shown = false;
  std::atomic<int> visitors = 200;  // the status that they get
  std::atomic<int> checks = 200;    // the one of the side that a site goes to
  std::atomic<const char*> unkept = "";
  std::atomic<const char*> quarantined = "";
  std::unique_ptr<ModeSwitch> mode_switch;

 private:
  ServerResponse Answer(const ServerRequest& request) const {
    ServerResponse response;
    response.status = 418;
    const bool is_check = !request.Header("X-Secret").empty();
    if (is_check) response.headers.emplace_back(kCheckHeader, "yes");
    if (request.Header("Host") == "site1.example") response.status = is_check ? checks : visitors;
    const bool known =
        request.Header("X-Secret") == "secret" && request.Header("Host") == "probe.invalid";
    if (known && labels_shown) {
      const std::string revision = request.path.substr(request.path.rfind('/') + 1);
      response.headers.emplace_back(kLabelMarkerHeader, revision);
    }
    return response;
  }

  provider::http::Client client_;
  provider::http::Server traefik_;
};

TEST_CASE("A site keeps its labels until every Traefik serves the document's routes") {
  Fixture fixture;
  fixture.store.Put({MakeRecord(MakeSite(1), Phase::kLabels)});
  tests::SetDefaultMode(*fixture.store, "provider");
  fixture.Start();
  REQUIRE(fixture.PhaseEventually(1, Phase::kToProvider));
  const SiteRecord moving = *fixture.store.Find(1);
  CHECK(*fixture.store->DocumentRevision(site::kDefaultPool) == moving.routes_revision);
  CHECK(fixture.WaitsEventually(1, "edge"));

  // The revision before is not enough.
  fixture.instances->RecordProbe("edge", moving.routes_revision - 1);
  CHECK(fixture.WaitsEventually(1, "edge serves revision"));
  CHECK(fixture.store.Find(1)->phase == Phase::kToProvider);

  fixture.instances->RecordProbe("edge", moving.routes_revision);
  REQUIRE(fixture.PhaseEventually(1, Phase::kProvider));
  CHECK(fixture.store.Find(1)->routes_revision == moving.routes_revision);
  CHECK(Eventually([&] { return fixture.mode_switch->WaitingFor({1}).empty(); }));
}

TEST_CASE("A site stays in the document until the swarm and every Traefik have its labels") {
  Fixture fixture;
  fixture.store.Put({MakeRecord(MakeSite(1), Phase::kProvider)});
  tests::SetDefaultMode(*fixture.store, "labels");
  fixture.Start();
  REQUIRE(fixture.PhaseEventually(1, Phase::kToLabels));
  CHECK(fixture.WaitsEventually(1, "the swarm does not have the labels yet"));
  fixture.labels_applied = true;
  CHECK(fixture.WaitsEventually(1, "edge does not show the labels yet"));
  CHECK(fixture.store.Find(1)->phase == Phase::kToLabels);

  const auto document = *fixture.store->DocumentRevision(site::kDefaultPool);
  fixture.labels_shown = true;
  REQUIRE(fixture.PhaseEventually(1, Phase::kLabels));
  const SiteRecord record = *fixture.store.Find(1);
  CHECK(record.labels_confirmed == record.routes_revision);
  CHECK(*fixture.store->DocumentRevision(site::kDefaultPool) > document);
}

TEST_CASE("A site keeps its old side while the new one does not answer as that does") {
  struct Case {
    const char* sentence;
    int visitors;
    int checks;
    bool moves;
  };
  const Case cases[] = {
      {"should keep a side that works when the other one does not", 200, 502, false},
      {"should keep a side whose answers are others", 200, 301, false},
      {"should keep a side that refuses in another way", 403, 404, false},
      {"should go where answers are the same", 301, 301, true},
      {"should leave a side that does not know the site", 404, 200, true},
      {"should leave a broken side for one that is broken otherwise", 502, 503, true},
  };
  for (const Case& c : cases) {
    for (const bool to_document : {true, false}) {
      INFO(c.sentence << (to_document ? ": to the document" : ": to labels"));
      Fixture fixture;
      fixture.visitors = c.visitors;
      fixture.checks = c.checks;
      fixture.labels_applied = true;
      fixture.labels_shown = true;
      fixture.instances->RecordProbe("edge", 1'000);
      const Phase from = to_document ? Phase::kLabels : Phase::kProvider;
      const Phase over = to_document ? Phase::kToProvider : Phase::kToLabels;
      const Phase to = to_document ? Phase::kProvider : Phase::kLabels;
      fixture.store.Put({MakeRecord(MakeSite(1), from)});
      tests::SetDefaultMode(*fixture.store, to_document ? "provider" : "labels");
      fixture.Start();
      if (!c.moves) {
        REQUIRE(fixture.WaitsEventually(1, "edge answers with status " + std::to_string(c.checks)));
        CHECK(fixture.store.Find(1)->phase == over);
        fixture.checks = c.visitors;
      }
      CHECK(fixture.PhaseEventually(1, to));
    }
  }
}

TEST_CASE("A switch that was begun is resumed from the store alone") {
  Fixture fixture;
  fixture.labels_applied = true;
  fixture.labels_shown = true;
  SiteRecord to_labels = MakeRecord(MakeSite(2), Phase::kToLabels);
  to_labels.site.routing.mode = site::RoutingMode::kLabels;
  fixture.store.Put({MakeRecord(MakeSite(1), Phase::kToProvider), to_labels});
  fixture.instances->RecordProbe("edge", 100);
  fixture.Start();
  CHECK(fixture.PhaseEventually(1, Phase::kProvider));
  CHECK(fixture.PhaseEventually(2, Phase::kLabels));
}

TEST_CASE("Turned round half way, a site is at once where its visitors still are") {
  for (const bool to_labels : {true, false}) {
    INFO((to_labels ? "to labels" : "to the document"));
    Fixture fixture;  // in which nothing is ever confirmed
    fixture.store.Put({MakeRecord(MakeSite(1), to_labels ? Phase::kToProvider : Phase::kToLabels)});
    tests::SetDefaultMode(*fixture.store, to_labels ? "labels" : "provider");
    const auto document = *fixture.store->DocumentRevision(site::kDefaultPool);
    fixture.Start();
    CHECK(fixture.PhaseEventually(1, to_labels ? Phase::kLabels : Phase::kProvider));
    CHECK(*fixture.store->DocumentRevision(site::kDefaultPool) > document);
  }
}

TEST_CASE("A site's own mode goes before the system's") {
  Fixture fixture;
  SiteRecord own = MakeRecord(MakeSite(1), Phase::kProvider);
  own.site.routing.mode = site::RoutingMode::kLabels;
  fixture.store.Put({own, MakeRecord(MakeSite(2), Phase::kProvider)});
  fixture.Start();
  CHECK(fixture.PhaseEventually(1, Phase::kToLabels));
  CHECK(fixture.store.Find(2)->phase == Phase::kProvider);
}

TEST_CASE("An external site goes as the others do, but for one that labels cannot say") {
  Fixture fixture;
  SiteRecord several = MakeRecord(MakeExternal(3), Phase::kProvider);
  several.site.upstreams.push_back("http://10.0.0.2:8080");
  fixture.store.Put({MakeRecord(MakeExternal(1), Phase::kProvider),
                     MakeRecord(MakeExternal(2), Phase::kLabels), several});
  tests::SetDefaultMode(*fixture.store, "labels");
  fixture.Start();
  CHECK(fixture.PhaseEventually(1, Phase::kToLabels));
  CHECK(fixture.store.Find(2)->phase == Phase::kLabels);
  CHECK(fixture.store.Find(3)->phase == Phase::kProvider);
}

TEST_CASE("Labels of a site that stays in label mode are confirmed too") {
  Fixture fixture;
  fixture.labels_applied = true;
  fixture.store.Put({MakeRecord(MakeSite(1), Phase::kLabels)});
  tests::SetDefaultMode(*fixture.store, "labels");
  fixture.Start();
  CHECK(fixture.WaitsEventually(1, "does not show the labels"));
  fixture.labels_shown = true;
  CHECK(Eventually([&] {
    const SiteRecord record = *fixture.store.Find(1);
    return record.labels_confirmed == record.routes_revision;
  }));
  CHECK(fixture.store.Find(1)->phase == Phase::kLabels);
}

TEST_CASE("A site that is not served has no labels to be seen") {
  Fixture fixture;
  fixture.labels_applied = true;
  SiteRecord record = MakeRecord(MakeSite(1), Phase::kProvider);
  record.site.served = false;
  fixture.store.Put({record});
  tests::SetDefaultMode(*fixture.store, "labels");
  fixture.Start();
  CHECK(fixture.PhaseEventually(1, Phase::kLabels));
}

TEST_CASE("Labels stay while the document would not be there after a restart, or lacks the site") {
  Fixture fixture;
  tests::SetDefaultMode(*fixture.store, "provider");
  fixture.store.Put({MakeRecord(MakeSite(1), Phase::kLabels)});
  SECTION("because it is not on disk") { fixture.unkept = "the disk is full"; }
  SECTION("because its routes cannot be made") { fixture.quarantined = "a missing middleware"; }
  fixture.Start();
  REQUIRE(fixture.PhaseEventually(1, Phase::kToProvider));
  fixture.instances->RecordProbe("edge", 1'000);
  const std::string why = *fixture.unkept.load() != 0 ? "the disk is full" : "a missing middleware";
  REQUIRE(fixture.WaitsEventually(1, why));
  CHECK(fixture.store.Find(1)->phase == Phase::kToProvider);
  fixture.unkept = "";
  fixture.quarantined = "";
  CHECK(fixture.PhaseEventually(1, Phase::kProvider));
}

}  // namespace
}  // namespace orchestrator::routing
