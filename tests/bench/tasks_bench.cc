#include "tests/bench/tasks_bench.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/bench/report.h"
#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/swarm_system.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 10;

// Whether the site has as many servers in the document.
bool HasServers(SwarmSystem& system, std::size_t count) {
  const Answer answer = system.orchestrator().Call("GET", "/v1/routing/document");
  if (answer.status != 200) return false;
  const auto document = nlohmann::json::parse(answer.body);
  const auto& services = document.at("http").at("services");
  if (!services.contains("site_6401")) return false;
  const auto& balancer = services.at("site_6401").at("loadBalancer");
  return balancer.value("servers", nlohmann::json::array()).size() == count;
}

void Require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

}  // namespace

void BenchTasks() {
  SwarmSystem system("provider");
  system.orchestrator().Start({{"ORCHESTRATOR_ROUTING_ENDPOINTS", "tasks"}});
  system.StartTraefik();
  system.orchestrator().Call("PUT", "/v1/sites/6401",
                             SwarmSystem::DynamicSite(6401, "bench.test", "text"));
  std::vector<double> samples;
  for (int round = 0; round < kRounds; ++round) {
    Require(Eventually([&] { return HasServers(system, 1); }, 60s, 20ms), "no task runs");
    const Finished container =
        Engine::Docker({"ps", "-q", "-f", "label=com.docker.swarm.service.name=site_6401"});
    const std::string id = container.output.substr(0, container.output.find('\n'));
    const auto begin = Clock::now();
    Require(Engine::Docker({"kill", id}).status == 0, "the container cannot be killed");
    Require(Eventually([&] { return HasServers(system, 0); }, 60s, 5ms), "the address stays");
    samples.push_back(Milliseconds(Clock::now() - begin));
  }
  Report("task_end_to_document", std::move(samples), nlohmann::json::object());
}

}  // namespace tests
