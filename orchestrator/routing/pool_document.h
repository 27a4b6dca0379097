#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "orchestrator/routing/orders.h"
#include "orchestrator/routing/recorder.h"
#include "orchestrator/routing/routes.h"
#include "orchestrator/store/store.h"
#include "provider/assembly.h"
#include "provider/histogram.h"
#include "provider/last_known_good.h"
#include "provider/pool.h"
#include "provider/publish_gate.h"

namespace orchestrator::routing {

// A site whose routes cannot be made from what is stored.
struct QuarantinedSite {
  site::SiteId id;
  std::string reason;
  bool has_last_good = false;  // the routes that it had stay; else it has none
};

struct PoolDocumentOptions {
  RouteOptions routes;
  provider::GateLimits limits;
  std::function<provider::Assembly()> make_assembly;
  // The document that was served before this process; what it had must not vanish unnoticed.
  std::optional<provider::LastKnownGood> before;
};

// What happened to a site of a pool.
struct PoolChange {
  site::SiteId id;
  const store::SiteRecord* record = nullptr;  // null: it is not there, or not in this pool any more
  std::string_view problem = {};              // why its record cannot be read; empty when it can
};

// The document of one pool of Traefiks: rendered from what is stored, then brought up to date by
// fragments of what changed. What would take too much away is held back until somebody says so; a
// site whose routes cannot be made is put aside alone.
//
// Routing may be rolled back to an earlier revision: the sites that had routes then get those,
// others have their present ones, unless an address would be taken twice.
//
// `store`, `pool`, `recorder` and `history` (which may be null) must live longer. Apply and Follow
// are for one thread, all else is thread-safe.
class PoolDocument {
 public:
  PoolDocument(const store::Store& store, provider::Pool& pool, Recorder& recorder,
               store::History* history, PoolDocumentOptions options);
  PoolDocument(const PoolDocument&) = delete;
  PoolDocument& operator=(const PoolDocument&) = delete;

  const std::string& name() const { return pool_.name; }

  // Takes over what happened to sites, in the order of their ids. Nothing is published by it.
  void Apply(std::span<const PoolChange> changes);

  // Whether the document that was served before the start had routes of the site.
  bool ServedBefore(site::SiteId id) const;

  // Whether the document that this process serves has routes of the site.
  bool Serves(site::SiteId id) const;

  // The same of a site that is to have some; for the thread of Apply and Follow.
  bool HasArrived(site::SiteId id) const;

  // Publishes what was applied where it makes up another document, that of `revision`, whose change
  // was made at `committed`. False when it has to be called again later.
  bool Follow(store::Revision revision, provider::Instances::Clock::time_point committed);

  std::optional<HeldDocument> held() const;
  std::vector<QuarantinedSite> quarantined() const;
  std::optional<store::Revision> rolled_back_to() const;
  // Why this site is in quarantine; empty when it is not.
  std::string QuarantineOf(site::SiteId id) const;

  std::uint64_t published() const { return published_; }    // how many documents
  std::uint64_t objections() const { return objections_; }  // how many were held back
  const provider::Histogram& render_times() const { return render_times_; }

 private:
  using Keys = std::set<std::uint64_t>;

  // What an earlier revision gives.
  struct RolledBack {
    store::Revision to = 0;
    provider::Assembly assembly;
    Keys keys;                        // that had routes then
    std::set<std::string> addresses;  // of these: "host" or "host/path"
    bool has_streams = false;         // whether any of these had more than HTTP
  };

  std::optional<traefik::Fragment> LastGood(std::uint64_t key);
  traefik::Fragment WithPresentServers(std::uint64_t key, traefik::Fragment then) const;
  bool Consider(store::Revision revision, provider::Instances::Clock::time_point committed);
  // The error is why what is ordered cannot be done.
  std::expected<void, std::string> FollowRollback(const std::optional<store::Revision>& to);
  void CountAddresses();
  bool TakeIntoRollback(std::uint64_t key);
  provider::Loss LossBy(const provider::DocumentState& state,
                        std::vector<site::SiteId>& examples) const;
  void Hold(HeldDocument held, store::Revision true_from);
  void Promise(store::Revision true_from);

  const store::Store& store_;
  provider::Pool& pool_;
  Recorder& recorder_;
  store::History* const history_;
  const PoolDocumentOptions options_;

  // Used by the thread of Apply and Follow alone.
  struct Present {
    bool in_labels_only = false;
    bool is_external = false;
    store::Revision routes_revision = 0;
    std::vector<std::string> addresses;
    bool has_streams = false;
  };
  provider::Assembly assembly_;                         // of what is stored
  std::unordered_map<std::uint64_t, Present> present_;  // the sites that there are
  std::unique_ptr<RolledBack> rolled_back_;
  std::vector<std::uint64_t> served_before_;  // else the sites of the document before it
  store::Revision served_revision_ = 0;
  store::Revision considered_ = 0;  // published, or held back
  bool is_changed_ = false;         // since then, by sites that left
  bool are_routes_changed_ = true;  // since the last publication, in more than where tasks are
  bool was_behind_ = false;         // see Orders::behind

  std::atomic<std::uint64_t> published_ = 0;
  std::atomic<std::uint64_t> objections_ = 0;
  provider::Histogram render_times_;
  mutable std::mutex mutex_;
  std::optional<provider::DocumentState> served_;  // by this process; written by that thread alone
  std::optional<HeldDocument> held_;               // guarded by mutex_
  std::map<std::uint64_t, QuarantinedSite> quarantined_;  // guarded by mutex_
  std::optional<store::Revision> rolled_back_to_;         // guarded by mutex_
};

}  // namespace orchestrator::routing
