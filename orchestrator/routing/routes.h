#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/site/site.h"
#include "orchestrator/store/record.h"
#include "traefik/document.h"
#include "traefik/labels.h"
#include "traefik/schema/option.h"

// What a site's routes are, in the document and as labels. Pure functions.
namespace orchestrator::routing {

struct RouteOptions {
  std::vector<std::string> entry_points;  // of sites that name none, and of probes
  std::string network;                    // the overlay
  traefik::RevisionProbe probe;
  bool probe_labels = false;   // whether somebody asks for the marker of new labels
  std::string pages_url = {};  // where Traefik finds the pages of sites that cannot answer; or none
  // Whether the servers of sites in the document are the addresses of their tasks, as far as they
  // are known, and not the names of their services.
  bool follow_tasks = false;
  bool rewrites_status = true;  // whether this Traefik can change the status of a page (3.4)
  traefik::schema::Version version = traefik::schema::kNewest;  // the oldest Traefik that polls
  std::vector<std::string> stream_entry_points = {};            // for TCP and UDP routers of extras
  std::shared_ptr<const traefik::codec::Value> shared = nullptr;  // see ReadSharedObjects
  bool standby_labels = false;  // whether sites in the document keep labels, see StandsBy
  bool has_swarm = true;        // whether there is one, with services that can have labels
  bool probe_tls = false;       // whether sites with TLS can be asked for
};

// Paths below pages_url, whoever serves it.
inline constexpr std::string_view kDownPage = "/pages/down";
inline constexpr std::string_view kNotServedPage = "/pages/not-served";

// Routers of a path of an exact host have this priority and more; those of whole hosts less.
inline constexpr std::int64_t kExactPathPriority = 100'000;

// The priority of a site's own router; 0: Traefik's default, the length of the rule.
std::int64_t OwnPriority(const traefik::PathPrefix* path, bool wildcard);

// The answer header of a site's label marker; its value is the routes_revision.
inline constexpr std::string_view kLabelMarkerHeader = "X-Orchestrator-Labels";

// The label with the pool of a site that is not in the default one: Traefiks read only services of
// their own, see PoolConstraint.
inline constexpr std::string_view kPoolLabel = "orchestrator.pool";

// What the Swarm provider of this pool's Traefiks has to be told, as its option `constraints`.
std::string PoolConstraint(const std::string& pool);

// The path at which the marker of these labels answers.
std::string LabelMarkerPath(site::SiteId id, store::Revision routes_revision);

// The side that `mode` puts this site on, in a system whose default is `default_mode`: kLabels or
// kProvider. Sites whose routes labels cannot say, see LabelObstacle, stay in the document.
site::RoutingMode ResolveMode(const site::Site& site, site::RoutingMode default_mode);

// Whether the site's service keeps labels behind the document, for a Traefik that has no document.
// External sites have no service there.
bool StandsBy(const store::SiteRecord& record, const RouteOptions& options);

// The side that this site is to be on.
site::RoutingMode WantedMode(const store::SiteRecord& record);

// What all sites in the document share: the service of the pages, where there is one.
traefik::Configuration SharedRoutes(const RouteOptions& options);

// Routers, service and middlewares of a site in the document. Where it is not served: a page that
// says so, or nothing when there are no pages. `tasks`: the addresses of its running tasks, where
// these are followed and known.
using TaskAddresses = std::optional<std::vector<std::string>>;
traefik::Configuration DocumentRoutes(const site::Site& site, const RouteOptions& options,
                                      const TaskAddresses& tasks = {});

// What the target version reads from rendered routes.
traefik::codec::Value DecodedRoutes(const traefik::Fragment& routes, const RouteOptions& options);

// The same rendered, with the objects of the fleet.
traefik::Fragment SharedFragment(const RouteOptions& options);

// What is wrong with a site's routing.extra, see CompileExtra; nothing where there is none.
Result<void> CheckExtra(const site::Site& site, const RouteOptions& options);

// What the document has for this record: its routes while its phase says so, else nothing. An error
// where its extra cannot be used (any more): then it must have no routes, since without the extra
// they would be others than those that are wanted.
Result<traefik::Fragment> DocumentFragment(const store::SiteRecord& record,
                                           const RouteOptions& options);

// The same for many at once, in their order; on all processors.
std::vector<Result<traefik::Fragment>> DocumentFragments(
    std::span<const store::SiteRecord* const> records, const RouteOptions& options);

// All labels of routing that the site's service shall have: its routes while the phase says so,
// with a marker until they are confirmed, or while they stand by, with lower priorities; else, and
// where the extra cannot be used, those that keep Traefik's swarm provider away.
traefik::Labels ServiceLabels(const store::SiteRecord& record, const RouteOptions& options);

// Whether the label `key` is ours to change on the service of site `id`. Labels of others stay.
bool OwnsLabel(std::string_view key, site::SiteId id);

// Whether changing `before` into `after` changes anything that Traefik sees.
bool SameRoutes(const site::Site& before, const site::Site& after, const RouteOptions& options);

}  // namespace orchestrator::routing
