#include "orchestrator/routing/transit.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "traefik/codec/edit.h"

namespace orchestrator::routing {
namespace {

constexpr const char* kCheck = "orchestrator-check";
constexpr std::int64_t kCheckPriority = 1 << 20;  // above all of sites

std::int64_t Effective(std::int64_t priority, std::size_t rule_size) {
  return priority != 0 ? priority : static_cast<std::int64_t>(rule_size);
}

}  // namespace

int DocumentLead(store::Phase phase) {
  switch (phase) {
    case store::Phase::kToProvider:
      return -1;
    case store::Phase::kToLabels:
      return 1;
    default:
      return 0;
  }
}

void Lead(traefik::Configuration& routes, int lead) {
  if (lead == 0) return;
  for (auto& [name, router] : routes.routers) {
    router.priority = Effective(router.priority, router.rule.size()) + lead;
  }
}

void Lead(traefik::codec::Value& routes, int lead) {
  if (lead == 0) return;
  traefik::codec::ForEachNamed(
      routes, [&](std::string_view, std::string_view kind, traefik::codec::Member& router) {
        const std::string_view rule = traefik::codec::TextOf(router.value, "rule");
        if (kind != "routers" || rule.empty()) return;
        const auto* const given = router.value.Find("priority");
        const std::int64_t priority = given && given->number() ? *given->number() : 0;
        traefik::codec::Put(router.value, "priority", {Effective(priority, rule.size()) + lead});
      });
}

void AddCheckRouters(traefik::Configuration& routes, const traefik::RevisionProbe& probe) {
  std::map<std::string, traefik::Router> twins;
  for (const auto& [name, router] : routes.routers) {
    traefik::Router& twin = twins[name + "-check"] = router;
    twin.rule =
        fmt::format("({}) && Header(`{}`, `{}`)", router.rule, probe.secret_header, probe.secret);
    twin.priority = kCheckPriority + Effective(router.priority, router.rule.size());
    twin.middlewares.insert(twin.middlewares.begin(), kCheck);
  }
  if (twins.empty()) return;
  routes.middlewares[kCheck] =
      traefik::Headers{.custom_request_headers = {{probe.secret_header, ""}}};
  routes.routers.merge(twins);
}

bool IsChecked(const store::SiteRecord& record, const RouteOptions& options) {
  const site::Routing& routing = record.site.routing;
  // Labels that are not ours are not added to.
  if (record.phase == store::Phase::kToLabels && !record.adopted_labels.empty()) return false;
  // What its extra does to its own routers is not known here; the probe's entry points speak HTTP.
  if (!options.probe_labels || !record.site.served || !routing.extra.empty() || routing.tls) {
    return false;
  }
  if (!routing.entry_points) return true;
  return std::ranges::any_of(*routing.entry_points, [&](const std::string& name) {
    return std::ranges::find(options.entry_points, name) != options.entry_points.end();
  });
}

}  // namespace orchestrator::routing
