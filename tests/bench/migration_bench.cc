#include "tests/bench/migration_bench.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/store/migration.h"
#include "tests/bench/report.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/swarm_system.h"
#include "tests/support/web.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using nlohmann::json;
using orchestrator::store::Migration;
using orchestrator::store::MigrationStep;
using orchestrator::store::SiteRecord;
using orchestrator::store::Transaction;

constexpr int kBatch = 100;
constexpr int kStored = 10'000;
constexpr int kCommits = 50;
constexpr int kFirst = 80'001;
constexpr int kBatches = 5;
constexpr unsigned kRefreshSeconds = 1;

// The commit that sends a batch over, with its steps and without, one after the other.
void BenchJournal() {
  TestStore store;
  std::vector<SiteRecord> records;
  for (int id = 1; id <= kStored; ++id) records.push_back(MakeRecord(MakeSite(id)));
  store.Put(records);
  records.resize(kBatch);
  std::vector<MigrationStep> steps(kBatch);
  for (int i = 0; i < kBatch; ++i) steps[i].site = records[i].site.id;

  const auto commit = [&](bool with_steps) {
    const auto begin = Clock::now();
    const auto written = store->Write([&](Transaction& transaction) {
      for (SiteRecord& record : records) record.routes_revision = transaction.revision();
      auto put = transaction.Put(records);
      return put && with_steps ? transaction.PutSteps(steps) : put;
    });
    if (!written) throw std::runtime_error(written.error().message);
    return Milliseconds(Clock::now() - begin);
  };
  const auto ordered = store->Write([&](Transaction& transaction) {
    Migration migration;
    migration.id = transaction.revision();
    for (MigrationStep& step : steps) step.migration = migration.id;
    return transaction.PutMigration(migration);
  });
  if (!ordered) throw std::runtime_error(ordered.error().message);
  std::vector<double> with_steps;
  std::vector<double> for_a_step;
  for (int i = 0; i < kCommits; ++i) {
    const double without = commit(/*with_steps=*/false);
    with_steps.push_back(commit(/*with_steps=*/true));
    for_a_step.push_back((with_steps.back() - without) / kBatch);
  }
  Report("migration_commit_of_batch", with_steps, {{"batch", kBatch}, {"sites", kStored}});
  Report("migration_journal_of_step", for_a_step, {{"batch", kBatch}, {"sites", kStored}});
}

// From the begin of a full batch to that of the next one.
std::vector<double> TimeBatches(SwarmSystem& system, const char* to) {
  const json order{{"to", to}, {"kind", "external"}, {"batch", kBatch}};
  const Answer ordered = system.orchestrator().Call("POST", "/v1/routing/migrations", order.dump());
  if (ordered.status != 202) throw std::runtime_error(ordered.body);
  const auto path =
      fmt::format("/v1/routing/migrations/{}", json::parse(ordered.body).at("id").get<int>());
  std::vector<double> samples;
  int begun = 0;
  Clock::time_point since;
  const bool finished = Eventually(
      [&] {
        const json now = json::parse(system.orchestrator().Call("GET", path).body);
        const int batches = now.at("batches").at("begun").get<int>();
        if (batches != begun) {
          if (begun > 1) samples.push_back(Milliseconds(Clock::now() - since));
          since = Clock::now();
          begun = batches;
        }
        return now.at("state") == "finished";
      },
      300s, 10ms);
  if (!finished) throw std::runtime_error("the migration does not end");
  return samples;
}

void BenchBatches() {
  const Upstream upstream("text", Engine::HostAddress());
  SwarmSystem system("provider", {}, kRefreshSeconds);
  system.UseNetwork("orchestrator-tests-wide", "10.199.0.0/16");
  system.Start();
  json sites = json::array();
  for (int id = kFirst; id < kFirst + kBatches * kBatch; ++id) {
    sites.push_back({{"id", id},
                     {"kind", "external"},
                     {"hosts", {fmt::format("site{}.test", id)}},
                     {"upstreams", {upstream.url()}}});
  }
  const Answer made =
      system.orchestrator().Call("POST", "/v1/sites/batch", json{{"upsert", sites}}.dump());
  if (made.status != 200) throw std::runtime_error(made.body);
  if (!system.Answers(fmt::format("site{}.test", kFirst), "text")) {
    throw std::runtime_error("the sites do not answer");
  }
  for (const char* const to : {"labels", "provider"}) {
    Report("migration_batch", TimeBatches(system, to),
           {{"to", to}, {"batch", kBatch}, {"swarm_refresh_seconds", kRefreshSeconds}});
  }
}

}  // namespace

void BenchMigration() {
  BenchJournal();
  BenchBatches();
}

}  // namespace tests
