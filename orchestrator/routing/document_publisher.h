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
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "orchestrator/routing/orders.h"
#include "orchestrator/routing/recorder.h"
#include "orchestrator/routing/routes.h"
#include "orchestrator/store/store.h"
#include "provider/assembly.h"
#include "provider/histogram.h"
#include "provider/instances.h"
#include "provider/last_known_good.h"
#include "provider/publish_gate.h"
#include "provider/publisher.h"

namespace orchestrator::routing {

// A site whose routes cannot be made from what is stored.
struct QuarantinedSite {
  site::SiteId id;
  std::string reason;
  bool has_last_good = false;  // the routes that it had stay; else it has none
};

struct DocumentPublisherOptions {
  RouteOptions routes;
  provider::GateLimits limits;
  std::function<provider::Assembly()> make_assembly;
  // The document that was served before this process; what it had must not vanish unnoticed.
  std::optional<provider::LastKnownGood> before;
};

// Follows the store and publishes the document that its state means: all of it once at the start,
// then the fragments of what changed. While the store cannot be read, the last document stays; what
// would take too much away is held back until somebody says so; a site whose routes cannot be made
// is put aside alone.
//
// Routing may be rolled back to an earlier revision: the sites that had routes then get those,
// others have their present ones, unless an address would be taken twice.
//
// Owns one thread. `store`, `publisher`, `instances`, `recorder` and `history` (which may be null)
// must live longer. Thread-safe.
class DocumentPublisher {
 public:
  DocumentPublisher(const store::Store& store, provider::Publisher& publisher,
                    provider::Instances& instances, Recorder& recorder, store::History* history,
                    DocumentPublisherOptions options);
  ~DocumentPublisher();
  DocumentPublisher(const DocumentPublisher&) = delete;
  DocumentPublisher& operator=(const DocumentPublisher&) = delete;

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

  void Run(const std::stop_token& stop);
  void Apply(const store::Changes& changes);
  std::optional<traefik::Fragment> LastGood(std::uint64_t key);
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
  provider::Publisher& publisher_;
  provider::Instances& instances_;
  Recorder& recorder_;
  store::History* const history_;
  const DocumentPublisherOptions options_;

  // Used by the thread alone.
  struct Present {
    bool in_labels_only = false;
    std::vector<std::string> addresses;
    bool has_streams = false;
  };
  provider::Assembly assembly_;                         // of what is stored
  std::unordered_map<std::uint64_t, Present> present_;  // the sites that there are
  std::unique_ptr<RolledBack> rolled_back_;
  std::optional<provider::DocumentState> served_;  // by this process
  std::vector<std::uint64_t> served_before_;       // else the sites of the document before it
  store::Revision served_revision_ = 0;
  bool was_behind_ = false;  // see Orders::behind

  std::atomic<std::uint64_t> published_ = 0;
  std::atomic<std::uint64_t> objections_ = 0;
  provider::Histogram render_times_;
  mutable std::mutex mutex_;
  std::optional<HeldDocument> held_;                      // guarded by mutex_
  std::map<std::uint64_t, QuarantinedSite> quarantined_;  // guarded by mutex_
  std::optional<store::Revision> rolled_back_to_;         // guarded by mutex_
  std::jthread thread_;
};

}  // namespace orchestrator::routing
