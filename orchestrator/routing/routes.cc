#include "orchestrator/routing/routes.h"

#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/routing/extra.h"
#include "orchestrator/routing/transit.h"
#include "provider/base/spread.h"
#include "traefik/codec/decoder.h"
#include "traefik/codec/edit.h"
#include "traefik/codec/labels.h"

namespace orchestrator::routing {
namespace {

constexpr std::uint16_t kSitePort = 80;

// By default Traefik prefers the longer rule, and a site's rule grows with the number of its hosts.
// So that an exact host always goes before a wildcard, and a path before the whole host, whatever
// the lengths are, the rarer kinds get priorities outside of what a rule's length can be. Exact
// hosts without a path keep the default, so that routes from other providers compare as Traefik's
// users expect. Negative priorities work (seen with 3.7).
constexpr std::int64_t kWildcardPriority = -2000;  // below them with any path

// Hosts that share a rule: those of one path (empty: the whole host), wildcards apart.
using HostGroups =
    std::map<std::pair<std::optional<traefik::PathPrefix>, bool>, std::vector<traefik::HostName>>;

HostGroups Group(const site::Site& site) {
  HostGroups groups;
  for (const site::Address& address : site.hosts) {
    const traefik::PathPrefix* const path = site::EffectivePath(site, address);
    const bool wildcard = address.host.wildcard();
    groups[{path ? std::optional(*path) : std::nullopt, wildcard}].push_back(address.host);
  }
  return groups;
}

constexpr const char* kRetry = "orchestrator-retry";
constexpr std::string_view kRetryLabels = "traefik.http.middlewares.orchestrator-retry.";
constexpr const char* kDown = "orchestrator-down";
constexpr const char* kNoTask = "orchestrator-no-task";
constexpr const char* kNotServed = "orchestrator-not-served";
constexpr const char* kPages = "orchestrator-pages";

// A task that has just started does not listen yet, one that stops does not any more: the pauses of
// these attempts (0.1, 0.15, 0.23, 0.34 s) bridge that.
constexpr traefik::Retry kRetryDial{5, std::chrono::milliseconds(100)};

// A name lookup in the overlay that nobody answers, or a connection to a task that is just being
// attached, must not hold a visitor up for Traefik's 30 s: the next attempt finds the task.
constexpr const char* kSwarmTransport = "orchestrator-swarm";
constexpr traefik::ServersTransport kDialSoon{.dial_timeout = std::chrono::seconds(2)};

// A task's address either answers at once, or the task is gone and its address is about to leave.
constexpr const char* kTasksTransport = "orchestrator-tasks";
constexpr traefik::ServersTransport kDialTask{.dial_timeout = std::chrono::milliseconds(500)};

// "max-request-10485760": one middleware for all sites with the same limit.
std::string LimitName(site::Bytes limit) { return fmt::format("max-request-{}", limit.count); }

// Routers and middlewares, which are the same in the document and as labels.
traefik::Configuration CommonRoutes(const site::Site& site, const RouteOptions& options) {
  traefik::Configuration routes;
  const std::string name = site::ServiceName(site.id);
  const site::Bytes limit = site.resources.max_request_body;
  routes.middlewares[LimitName(limit)] = traefik::Buffering{limit.count};
  routes.middlewares[kRetry] = kRetryDial;

  // The site's own path has the plain name; other paths are counted.
  std::size_t other_paths = 0;
  std::optional<traefik::PathPrefix> last_path = site.routing.path_prefix;
  for (const auto& [key, hosts] : Group(site)) {
    const auto& [path, wildcard] = key;
    std::string router_name = name;
    if (path != site.routing.path_prefix) {
      if (path != last_path) ++other_paths;
      last_path = path;
      router_name += fmt::format("-path{}", other_paths);
    }
    traefik::Router& router = routes.routers[router_name + (wildcard ? "-wildcard" : "")];
    router.service = name;
    router.middlewares = {LimitName(limit), kRetry};
    router.entry_points = site.routing.entry_points.value_or(options.entry_points);
    if (site.routing.tls) router.tls = traefik::RouterTls{site.routing.tls->resolver};
    router.rule = path ? traefik::HostRule(hosts, *path) : traefik::HostRule(hosts);
    router.priority = OwnPriority(path ? &*path : nullptr, wildcard);
  }

  traefik::Service& service = routes.services[name];
  if (site.routing.sticky) service.sticky = traefik::StickyCookie{name};
  if (const auto& check = site.routing.health_check) {
    service.health_check = traefik::HealthCheck{check->path, check->interval};
  }
  return routes;
}

// A router that answers which labels of this site Traefik has read, see RevisionProbe.
void AddLabelMarker(const store::SiteRecord& record, const RouteOptions& options,
                    traefik::Configuration& routes) {
  const std::string name = site::ServiceName(record.site.id) + "-marker";
  const traefik::RevisionProbe& probe = options.probe;
  traefik::Router& router = routes.routers[name];
  router.rule =
      fmt::format("Host(`{}`) && Header(`{}`, `{}`) && Path(`{}`)", probe.host, probe.secret_header,
                  probe.secret, LabelMarkerPath(record.site.id, record.routes_revision));
  router.service = "noop@internal";
  router.entry_points = options.entry_points;
  router.middlewares = {name};
  routes.middlewares[name] =
      traefik::Headers{{{std::string(kLabelMarkerHeader), std::to_string(record.routes_revision)}}};
}

// The record's routes in the document, with its extra.
Result<traefik::Fragment> ExtendedRoutes(const store::SiteRecord& record,
                                         const RouteOptions& options) {
  const site::Site& site = record.site;
  traefik::Configuration routes = DocumentRoutes(site, options, record.task_addresses);
  const int lead = DocumentLead(record);
  // A site that is not served answers with the page only.
  if (site.routing.extra.empty() || !site.served) {
    Lead(routes, lead);
    return traefik::RenderFragment(routes);
  }
  auto more = CompileExtra(site, DecodedRoutes(traefik::RenderFragment(routes), options),
                           Form::kDocument, options);
  if (!more) return Failure(more.error());
  const auto replaced = [&](std::string_view kind, std::string_view name) {
    return traefik::codec::FindNamed(*more, "http", kind, name) != nullptr;
  };
  std::erase_if(routes.routers,
                [&](const auto& router) { return replaced("routers", router.first); });
  std::erase_if(routes.services,
                [&](const auto& service) { return replaced("services", service.first); });
  Lead(routes, lead);
  Lead(*more, lead);
  return traefik::Joined(traefik::RenderFragment(routes), traefik::RenderFragment(*more));
}

// The labels of the site's own routes.
traefik::Labels OwnLabels(const site::Site& site, const RouteOptions& options, int lead) {
  traefik::Configuration routes = CommonRoutes(site, options);
  traefik::Service& service = routes.services[site::ServiceName(site.id)];
  if (site.kind == site::Kind::kExternal) {
    service.server_urls = site.upstreams;
  } else {
    service.server_port = kSitePort;
  }
  Lead(routes, lead);
  return traefik::EncodeLabels(routes, options.network);
}

// The labels of the site's own routes with what its extra adds.
Result<traefik::Labels> ExtendedLabels(const site::Site& site, const traefik::Labels& own,
                                       const RouteOptions& options, int lead) {
  traefik::codec::Problems problems;
  traefik::codec::Value routes = traefik::codec::DecodeLabels(own, problems);
  const auto more = CompileExtra(site, routes, Form::kLabels, options);
  if (!more) return Failure(more.error());
  traefik::codec::Merge(routes, *more);
  Lead(routes, lead);
  // In the schema's order again.
  routes = traefik::codec::DecodeDocument(traefik::codec::ToJson(routes), problems,
                                          traefik::codec::Source::kConfiguration);
  if (!problems.errors.empty()) {
    return Failure(Error{ErrorKind::kInvalid,
                         fmt::format("labels cannot say {}", problems.errors.front().pointer)});
  }
  auto encoded = traefik::codec::EncodeLabels(routes);
  if (!encoded.lost.empty()) {
    return Failure(Error{ErrorKind::kInvalid,
                         fmt::format("labels cannot say {}", encoded.lost.front().pointer)});
  }
  for (const auto& [key, value] : own) {
    if (!key.starts_with("traefik.http.")) encoded.labels.emplace(key, value);
  }
  return std::move(encoded.labels);
}

}  // namespace

std::int64_t OwnPriority(const traefik::PathPrefix* path, bool wildcard) {
  if (!path) return wildcard ? kWildcardPriority : 0;
  // Four times the length leaves room between any two, see DocumentLead.
  return (wildcard ? kWildcardPriority : kExactPathPriority) +
         4 * static_cast<std::int64_t>(path->text().size());
}

std::string PoolConstraint(const std::string& pool) {
  return pool == site::kDefaultPool ? fmt::format("!LabelRegex(`{}`, `.+`)", kPoolLabel)
                                    : fmt::format("Label(`{}`, `{}`)", kPoolLabel, pool);
}

std::string LabelMarkerPath(site::SiteId id, store::Revision routes_revision) {
  return fmt::format("/labels/{}/{}", site::ServiceName(id), routes_revision);
}

site::RoutingMode ResolveMode(const site::Site& site, site::RoutingMode default_mode) {
  if (LabelObstacle(site)) return site::RoutingMode::kProvider;
  return site.routing.mode == site::RoutingMode::kDefault ? default_mode : site.routing.mode;
}

bool StandsBy(const store::SiteRecord& record, const RouteOptions& options) {
  return options.standby_labels && record.phase == store::Phase::kProvider &&
         record.site.kind != site::Kind::kExternal && !LabelObstacle(record.site);
}

site::RoutingMode WantedMode(const store::SiteRecord& record) {
  return ResolveMode(record.site, record.followed);
}

traefik::Configuration SharedRoutes(const RouteOptions& options) {
  traefik::Configuration shared;
  shared.servers_transports[kSwarmTransport] = kDialSoon;
  if (options.follow_tasks) shared.servers_transports[kTasksTransport] = kDialTask;
  if (!options.pages_url.empty()) shared.services[kPages].server_urls = {options.pages_url};
  return shared;
}

traefik::Configuration DocumentRoutes(const site::Site& site, const RouteOptions& options,
                                      const TaskAddresses& tasks) {
  const bool has_pages = !options.pages_url.empty();
  if (!site.served && !has_pages) return {};
  traefik::Configuration routes = CommonRoutes(site, options);
  if (!site.served) {
    routes.services.clear();
    routes.middlewares = {{kNotServed, traefik::ReplacePath{std::string(kNotServedPage)}}};
    for (auto& [name, router] : routes.routers) {
      router.service = kPages;
      router.middlewares = {kNotServed};
    }
    return routes;
  }
  const bool by_tasks = options.follow_tasks && tasks && site.kind != site::Kind::kExternal;
  if (has_pages) {
    // Traefik answers 503 itself where there is no server; otherwise a 503 is the site's own.
    const bool no_server = by_tasks && tasks->empty();
    const char* const middleware = no_server ? kNoTask : kDown;
    routes.middlewares[middleware] =
        no_server
            ? traefik::ErrorPages{{503}, 0, kPages, std::string(kDownPage)}
            : traefik::ErrorPages{
                  {502, 504}, options.rewrites_status ? 503 : 0, kPages, std::string(kDownPage)};
    for (auto& [name, router] : routes.routers) {
      router.middlewares.insert(router.middlewares.begin(), middleware);
    }
  }
  traefik::Service& service = routes.services[site::ServiceName(site.id)];
  if (site.kind == site::Kind::kExternal) {
    service.server_urls = site.upstreams;
  } else if (by_tasks) {
    service.server_urls.clear();
    for (const std::string& address : *tasks) {
      const bool is_v6 = address.contains(':');
      service.server_urls.push_back(
          fmt::format("http://{}{}{}:{}", is_v6 ? "[" : "", address, is_v6 ? "]" : "", kSitePort));
    }
    service.servers_transport = kTasksTransport;
  } else {
    service.server_urls = {fmt::format("http://{}:{}", site::ServiceName(site.id), kSitePort)};
    service.servers_transport = kSwarmTransport;
  }
  return routes;
}

traefik::codec::Value DecodedRoutes(const traefik::Fragment& routes, const RouteOptions& options) {
  const traefik::Fragment* const fragments[] = {&routes};
  traefik::codec::Problems problems;
  return traefik::codec::DecodeDocument(traefik::RenderDocument(fragments, std::nullopt), problems,
                                        traefik::codec::Source::kDocument, options.version);
}

traefik::Fragment SharedFragment(const RouteOptions& options) {
  traefik::Fragment fragment = traefik::RenderFragment(SharedRoutes(options));
  return options.shared
             ? traefik::Joined(std::move(fragment), traefik::RenderFragment(*options.shared))
             : fragment;
}

Result<void> CheckExtra(const site::Site& site, const RouteOptions& options) {
  store::SiteRecord record;
  record.site = site;
  if (const auto routes = ExtendedRoutes(record, options); !routes) return Failure(routes.error());
  if (site.routing.extra.empty() || LabelObstacle(site, options)) return {};
  // It may be moved to labels at any time.
  const auto labels = ExtendedLabels(site, OwnLabels(site, options, 0), options, 0);
  if (labels) return {};
  return Failure(Error{ErrorKind::kInvalid,
                       labels.error().message,
                       {},
                       {{"/routing/extra", labels.error().message}}});
}

Result<traefik::Fragment> DocumentFragment(const store::SiteRecord& record,
                                           const RouteOptions& options) {
  if (record.removing || !InDocument(record.phase)) return {};
  auto routes = ExtendedRoutes(record, options);
  if (!routes || record.phase != store::Phase::kToProvider || !IsChecked(record, options)) {
    return routes;
  }
  const auto checks = CheckRouters(record, options.probe, DecodedRoutes(*routes, options));
  return traefik::Joined(*std::move(routes), traefik::RenderFragment(checks));
}

std::vector<Result<traefik::Fragment>> DocumentFragments(
    std::span<const store::SiteRecord* const> records, const RouteOptions& options) {
  std::vector<Result<traefik::Fragment>> fragments(records.size());
  provider::Spread(records.size(),
                   [&](std::size_t i) { fragments[i] = DocumentFragment(*records[i], options); });
  return fragments;
}

traefik::Labels ServiceLabels(const store::SiteRecord& record, const RouteOptions& options) {
  const bool stands_by = !HasLabels(record.phase) && StandsBy(record, options);
  if (!HasLabels(record.phase) && !stands_by) return traefik::DisabledLabels();
  const int lead = LabelLead(record);
  traefik::Labels labels;
  if (!record.adopted_labels.empty() && !stands_by) {
    labels = record.adopted_labels;
  } else {
    const bool is_extended = !record.site.routing.extra.empty();
    labels = OwnLabels(record.site, options, is_extended ? 0 : lead);
    if (is_extended) {
      auto extended = ExtendedLabels(record.site, labels, options, lead);
      if (!extended) return traefik::DisabledLabels();
      labels = *std::move(extended);
    }
    if (const std::string& pool = record.site.routing.pool; pool != site::kDefaultPool) {
      labels[std::string(kPoolLabel)] = pool;
    }
  }
  if (stands_by) return labels;
  if (record.phase == store::Phase::kToLabels && IsChecked(record, options)) {
    traefik::codec::Problems problems;
    const auto checks =
        CheckRouters(record, options.probe, traefik::codec::DecodeLabels(labels, problems));
    labels.merge(traefik::codec::EncodeLabels(checks).labels);
  }
  traefik::Configuration more;
  const bool unconfirmed = record.labels_confirmed < record.routes_revision;
  if (options.probe_labels && record.site.served && unconfirmed) {
    AddLabelMarker(record, options, more);
  }
  for (auto& [key, value] : traefik::EncodeLabels(more, options.network)) {
    if (key.starts_with("traefik.http.")) labels.emplace(key, value);
  }
  return labels;
}

bool OwnsLabel(std::string_view key, site::SiteId id) {
  return traefik::BelongsTo(key, site::ServiceName(id)) || key.starts_with(kRetryLabels) ||
         key == kPoolLabel || key.starts_with(kCheckLabels) ||
         (key.starts_with("traefik.http.middlewares.max-request-") &&
          (key.ends_with(".buffering.maxRequestBodyBytes") ||
           key.ends_with(".buffering.maxrequestbodybytes")));
}

bool SameRoutes(const site::Site& before, const site::Site& after, const RouteOptions& options) {
  return before.routing.extra == after.routing.extra && before.routing.pool == after.routing.pool &&
         DocumentRoutes(before, options) == DocumentRoutes(after, options);
}

}  // namespace orchestrator::routing
