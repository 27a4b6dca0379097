#include "orchestrator/routing/migration_plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "orchestrator/routing/extra.h"
#include "orchestrator/store/for_each_record.h"
#include "traefik/codec/labels.h"

namespace orchestrator::routing {
namespace {

using nlohmann::json;
using site::RoutingMode;
using store::Phase;

// Middlewares that only the document has: they show pages for sites that do not answer.
constexpr std::array kPageMiddlewares = {"orchestrator-down", "orchestrator-no-task",
                                         "orchestrator-not-served"};

store::SiteRecord OnSide(const site::Site& site, RoutingMode side) {
  store::SiteRecord record;
  record.site = site;
  record.phase = side == RoutingMode::kLabels ? Phase::kLabels : Phase::kProvider;
  record.site.served = true;  // what it would be
  return record;
}

// Takes away what the sides say in their own ways.
void KeepComparable(json& routes) {
  for (json& service : routes["http"]["services"]) {
    if (!service.contains("loadBalancer")) continue;
    for (const char* const member : {"server", "servers", "serversTransport"}) {
      service["loadBalancer"].erase(member);
    }
  }
  if (json& middlewares = routes["http"]["middlewares"]; middlewares.is_object()) {
    for (const char* const page : kPageMiddlewares) middlewares.erase(page);
  }
  for (json& router : routes["http"]["routers"]) {
    if (!router.contains("middlewares")) continue;
    json& names = router["middlewares"];
    for (const char* const page : kPageMiddlewares) {
      names.erase(std::remove(names.begin(), names.end(), page), names.end());
    }
  }
}

bool IsAbout(const store::SiteRecord& record, const MigrationOrder& order) {
  if (!order.pool.empty() && record.site.routing.pool != order.pool) return false;
  if (order.kind) return record.site.kind == *order.kind;
  // A service for each is only made when it is asked for.
  return record.site.kind != site::Kind::kExternal || WantedMode(record) == RoutingMode::kLabels;
}

Result<MigrationPlan> PlanNamed(const store::Store& store, const RouteOptions& options,
                                const MigrationOrder& order) {
  std::map<site::SiteId, PlannedSite> sites;
  for (std::size_t i = 0; i < order.sites->size(); ++i) {
    const site::SiteId id = (*order.sites)[i];
    const std::string pointer = fmt::format("/sites/{}", i);
    const auto record = store.Find(id);
    if (!record) return Failure(record.error());
    if (!*record || (*record)->removing) {
      const std::string what = fmt::format("there is no site {}", id.value);
      return Failure(Error{ErrorKind::kNotFound, what, {}, {{pointer, what}}});
    }
    const auto obstacle = LabelObstacle((*record)->site, options);
    if (obstacle && order.to == RoutingMode::kLabels) {
      const std::string what = fmt::format("site {} {}", id.value, *obstacle);
      return Failure(Error{ErrorKind::kInvalid, what, {}, {{pointer, what}}});
    }
    sites.emplace(id, PlanSite(**record, order, options));
  }
  MigrationPlan plan;
  for (auto& [id, planned] : sites) plan.sites.push_back(std::move(planned));
  return plan;
}

}  // namespace

Result<std::string> RoutesOnSide(const site::Site& site, RoutingMode side,
                                 const RouteOptions& options) {
  store::SiteRecord record = OnSide(site, side);
  if (side == RoutingMode::kProvider) {
    const auto fragment = DocumentFragment(record, options);
    if (!fragment) return Failure(fragment.error());
    return traefik::codec::ToJson(DecodedRoutes(*fragment, options));
  }
  RouteOptions without_marker = options;
  without_marker.probe_labels = false;
  traefik::codec::Problems problems;
  const auto labels = ServiceLabels(record, without_marker);
  auto routes = traefik::codec::DecodeLabels(labels, problems, options.version);
  if (!problems.errors.empty()) {
    const traefik::codec::Problem& first = problems.errors.front();
    return Failure(Error{ErrorKind::kInvalid, fmt::format("the labels cannot be read: {} {}",
                                                          first.pointer, first.detail)});
  }
  return traefik::codec::ToJson(routes);
}

Result<std::vector<RouteDifference>> CompareSides(const site::Site& site,
                                                  const RouteOptions& options) {
  const auto labels = RoutesOnSide(site, RoutingMode::kLabels, options);
  if (!labels) return Failure(labels.error());
  const auto document = RoutesOnSide(site, RoutingMode::kProvider, options);
  if (!document) return Failure(document.error());
  json by_labels = json::parse(*labels);
  json by_document = json::parse(*document);
  KeepComparable(by_labels);
  KeepComparable(by_document);
  std::vector<RouteDifference> differences;
  for (const json& change : json::diff(by_labels, by_document)) {
    const auto pointer = change.at("path").get<std::string>();
    const json::json_pointer place(pointer);
    const auto at = [&](const json& routes) {
      return routes.contains(place) ? routes.at(place).dump() : std::string();
    };
    differences.push_back({pointer, at(by_labels), at(by_document)});
  }
  return differences;
}

PlannedSite PlanSite(const store::SiteRecord& record, const MigrationOrder& order,
                     const RouteOptions& options) {
  PlannedSite planned;
  planned.id = record.site.id;
  planned.pool = record.site.routing.pool;
  planned.phase = record.phase;
  planned.mode = record.site.routing.mode;
  planned.followed = record.followed;
  const auto stays = [&](std::string reason) {
    planned.verdict = PlannedSite::Verdict::kStays;
    planned.reason = std::move(reason);
    return planned;
  };
  if (const auto obstacle = LabelObstacle(record.site, options);
      obstacle && order.to == RoutingMode::kLabels) {
    return stays("it " + *obstacle);
  }
  const bool chooses = planned.mode != RoutingMode::kDefault && planned.mode != order.to;
  if (chooses && !order.sites) {
    return stays(fmt::format("its own routing.mode is {}", site::Name(planned.mode)));
  }
  if (!chooses && WantedMode(record) == order.to) {
    planned.verdict = PlannedSite::Verdict::kThere;
    return planned;
  }

  auto differences = CompareSides(record.site, options);
  if (!differences) return stays(differences.error().message);
  planned.differences = *std::move(differences);
  std::vector<std::string> refused;
  for (const RouteDifference& difference : planned.differences) {
    if (std::ranges::find(order.accept, difference.pointer) == order.accept.end()) {
      refused.push_back(difference.pointer);
    }
  }
  if (!refused.empty()) {
    return stays(
        fmt::format("its routes would not be the same: {} (to move it all the same, "
                    "accept each by name)",
                    fmt::join(refused, ", ")));
  }
  return planned;
}

const char* Name(PlannedSite::Verdict verdict) {
  switch (verdict) {
    case PlannedSite::Verdict::kMoves:
      return "moves";
    case PlannedSite::Verdict::kThere:
      return "there";
    case PlannedSite::Verdict::kStays:
      return "stays";
  }
  return "?";
}

std::size_t MigrationPlan::Count(PlannedSite::Verdict verdict) const {
  return static_cast<std::size_t>(std::ranges::count(sites, verdict, &PlannedSite::verdict));
}

Result<MigrationPlan> PlanMigration(const store::Store& store, const RouteOptions& options,
                                    const MigrationOrder& order) {
  if (order.sites) return PlanNamed(store, options, order);
  MigrationPlan plan;
  const auto read = store::ForEachRecord(store, [&](const store::SiteRecord& record) {
    if (!record.removing && IsAbout(record, order)) {
      plan.sites.push_back(PlanSite(record, order, options));
    }
  });
  if (!read) return Failure(read.error());
  return plan;
}

}  // namespace orchestrator::routing
