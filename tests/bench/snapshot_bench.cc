#include "tests/bench/snapshot_bench.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "orchestrator/routing/routes.h"
#include "provider/assembly.h"
#include "tests/bench/report.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/process.h"

namespace tests {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kSites = 100'000;
constexpr int kChanges = 500;

traefik::Fragment FragmentOf(std::int64_t id, const std::string& host,
                             const orchestrator::routing::RouteOptions& options) {
  auto fragment =
      orchestrator::routing::DocumentFragment(MakeRecord(MakeSite(id, {host})), options);
  if (!fragment) throw std::runtime_error(fragment.error().message);
  return *std::move(fragment);
}

}  // namespace

void BenchSnapshot() {
  const auto options = MakeRouteOptions();
  const auto start = Clock::now();
  provider::Assembly assembly(options.probe, options.entry_points, {"certificate", "key"},
                              provider::Assembly::Routers::kTree);
  // As many at once as fit into memory well; the records are there before.
  constexpr std::int64_t kAtOnce = 1000;
  for (std::int64_t first = 1; first <= kSites; first += kAtOnce) {
    std::vector<orchestrator::store::SiteRecord> records;
    std::vector<const orchestrator::store::SiteRecord*> pointers;
    for (std::int64_t id = first; id < first + kAtOnce; ++id) {
      records.push_back(MakeRecord(MakeSite(id, {"site" + std::to_string(id) + ".example.com"})));
    }
    for (const auto& record : records) pointers.push_back(&record);
    auto fragments = orchestrator::routing::DocumentFragments(pointers, options);
    for (std::size_t i = 0; i < fragments.size(); ++i) {
      assembly.Set(static_cast<std::uint64_t>(records[i].site.id.value),
                   std::move(fragments[i]).value());
    }
  }
  auto snapshot = assembly.Build(1);
  Report("snapshot_from_nothing", {Milliseconds(Clock::now() - start)},
         {{"sites", kSites},
          {"document_bytes", snapshot->plain_size()},
          {"compressed_bytes", snapshot->gzip()->size()},
          {"resident_kib", MemoryOf(getpid(), "VmRSS")}});

  std::vector<double> samples;
  for (int i = 0; i < kChanges; ++i) {
    // All over the document.
    const std::int64_t id = 1 + (static_cast<std::int64_t>(i) * 7919) % kSites;
    const auto begin = Clock::now();
    const std::string host = "changed" + std::to_string(i) + ".example.com";
    assembly.Set(static_cast<std::uint64_t>(id), FragmentOf(id, host, options));
    snapshot = assembly.Build(static_cast<std::uint64_t>(i) + 2);
    samples.push_back(Milliseconds(Clock::now() - begin));
  }
  Report("snapshot_after_a_change", std::move(samples), {{"sites", kSites}});
}

}  // namespace tests
