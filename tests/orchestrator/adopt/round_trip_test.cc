#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "orchestrator/adopt/proposal.h"
#include "orchestrator/deploy/service_spec.h"
#include "orchestrator/routing/routes.h"
#include "orchestrator/site/codec.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::adopt {
namespace {

using store::Phase;

routing::RouteOptions RouteOptions() {
  return {{"web", "websecure"}, "net", {"probe.invalid", "X-Secret", "s", "X-Revision"}};
}

// Any site that has labels: a generator, not a list, because the parts meet in every combination.
class SiteGenerator {
 public:
  explicit SiteGenerator(unsigned seed) : random_(seed) {}

  site::Site Next(std::int64_t id) {
    site::Site site = tests::MakeSite(id, {});
    site.kind = OneIn(3) ? site::Kind::kStatic : site::Kind::kDynamic;
    site.hosts = Addresses(id);
    site.resources.max_request_body.count = 1 + Below(1 << 20);
    site.resources.memory.count = (std::int64_t{6} << 20) + Below(1 << 20);
    if (OneIn(3)) site.routing.path_prefix = Path();
    if (OneIn(3)) site.routing.entry_points = std::vector<std::string>{"websecure", "other"};
    if (OneIn(4)) site.routing.entry_points = std::vector<std::string>{"websecure", "web"};
    if (OneIn(2)) site.routing.tls = site::Tls{OneIn(2) ? "letsencrypt" : ""};
    site.routing.sticky = OneIn(3);
    if (OneIn(3)) {
      site.routing.health_check = site::HealthCheck{"/up", std::chrono::milliseconds(1500)};
    }
    if (OneIn(2)) site.environment = {{"NAME", "value=with=equals"}, {"EMPTY", ""}};
    if (OneIn(2)) site.database = site::Database{"postgresql://h:5432/n", "n", "u", "p"};
    return site;
  }

 private:
  int Below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); }
  bool OneIn(int count) { return Below(count) == 0; }

  traefik::PathPrefix Path() {
    static constexpr const char* kPaths[] = {"/a", "/api/v1", "/m", "/z"};
    return *traefik::PathPrefix::Parse(kPaths[Below(4)]);
  }

  // Different after the site's own path has been put in.
  std::vector<site::Address> Addresses(std::int64_t id) {
    std::vector<site::Address> addresses;
    const int count = 1 + Below(5);
    for (int i = 0; i < count; ++i) {
      const std::string name = "h" + std::to_string(i) + ".s" + std::to_string(id) + ".example";
      site::Address address{*traefik::HostName::Parse(OneIn(4) ? "*." + name : name), {}};
      if (OneIn(3)) address.path = Path();
      addresses.push_back(address);
    }
    return addresses;
  }

  std::mt19937 random_;
};

docker::Service ServiceOf(const site::Site& site, Phase phase) {
  const store::SiteRecord record = tests::MakeRecord(site, phase);
  docker::Service service;
  service.spec = deploy::WantedService(
      record, {"/data/sites", "base:latest", "nginx:latest", "vip", "UTC"}, "network-id");
  service.spec.labels.erase(std::string(deploy::kSiteLabel));
  service.spec.labels.merge(routing::ServiceLabels(record, RouteOptions()));
  return service;
}

TEST_CASE("The labels of any site propose a site with the same routes", "[adopt]") {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    const site::Site site = SiteGenerator(seed).Next(1 + seed);
    INFO(site::ToJson(site));
    const auto proposals = Propose({ServiceOf(site, Phase::kLabels)}, {},
                                   {"net", {"web", "websecure"}, {1}, {}, "UTC"});
    REQUIRE(proposals.size() == 1);
    const Proposal& proposal = proposals.front();
    CAPTURE(proposal.refusal);
    REQUIRE(proposal.site.has_value());
    INFO(site::ToJson(*proposal.site));
    CHECK(proposal.takes_over_service);
    CHECK(proposal.remarks == std::vector<std::string>{});
    CHECK(routing::DocumentRoutes(*proposal.site, RouteOptions()) ==
          routing::DocumentRoutes(site, RouteOptions()));
    CHECK(proposal.site->id == site.id);
    CHECK(proposal.site->kind == site.kind);
    CHECK(proposal.site->resources == site.resources);
    CHECK(proposal.site->environment == site.environment);
    CHECK(proposal.site->database == site.database);
    CHECK(proposal.site->routing.entry_points.value_or(RouteOptions().entry_points) ==
          site.routing.entry_points.value_or(RouteOptions().entry_points));
  }
}

TEST_CASE("All sites of a swarm propose the same sites together as one by one", "[adopt]") {
  std::vector<docker::Service> services;
  SiteGenerator generator(7);
  for (std::int64_t id = 50; id > 0; --id) {
    services.push_back(ServiceOf(generator.Next(id), Phase::kLabels));
  }
  const ProposeOptions options{"net", {"web"}, {1}, {}, "UTC"};
  const auto together = Propose(services, {}, options);
  REQUIRE(together.size() == services.size());
  for (std::size_t i = 0; i < services.size(); ++i) {
    const auto alone = Propose({services[services.size() - 1 - i]}, {}, options);
    CHECK(alone.front().service == together[i].service);
    CHECK(alone.front().site == together[i].site);
  }
}

}  // namespace
}  // namespace orchestrator::adopt
