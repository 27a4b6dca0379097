#include "tests/bench/pools_bench.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tests/bench/report.h"
#include "tests/support/eventually.h"
#include "tests/support/orchestrator_process.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kPools = 20;
constexpr int kSitesPerPool = 50'000;
constexpr int kSites = kPools * kSitesPerPool;
constexpr int kBatch = 10'000;
constexpr int kChanges = 60;

std::string PoolName(int index) { return fmt::format("pool-{}", index); }

std::string PoolOf(int site) { return PoolName((site - 1) / kSitesPerPool); }

class Fleet {
 public:
  Fleet() : orchestrator_(Configuration()) { orchestrator_.Start(); }

  void Stop() {
    if (orchestrator_.Stop() != 0) throw std::runtime_error("the orchestrator did not stop well");
  }
  void Start() { orchestrator_.StartUnready(); }

  void Import(int first) {
    nlohmann::json batch{{"upsert", nlohmann::json::array()}};
    for (int id = first; id < first + kBatch; ++id) {
      batch["upsert"].push_back({{"id", id},
                                 {"kind", "external"},
                                 {"hosts", {fmt::format("site{}.example.com", id)}},
                                 {"upstreams", {"http://192.0.2.1"}},
                                 {"routing", {{"pool", PoolOf(id)}}}});
    }
    const Answer answer = orchestrator_.Call("POST", "/v1/sites/batch", batch.dump());
    if (answer.status != 200) throw std::runtime_error("the batch was refused: " + answer.body);
  }

  void Change(int site, int number) {
    const Answer answer =
        orchestrator_.Call("PATCH", fmt::format("/v1/sites/{}", site),
                           fmt::format(R"({{"hosts": ["changed{}.example.com"]}})", number));
    if (answer.status != 200) throw std::runtime_error("the change was refused: " + answer.body);
  }

  // The revision of a poll by a Traefik of this pool; 0 while there is no document.
  std::uint64_t Poll(provider::http::Client& client, const std::string& pool) {
    provider::http::ClientRequest request;
    request.url = orchestrator_.provider_url() + "?pool=" + pool;
    request.headers = {{"Prefer", "wait=60"}, {"Accept-Encoding", "gzip"}};
    request.timeout = 90s;
    const auto answer = client.Send(request);
    if (!answer || answer->status != 200) return 0;
    return std::stoull(std::string(provider::http::FindHeader(answer->headers, "X-Revision")));
  }

  nlohmann::json Pools() {
    const Answer answer = orchestrator_.Call("GET", "/v1/routing");
    if (answer.status != 200) return nlohmann::json::array();
    return nlohmann::json::parse(answer.body).at("pools");
  }
  // Whether each pool of the fleet serves its document of what is stored.
  bool AreCurrent() {
    const nlohmann::json pools = Pools();
    int current = 0;
    for (const nlohmann::json& pool : pools) {
      current += pool.at("sites") == kSitesPerPool && pool.at("stale") == false ? 1 : 0;
    }
    return current == kPools;
  }
  bool AreKept() {
    const nlohmann::json pools = Pools();
    return std::ranges::all_of(
        pools, [](const auto& pool) { return pool.at("kept") == pool.at("revision"); });
  }

  std::int64_t Resident() { return MemoryOf(orchestrator_.process_id(), "VmRSS"); }

 private:
  static std::string Configuration() {
    std::vector<std::string> names;
    for (int i = 0; i < kPools; ++i) names.push_back(PoolName(i));
    return fmt::format("docker: {{host: null}}\nrouting: {{pools: [{}]}}\n",
                       fmt::join(names, ", "));
  }

  OrchestratorProcess orchestrator_;
};

void BenchChanges(Fleet& fleet) {
  std::vector<double> samples;
  for (int i = 0; i < kChanges; ++i) {
    const int site = 1 + static_cast<int>((static_cast<std::int64_t>(i) * 104'729) % kSites);
    provider::http::Client client;
    const std::uint64_t before = fleet.Poll(client, PoolOf(site));
    auto next = std::async(std::launch::async, [&] {
      const std::uint64_t revision = fleet.Poll(client, PoolOf(site));
      return std::pair(revision, Clock::now());
    });
    const auto begin = Clock::now();
    fleet.Change(site, i);
    const auto [revision, end] = next.get();
    if (revision <= before) throw std::runtime_error("the poll was not answered by the change");
    samples.push_back(Milliseconds(end - begin));
  }
  Report("pools_change_to_answer", std::move(samples),
         {{"sites", kSites}, {"pools", kPools}, {"resident_kib", fleet.Resident()}});
}

}  // namespace

void BenchPools() {
  Fleet fleet;
  std::vector<double> samples;
  for (int first = 1; first <= kSites; first += kBatch) {
    const auto begin = Clock::now();
    fleet.Import(first);
    samples.push_back(Milliseconds(Clock::now() - begin));
  }
  Report("pools_import_of_10000_sites", std::move(samples), {{"sites", kSites}, {"pools", kPools}});
  const auto settled = [&] { return fleet.AreCurrent() && fleet.AreKept(); };
  if (!Eventually(settled, 120s)) throw std::runtime_error("the import is not settled");
  BenchChanges(fleet);
  if (!Eventually(settled, 120s)) throw std::runtime_error("the changes are not on disk");

  fleet.Stop();
  const auto begin = Clock::now();
  fleet.Start();
  provider::http::Client client;
  if (!Eventually([&] { return fleet.Poll(client, PoolName(kPools - 1)) != 0; }, 120s, 5ms)) {
    throw std::runtime_error("nothing is served");
  }
  Report("pools_restart_to_serving", {Milliseconds(Clock::now() - begin)}, {{"pools", kPools}});
  if (!Eventually([&] { return fleet.AreCurrent(); }, 300s)) {
    throw std::runtime_error("the documents are not current");
  }
  Report("pools_restart_to_current", {Milliseconds(Clock::now() - begin)},
         {{"sites", kSites}, {"pools", kPools}, {"resident_kib", fleet.Resident()}});
}

}  // namespace tests
