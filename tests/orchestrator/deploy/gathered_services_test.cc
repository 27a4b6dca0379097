#include "orchestrator/deploy/gathered_services.h"

#include <thread>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;

TEST_CASE("Gathered services are given once, all together, and count until more are asked for") {
  GatheredServices services;
  for (int i = 0; i < 150; ++i) services.Add("service-" + std::to_string(i), {i + 1});
  services.Add("service-0", {1});
  CHECK(services.pending() == 150);
  CHECK(services.Take(0ms, {}).size() == 150);
  services.Add("service-7", {8});
  CHECK(services.pending() == 151);
  CHECK(services.Take(0ms, {}).size() == 1);
  CHECK(services.pending() == 1);
}

TEST_CASE("What comes during the pause is taken with what was there") {
  GatheredServices services;
  services.Add("a", {1});
  std::jthread later([&] { services.Add("b", {2}); });
  std::map<std::string, site::SiteId> taken = services.Take(1ms, {});
  while (taken.size() < 2) taken.merge(services.Take(1ms, {}));
  CHECK(taken == std::map<std::string, site::SiteId>{{"a", {1}}, {"b", {2}}});
}

TEST_CASE("A stop ends the wait for services, and nothing is given any more") {
  GatheredServices services;
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  CHECK(services.Take(1h, stop.get_token()).empty());
  services.Add("a", {1});
  CHECK(services.Take(1h, stop.get_token()).empty());
}

}  // namespace
}  // namespace orchestrator::deploy
