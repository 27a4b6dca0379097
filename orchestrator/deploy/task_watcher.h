#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/docker/engine.h"
#include "orchestrator/store/store.h"

namespace orchestrator::deploy {

struct TaskWatcherOptions {
  std::string network;                    // the overlay of the sites, by its name
  std::chrono::milliseconds period{500};  // from one list to the next
};

// Writes the addresses of the running tasks of all sites into their records, for a document that
// has them as servers. One list of tasks a period tells of all sites; a task that is to end is not
// in it any more while it still runs. A site whose service was never seen keeps what it has, and so
// do all while the engine does not answer.
//
// Owns one thread. `store` and `engine` must live longer.
class TaskWatcher {
 public:
  TaskWatcher(store::Store& store, docker::Engine& engine, TaskWatcherOptions options);
  ~TaskWatcher();
  TaskWatcher(const TaskWatcher&) = delete;
  TaskWatcher& operator=(const TaskWatcher&) = delete;

 private:
  using Addresses = std::vector<std::string>;  // in order

  void Run(const std::stop_token& stop);
  bool FollowStore();
  Result<void> FollowTasks(const std::stop_token& stop);
  Result<void> LearnServices(const std::vector<docker::Task>& tasks, const std::stop_token& stop);
  Result<void> Write(const std::map<site::SiteId, Addresses>& changed);

  store::Store& store_;
  docker::Engine& engine_;
  const TaskWatcherOptions options_;

  // Used by the thread alone.
  store::Revision seen_ = 0;
  std::map<site::SiteId, std::optional<Addresses>> sites_;  // that have services; as stored
  std::map<std::string, site::SiteId> services_;            // by the id of the service
  std::set<site::SiteId> known_;                            // whose tasks a list is known to have
  std::string problem_;                                     // that was logged last
  std::jthread thread_;
};

// Before anything is followed, or nothing any more: where that changes, no addresses are known.
Result<void> PrepareTaskAddresses(store::Store& store, bool followed);

}  // namespace orchestrator::deploy
