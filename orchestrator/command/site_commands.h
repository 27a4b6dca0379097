#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/routing/routes.h"
#include "orchestrator/site/codec.h"
#include "orchestrator/store/store.h"

// What clients may do to sites: each call is one transaction or nothing.
namespace orchestrator::command {

struct SiteCommandOptions {
  routing::RouteOptions routes;
  bool has_engine = true;  // without one there can be external sites only
  std::vector<std::string> pools{std::string(site::kDefaultPool)};  // that sites may be in
  // Whether an id that is free in the store would meet a service of others; empty: none does.
  std::function<bool(site::SiteId)> is_taken = {};
};

struct Written {
  store::SiteRecord record;
  bool created = false;
};

struct BatchWritten {
  store::Revision revision = 0;
  std::size_t created = 0;
  std::size_t updated = 0;
  std::size_t removed = 0;
};

// The revision that a client wants to change, from If-Match; unset: whatever there is.
using Expected = std::optional<store::Revision>;

// Thread-safe; `store` must live longer.
class SiteCommands {
 public:
  SiteCommands(store::Store& store, SiteCommandOptions options)
      : store_(store), options_(std::move(options)) {}

  // A site with id 0 gets the next one; an id that exists is a kConflict.
  Result<Written> Create(site::Site site);
  // Creates the site where it does not exist.
  Result<Written> Replace(const site::Site& site, Expected expected);
  Result<Written> Patch(site::SiteId id, std::string_view merge_patch, Expected expected);
  // As Replace, for a client that knows a site's hosts, kind, limits, run file and database only:
  // all else stays as it is. A service of the site's name that is there already becomes the site's.
  Result<Written> Deploy(site::Site site);
  // Replaces the tasks of a site that stays as it is.
  Result<Written> Restart(site::SiteId id);
  // The routes go at once, the service when no Traefik uses it any more, the directory stays.
  // `keep_image`: a site that is created again with this id gets the image that was built for it.
  Result<Written> Remove(site::SiteId id, Expected expected, bool keep_image = false);
  Result<BatchWritten> Apply(const site::Batch& batch);

  const routing::RouteOptions& routes() const { return options_.routes; }

  // Whether the site's routing.extra can be used with the configuration as it is now.
  Result<void> CheckRouting(const site::Site& site) const;

  // Creates sites for services that exist already, all or none. What is taken over is the service
  // of the site's name: it keeps its tasks, and is routed by its labels until the routing that is
  // wanted has taken their place.
  struct Adoption {
    site::Site site;
    bool takes_over = false;
    std::string built_image = {};                    // that its tasks run, see SiteRecord
    std::map<std::string, std::string> labels = {};  // of routing, which its service has
  };
  Result<BatchWritten> Adopt(const std::vector<Adoption>& adoptions);

 private:
  using PoolNames = std::set<std::string>;

  struct Prepared {
    store::SiteRecord record;
    bool created = false;
    PoolNames changed_pools = {};  // whose documents are others by this
  };

  bool HasDocumentRoutes(const site::Site& site) const;
  Result<void> CheckPlace(const site::Site& site) const;
  Result<Prepared> Prepare(store::Transaction& transaction, const site::Site& site,
                           const std::optional<store::SiteRecord>& current) const;
  Prepared PrepareRemoval(store::Transaction& transaction, const store::SiteRecord& current) const;
  static Result<void> Put(store::Transaction& transaction, const Prepared& prepared);

  store::Store& store_;
  const SiteCommandOptions options_;
};

}  // namespace orchestrator::command
