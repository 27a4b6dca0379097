#include "orchestrator/routing/removal_gate.h"

#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::routing {
namespace {

const std::vector<provider::ConfiguredInstance> kEdge{{"edge", "http://127.0.0.1:1"}};

store::SiteRecord Removed(store::Phase phase = store::Phase::kProvider) {
  store::SiteRecord record = tests::MakeRecord(tests::MakeSite(1), phase);
  record.removing = true;
  record.revision = record.routes_revision = 5;
  return record;
}

TEST_CASE("A removed site's service goes when every Traefik has let go of it") {
  provider::Pools pools(kEdge);
  provider::Instances& instances = pools.Default().instances;
  RemovalGate gate(pools);
  instances.RecordProbe("edge", 4);
  CHECK_FALSE(gate.IsUnused(Removed()));
  instances.RecordProbe("edge", 5);
  CHECK(gate.IsUnused(Removed()));
}

TEST_CASE("A removed site's service goes at once with labels, and where there is no Traefik") {
  const provider::Pools pools(kEdge);
  RemovalGate gate(pools);
  CHECK(gate.IsUnused(Removed(store::Phase::kLabels)));
  const provider::Pools none({});
  CHECK(RemovalGate(none).IsUnused(Removed()));
}

TEST_CASE("What is held back keeps its services, also where no Traefik has polled yet") {
  provider::Pools none({});
  none.Default().instances.SetPromise(
      {.nothing_after = {{4, "held back"}}, .true_from = 0, .held = true});
  CHECK_FALSE(RemovalGate(none).IsUnused(Removed()));
}

TEST_CASE("Tasks stay for as long as Traefiks may go by the labels before") {
  provider::Pools pools(kEdge);
  pools.Default().instances.RecordProbe("edge", 5);
  RemovalGate gate(pools, {}, std::chrono::milliseconds(50));
  CHECK_FALSE(gate.IsUnused(Removed(), /*loses_tasks=*/true));
  CHECK(tests::Eventually([&] { return gate.IsUnused(Removed(), /*loses_tasks=*/true); }));
  CHECK(gate.IsUnused(Removed()));
}

TEST_CASE("What a held document still routes keeps its service, also when the site has moved") {
  provider::Pools pools(kEdge);
  pools.Default().instances.RecordProbe("edge", 5);
  bool held = true;
  RemovalGate gate(pools, [&](site::SiteId id) { return held && id.value == 1; });
  CHECK_FALSE(gate.IsUnused(Removed()));
  held = false;
  CHECK(gate.IsUnused(Removed()));
}

}  // namespace
}  // namespace orchestrator::routing
