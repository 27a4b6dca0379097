// Benchmarks: one JSON line each. `bench [codec] [snapshot] [pools] [scale] [poll] [endpoint]
// [route] [labels] [migration] [deploy] [first] [tasks] [terminals]`, all of them without
// arguments. Started by `tests/run.sh --bench`, which gives an engine and a Traefik.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/bench/codec_bench.h"
#include "tests/bench/deploy_bench.h"
#include "tests/bench/endpoint_bench.h"
#include "tests/bench/first_answer_bench.h"
#include "tests/bench/migration_bench.h"
#include "tests/bench/poll_bench.h"
#include "tests/bench/pools_bench.h"
#include "tests/bench/report.h"
#include "tests/bench/route_bench.h"
#include "tests/bench/scale_bench.h"
#include "tests/bench/snapshot_bench.h"
#include "tests/bench/tasks_bench.h"
#include "tests/bench/terminal_bench.h"
#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/orchestrator_process.h"
#include "tests/support/swarm_system.h"
#include "tests/support/traefik_process.h"
#include "tests/support/web.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr int kSites = 500;

json ExternalSite(int id, const std::string& host, const std::string& upstream) {
  return {{"id", id}, {"kind", "external"}, {"hosts", {host}}, {"upstreams", {upstream}}};
}

std::string HostOf(int id) { return fmt::format("site{}.example.com", id); }

// From the request that changes a host to its first answer through Traefik.
template <typename Change, typename Visit>
double TimeRoute(Change&& change, Visit&& visit, std::chrono::seconds limit = 60s) {
  const auto begin = Clock::now();
  change();
  if (!Eventually(visit, limit, 1ms)) throw std::runtime_error("the route never came");
  return Milliseconds(Clock::now() - begin);
}

// Both modes side by side on one swarm and one Traefik: 499 services without tasks and one with,
// and the routes of 499 external sites in the document all the while.
void BenchLabels() {
  SwarmSystem system("labels", {}, /*swarm_refresh_seconds=*/15);
  system.Start();
  json batch{{"upsert", json::array()}};
  for (int id = 2; id <= kSites; ++id) {
    batch["upsert"].push_back(
        {{"id", id}, {"kind", "static"}, {"hosts", {HostOf(id)}}, {"served", false}});
    batch["upsert"].push_back(ExternalSite(kSites + id, HostOf(kSites + id), "http://192.0.2.1"));
  }
  batch["upsert"].push_back(json::parse(SwarmSystem::DynamicSite(1, "one.example.com", "text")));
  if (system.orchestrator().Call("POST", "/v1/sites/batch", batch.dump()).status != 200) {
    throw std::runtime_error("the batch was refused");
  }
  if (!system.Answers("one.example.com", "text", 120s))
    throw std::runtime_error("the site does not answer");

  const auto measure = [&](const std::string& mode, int rounds) {
    std::vector<double> samples;
    for (int round = 0; round < rounds; ++round) {
      const std::string host = fmt::format("{}{}.example.com", mode, round);
      samples.push_back(TimeRoute(
          [&] {
            system.orchestrator().Call("PATCH", "/v1/sites/1", json{{"hosts", {host}}}.dump());
          },
          [&] { return system.VisitHost(host).status == 200; }));
    }
    Report("change_to_live_route_on_swarm", samples,
           {{"services", kSites}, {"routes", kSites}, {"mode", mode}});
  };
  measure("labels", 3);
  system.orchestrator().Command({"routing", "mode", "provider", "--timeout", "120s"});
  measure("provider", 30);
}

}  // namespace
}  // namespace tests

int main(int argc, char** argv) {
  const std::set<std::string> chosen(argv + 1, argv + argc);
  const auto wanted = [&](const char* name) { return chosen.empty() || chosen.contains(name); };
  try {
    if (wanted("codec")) tests::BenchCodec();  // first: it reports the process's peak of memory
    if (wanted("snapshot")) tests::BenchSnapshot();
    if (wanted("pools")) tests::BenchPools();
    if (wanted("scale")) tests::BenchScale();
    if (wanted("poll")) tests::BenchPoll();
    if (wanted("endpoint")) tests::BenchEndpoint();
    if (wanted("route")) tests::BenchRoute();
    if (wanted("labels")) tests::BenchLabels();
    if (wanted("migration")) tests::BenchMigration();
    if (wanted("deploy")) tests::BenchDeploy();
    if (wanted("first")) tests::BenchFirstAnswer();
    if (wanted("tasks")) tests::BenchTasks();
    if (wanted("terminals")) tests::BenchTerminals();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
