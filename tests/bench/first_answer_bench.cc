#include "tests/bench/first_answer_bench.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/bench/raw_engine.h"
#include "tests/bench/report.h"
#include "tests/support/eventually.h"
#include "tests/support/swarm_system.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr int kRounds = 8;
constexpr int kFirst = 7501;
constexpr auto kLook = 5ms;  // between two looks

double FirstAnswer(SwarmSystem& system, int id) {
  const std::string host = fmt::format("first{}.test", id);
  const std::string text = fmt::format("site {}", id);
  const std::string site = SwarmSystem::DynamicSite(id, host, text);
  const auto start = Clock::now();
  const Answer created = system.orchestrator().Call("POST", "/v1/sites", site);
  if (created.status != 201) throw std::runtime_error(created.body);
  const bool answers = Eventually(
      [&] {
        const Visit visit = system.VisitHost(host);
        return visit.status == 200 && visit.body.contains(text);
      },
      60s, kLook);
  if (!answers) throw std::runtime_error("the site does not answer");
  return Milliseconds(Clock::now() - start);
}

double RunningContainer(RawEngine& engine, const json& model, int number) {
  json spec = model;
  spec["Name"] = fmt::format("by-engine-{}", number);
  spec["Labels"] = json::object();
  const std::string body = spec.dump();
  const std::string tasks =
      fmt::format("/tasks?filters=%7B%22service%22%3A%5B%22by-engine-{}%22%5D%7D", number);
  const auto start = Clock::now();
  engine.Call("POST", "/services/create", body);
  const bool runs = Eventually(
      [&] {
        const json list = engine.Call("GET", tasks);
        return !list.empty() && list.at(0).at("Status").at("State") == "running";
      },
      60s, kLook);
  if (!runs) throw std::runtime_error("the container does not run");
  const double time = Milliseconds(Clock::now() - start);
  engine.Call("DELETE", fmt::format("/services/by-engine-{}", number));
  return time;
}

}  // namespace

void BenchFirstAnswer() {
  SwarmSystem system("provider");
  system.Start();
  RawEngine engine;
  FirstAnswer(system, kFirst);  // the first one pays for the network
  const json model = engine.Call("GET", fmt::format("/services/site_{}", kFirst)).at("Spec");
  std::vector<double> ours;
  std::vector<double> engines;
  for (int i = 1; i <= kRounds; ++i) {
    ours.push_back(FirstAnswer(system, kFirst + i));
    engines.push_back(RunningContainer(engine, model, i));
  }
  Report("post_to_first_answer", ours, json::object());
  Report("engine_post_to_running_container", engines, json::object());
}

}  // namespace tests
