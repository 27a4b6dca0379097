#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/docker/types.h"
#include "orchestrator/store/record.h"

namespace orchestrator::deploy {

// The state of a site's record that was last brought to the swarm.
struct Applied {
  store::Revision revision = 0;
  store::Revision routes_revision = 0;
  store::Phase phase = store::Phase::kProvider;
  std::chrono::steady_clock::time_point since;  // when this state was applied first
};

struct ReconcileStatus {
  std::optional<Applied> applied;
  std::string problem;       // why the last try failed, for people; empty when it did not
  bool rolled_back = false;  // the swarm refused the last deployment and runs the one before
  // What somebody else changed, for people; empty when nothing. Stays after a repair, until the
  // site is changed.
  std::string drift;
  bool elsewhere = false;       // it has no service, see HasService
  store::Revision refused = 0;  // that cannot be brought to the swarm as it is, see `problem`
  // Whose tasks are as wanted, and whose labels follow when the swarm's update is over.
  store::Revision settling = 0;
};

// What the reconciler knows of each site while the process runs. Nothing of it must survive: it
// spares calls, recognises its own doings, and is what users are told. Thread-safe.
class SiteMemory {
 public:
  using Clock = std::chrono::steady_clock;

  void Forget(site::SiteId id);

  // --- how far a site is
  ReconcileStatus StatusOf(site::SiteId id) const;

  // Waits until the swarm has been given this revision of the site, but for labels that have to
  // wait for its update. Why not, if time is over or the try failed; empty when it has.
  std::string WaitApplied(site::SiteId id, store::Revision revision, Clock::time_point deadline,
                          const std::stop_token& stop) const;

  void SetApplied(const store::SiteRecord& record, bool rolled_back);
  void SetProblem(site::SiteId id, const std::string& problem);
  void SetRefused(site::SiteId id, store::Revision revision);
  void SetSettling(site::SiteId id, store::Revision revision);
  // Whether that was not known yet.
  bool SetDrift(site::SiteId id, const std::string& what);
  // Whether its service was there once.
  bool WasSeen(site::SiteId id) const;

  // --- services as the engine gave them last
  void Keep(site::SiteId id, const docker::Service& service);
  std::optional<docker::Service> Take(site::SiteId id);

  // --- tasks that may go on for a while after their service was removed
  void SetLeaving(site::SiteId id);
  bool IsLeaving(site::SiteId id) const;

  // --- events that our own changes of services are still to cause
  void ExpectEvent(site::SiteId id);
  void ExpectNoEvent(site::SiteId id);
  // Whether one that came is such a one, which then has been.
  bool IsExpected(site::SiteId id);

  // --- how often in a row what somebody else did was undone
  // How long the next repair has to wait: others may undo it as often.
  Clock::duration RepairPause(site::SiteId id, Clock::time_point now) const;
  void CountRepair(site::SiteId id, Clock::time_point now);

  // --- task templates that were sent as an update
  void SetAttempt(const store::SiteRecord& record, const docker::TaskTemplate& sent);
  // How often in a row this one was sent for this revision of the site, or a later one; nothing
  // when it was not the last one that was sent.
  std::optional<unsigned> Attempts(const store::SiteRecord& record,
                                   const docker::TaskTemplate& wanted) const;
  void ForgetAttempts(site::SiteId id);

 private:
  struct Attempt {
    docker::TaskTemplate task;
    store::Revision revision = 0;  // of the site
    unsigned times = 0;
  };
  struct OwnChange {
    unsigned events = 0;
    Clock::time_point until;
  };
  struct Repairs {
    unsigned times = 0;
    Clock::time_point last;
  };
  struct Kept {
    docker::Service service;
    Clock::time_point since;
  };

  // Somebody who waits for one site, so that the others are not woken.
  struct Waiter {
    std::condition_variable_any changed;
  };
  void Wake(site::SiteId id) const;  // with mutex_ locked

  mutable std::mutex mutex_;
  // All guarded by mutex_.
  mutable std::multimap<site::SiteId, Waiter*> waiters_;
  std::map<site::SiteId, ReconcileStatus> statuses_;
  std::map<site::SiteId, OwnChange> own_changes_;
  std::map<site::SiteId, Clock::time_point> leaving_;  // until when, at most; outlives the site
  std::map<site::SiteId, Attempt> attempts_;
  std::map<site::SiteId, Repairs> repairs_;
  std::map<site::SiteId, Kept> kept_;  // those that changed last
};

}  // namespace orchestrator::deploy
