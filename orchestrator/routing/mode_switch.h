#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/routing/routes.h"
#include "orchestrator/routing/side_check.h"
#include "orchestrator/store/store.h"
#include "provider/http/client.h"
#include "provider/pool.h"

namespace orchestrator::routing {

struct ModeSwitchOptions {
  RouteOptions routes;
  // How long Traefik may take to read new labels, for those that cannot be asked.
  std::chrono::milliseconds label_grace{35'000};
  // Why a restart would not begin with a document that has the routes of this record; empty where
  // it would. Labels go only when it does.
  std::function<std::string(const store::SiteRecord&)> unkept = {};
  // Why the routes of a site in the document are not those that it should have; empty where they
  // are. Its labels stay then.
  std::function<std::string(const store::SiteRecord&)> quarantined = {};
};

// When the labels of this record were brought to the swarm, if they were.
using LabelsAppliedAt =
    std::function<std::optional<std::chrono::steady_clock::time_point>(const store::SiteRecord&)>;

// Moves sites between labels and document. Make before break: a site is first routed from both
// places; the old routes go only after every Traefik of its pool has shown the new ones, and
// answers by them as it does by the old. Each step is one transaction, and what is next follows
// from the store alone, so a crash between two steps is resumed.
//
// Also confirms the labels of sites that stay in label mode.
//
// Owns one thread. `store`, `pools` and `client` must live longer. Thread-safe.
class ModeSwitch {
 public:
  ModeSwitch(store::Store& store, const provider::Pools& pools, provider::http::Client& client,
             LabelsAppliedAt labels_applied, ModeSwitchOptions options);
  ~ModeSwitch();
  ModeSwitch(const ModeSwitch&) = delete;
  ModeSwitch& operator=(const ModeSwitch&) = delete;

  // What a site that is between the two sides waits for; empty where nothing is known.
  std::string WaitingFor(site::SiteId id) const;

 private:
  using Records = std::map<site::SiteId, store::SiteRecord>;

  void Run(const std::stop_token& stop);
  Result<store::Revision> Follow(store::Revision seen);
  void Sort(const store::SiteRecord& record);
  void StartMoves();
  void FinishMovesToDocument(const std::stop_token& stop);
  void KeepGood(std::vector<store::SiteRecord>& confirmed, const std::stop_token& stop);
  void ConfirmLabels(const std::stop_token& stop);
  bool LabelsSeen(const store::SiteRecord& record, const std::stop_token& stop, std::string& why,
                  std::map<std::string, std::string>& away) const;

  void Commit(std::string_view what, const std::vector<store::SiteRecord>& as_seen,
              const std::function<void(store::SiteRecord&, store::Revision)>& change,
              bool document_changes);
  void Note(site::SiteId id, std::string waiting_for);

  store::Store& store_;
  const provider::Pools& pools_;
  provider::http::Client& client_;
  const LabelsAppliedAt labels_applied_;
  const ModeSwitchOptions options_;
  const SideCheck check_;
  // Used by the thread alone. Sites with something to be done, or waited for.
  Records unsettled_;
  std::map<site::SiteId, std::chrono::steady_clock::time_point> checked_;  // last, in vain

  mutable std::mutex mutex_;
  std::map<site::SiteId, std::string> waiting_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace orchestrator::routing
