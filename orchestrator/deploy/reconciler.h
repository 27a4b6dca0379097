#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/deploy/gathered_services.h"
#include "orchestrator/deploy/service_spec.h"
#include "orchestrator/deploy/site_memory.h"
#include "orchestrator/deploy/work_queue.h"
#include "orchestrator/docker/engine.h"
#include "orchestrator/store/store.h"

namespace orchestrator::deploy {

// What deploying asks of routing.
struct RoutingHooks {
  // All labels of routing that the site's service shall have.
  std::function<docker::Labels(const store::SiteRecord&)> labels;
  // Whether a label is ours to change; all others stay as they are.
  std::function<bool(std::string_view key, site::SiteId id)> owns_label;
  // Whether no Traefik needs the service of this removed or external site any more, or its tasks.
  // For the latter it is asked twice: before the service gets the labels that the site is to have,
  // and then with `loses_tasks`, while Traefiks are yet to read them.
  std::function<bool(const store::SiteRecord&, bool loses_tasks)> is_unused;
};

// What becomes of a service that somebody else changed or removed.
enum class DriftPolicy { kRepair, kReport };

struct ReconcilerOptions {
  ServiceOptions service;
  docker::Overlay network;
  DriftPolicy drift = DriftPolicy::kRepair;
  // Those that get a site ready do not keep the engine waiting for the next write.
  unsigned workers = 8;
  unsigned engine_writes = 4;                       // at once
  std::chrono::milliseconds resync_period{30'000};  // how often everything is compared
  std::chrono::milliseconds engine_retry{1'000};    // while the engine is away
  BackOff back_off;
  // Ends the terminals of a site, and says whether none is left; asked again while not. Empty:
  // there never are any.
  std::function<Result<bool>(site::SiteId, const std::stop_token&)> end_terminals = {};
};

// The tasks of one site, as the last list of all tasks has them.
struct TaskCount {
  std::size_t running = 0;
  std::size_t failed = 0;
};

struct FleetStatus {
  std::map<site::SiteId, TaskCount> tasks;
  std::uint64_t drifts = 0;  // seen since the start
};

// Makes the swarm's services match the store: a queue of site ids, several workers, never two on
// one site. Level-triggered: it compares what is wanted with what is there, at every change, every
// now and then, whenever the engine comes back, and when the engine tells that a service changed;
// so all that it keeps over a restart is what the swarm took back. What is watched costs two lists
// a period, however many sites there are.
//
// Owns its threads. `store` and `engine` must live longer; without an engine only external sites
// can be taken care of. Thread-safe.
class Reconciler {
 public:
  Reconciler(store::Store& store, docker::Engine* engine, RoutingHooks hooks,
             ReconcilerOptions options);
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  ReconcileStatus StatusOf(site::SiteId id) const { return memory_.StatusOf(id); }

  // See SiteMemory::WaitApplied.
  std::string WaitApplied(site::SiteId id, store::Revision revision,
                          std::chrono::steady_clock::time_point deadline,
                          const std::stop_token& stop) const {
    return memory_.WaitApplied(id, revision, deadline, stop);
  }

  // Whether the tasks of this service are made as the record wants it.
  Result<bool> HasWantedTask(const store::SiteRecord& record, const docker::Service& service,
                             const std::stop_token& stop);

  // Whether the swarm had a service of this site's name, made by others, when everything was last
  // compared.
  bool IsNameOfOthers(site::SiteId id) const;

  FleetStatus Fleet() const;

  // Why the engine cannot be used now, for people; empty when it can.
  std::string EngineProblem() const;

  // Sites that wait to be looked at or are looked at.
  std::size_t unfinished() const { return queue_.unfinished() + touched_.pending(); }

 private:
  using Records = std::map<site::SiteId, store::SiteRecord>;

  void Work(const std::stop_token& stop);
  void Watch(const std::stop_token& stop);
  void Listen(const std::stop_token& stop);
  void ReadChanged(const std::stop_token& stop);
  void LookAtTouched(const std::stop_token& stop);
  store::Revision Follow(store::Revision seen, Records& records, bool queue_all,
                         const std::stop_token& stop);
  bool Resync(const Records& records, const std::stop_token& stop);
  void Compare(const store::SiteRecord& record, const docker::Service* current,
               const std::string& network_id);
  void CountTasks(const std::vector<docker::Service>& services, const std::stop_token& stop);

  Result<void> Reconcile(const store::SiteRecord& record, const std::stop_token& stop);
  Result<void> Prepare(const site::Site& site) const;
  Result<void> BringUp(const store::SiteRecord& record, const std::stop_token& stop);
  std::optional<Result<void>> BringUpByMemory(const store::SiteRecord& record,
                                              docker::ServiceSpec wanted,
                                              const std::stop_token& stop);
  Result<void> Create(const store::SiteRecord& record, const docker::ServiceSpec& wanted,
                      const std::stop_token& stop);
  Result<void> CreateAgain(const store::SiteRecord& record, const docker::ServiceSpec& wanted,
                           const std::stop_token& stop);
  Result<void> Change(const store::SiteRecord& record, const docker::Service& current,
                      docker::ServiceSpec wanted, const std::stop_token& stop);
  Result<void> Update(const store::SiteRecord& record, const docker::Service& current,
                      const docker::ServiceSpec& wanted, const std::stop_token& stop,
                      bool rolled_back = false);
  void SweepRunFilesBeside(site::SiteId id, const docker::TaskTemplate& now,
                           const docker::TaskTemplate& before) const;
  Result<bool> HasNoTerminals(site::SiteId id, const std::stop_token& stop);
  Result<bool> HasEnded(site::SiteId id, const Result<std::vector<docker::Task>>& tasks);
  Result<bool> IsVacated(const store::SiteRecord& record, const docker::Service& current,
                         const std::stop_token& stop);
  Result<void> TakeDown(const store::SiteRecord& record, const std::stop_token& stop);
  Result<bool> IsFree(const store::SiteRecord& record, const docker::Service& current,
                      const std::stop_token& stop);
  Result<void> Erase(site::SiteId id);

  // The service without kSpecLabel.
  docker::ServiceSpec Unmarked(const store::SiteRecord& record,
                               const std::string& network_id) const;
  docker::ServiceSpec Wanted(const store::SiteRecord& record, const std::string& network_id) const;
  bool StaysChanged(const store::SiteRecord& record) const;
  // Whether the service is to stay as somebody else made it. Remembers what that was.
  bool IsLeftAlone(site::SiteId id, const docker::Service& current,
                   const docker::ServiceSpec& wanted);
  Result<bool> WasRolledBack(const store::SiteRecord& record, const docker::Service& current,
                             const docker::ServiceSpec& wanted);
  Result<std::string> NetworkId(const std::stop_token& stop);
  void SetEngineProblem(std::string problem);
  // Whether what somebody else did to the site's service is to stay, by policy or for now.
  bool StaysDrifted(site::SiteId id, std::string what);
  void CountDrift();
  // The service is as it is wanted: what was left as others made it, they have undone.
  void ForgetDriftIfLeft(site::SiteId id);
  // Counts what was done as a repair, if it was done.
  Result<void> CountRepair(site::SiteId id, Result<void> done);

  store::Store& store_;
  docker::Engine* const engine_;
  const RoutingHooks hooks_;
  const ReconcilerOptions options_;
  WorkQueue queue_;
  std::counting_semaphore<> engine_writes_;

  SiteMemory memory_;
  GatheredServices changed_;  // by us
  GatheredServices touched_;  // as events tell, maybe by others

  mutable std::mutex mutex_;
  FleetStatus fleet_;                       // guarded by mutex_
  std::string engine_problem_;              // guarded by mutex_
  std::string network_id_;                  // guarded by mutex_
  std::set<site::SiteId> names_of_others_;  // guarded by mutex_

  std::vector<std::jthread> threads_;
};

}  // namespace orchestrator::deploy
