#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/routing/canary.h"
#include "orchestrator/routing/routes.h"
#include "orchestrator/store/store.h"
#include "provider/pool.h"

namespace orchestrator::routing {

struct MigrationRunnerOptions {
  RouteOptions routes;
  // Why the swarm's service does not have the labels of this record (or their absence); empty where
  // it does.
  std::function<std::string(const store::SiteRecord&)> unapplied;
  // What a site waits for that is between the sides, see ModeSwitch::WaitingFor.
  std::function<std::string(site::SiteId)> waiting_for;
  // For a batch, and a little more for each of its sites; then a user has to look.
  std::chrono::milliseconds patience{120'000};
  std::chrono::milliseconds watch{3'000};  // of the first batch, when it is over
  // Within which Traefik has dropped labels that the swarm does not have any more.
  std::chrono::milliseconds drop_grace{17'000};
  std::chrono::milliseconds stale_after{3'000};  // that a Traefik may be away for
};

// Carries migrations out: batch by batch it says of sites that they follow the other side, and
// waits until ModeSwitch has brought them there. What is done is written with the records that it
// is done to, in one transaction before it has any effect, so a crash between any two steps is
// resumed.
//
// Pauses while a Traefik is away, and for a user when a batch does not come over. When the first,
// small batch does not, or Traefiks answer worse for it afterwards, everything goes back.
//
// Owns one thread. `store`, `pools` and `client` must live longer.
class MigrationRunner {
 public:
  MigrationRunner(store::Store& store, const provider::Pools& pools, provider::http::Client& client,
                  MigrationRunnerOptions options);
  ~MigrationRunner();
  MigrationRunner(const MigrationRunner&) = delete;
  MigrationRunner& operator=(const MigrationRunner&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  // What is known of a migration while it goes on.
  struct Work {
    std::vector<store::MigrationStep> steps;  // by batch and site
    Clock::time_point begun;                  // the batch under way, by this process
    bool is_watching = false;                 // the first batch, which is over
    Clock::time_point settled;                // the last time that a site came over or back
    Clock::time_point next_batch;             // not before this
    store::Migration::State state = store::Migration::State::kRunning;  // as it was last seen
    std::optional<Clock::time_point> away_since;
  };

  void Run(const std::stop_token& stop);
  Result<void> Advance(store::Migration migration, const std::stop_token& stop);
  Result<void> Act(store::Migration& migration, Work& work, const std::stop_token& stop);
  Result<void> Settle(const store::Migration& migration, Work& work);
  Result<void> GoForward(store::Migration& migration, Work& work, const std::stop_token& stop);
  Result<void> GoBack(store::Migration& migration, Work& work);
  Result<void> Abort(store::Migration& migration, Work& work);
  Result<void> Write(std::vector<store::MigrationStep> steps, Work& work);
  Result<void> LeaveBehind(Work& work);
  bool IsPatient(const Work& work) const;
  Result<void> StartBatch(const store::Migration& migration, Work& work, std::size_t batch,
                          const std::stop_token& stop);
  Result<bool> Send(const store::Migration& migration, std::vector<store::MigrationStep> steps,
                    const std::function<void(const store::Migration&, store::SiteRecord&,
                                             store::MigrationStep&)>& send,
                    Work& work);
  Result<bool> AddNewSites(const store::Migration& migration, Work& work);
  Result<void> Change(
      store::Migration& migration,
      const std::function<Result<void>(store::Transaction&, store::Migration&)>& change);
  Result<void> Pause(store::Migration& migration, const std::string& reason, bool resumes_itself);
  std::string WatchCanary(const Work& work, const std::stop_token& stop) const;
  std::string AwayTraefik(const store::Migration& migration) const;
  std::string WhyUnfinished(const store::MigrationStep& step) const;

  store::Store& store_;
  const provider::Pools& pools_;
  const MigrationRunnerOptions options_;
  const Canary canary_;
  std::map<std::uint64_t, Work> works_;  // used by the thread alone
  std::jthread thread_;
};

}  // namespace orchestrator::routing
