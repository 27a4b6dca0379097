#include "orchestrator/routing/transit.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "provider/secret.h"
#include "traefik/codec/edit.h"

namespace orchestrator::routing {
namespace {

constexpr const char* kCheck = "orchestrator-check";
constexpr std::int64_t kCheckPriority = 1 << 20;  // above all of sites

// 0 would mean the length of the rule.
std::int64_t Led(std::int64_t priority, int lead) {
  return priority + lead != 0 ? priority + lead : lead;
}

std::int64_t Effective(std::int64_t priority, std::size_t rule_size) {
  return priority != 0 ? priority : static_cast<std::int64_t>(rule_size);
}

}  // namespace

int DocumentLead(const store::SiteRecord& record) {
  if (record.phase == store::Phase::kToProvider) return -1;
  // Labels that are not ours are as they are.
  return record.phase == store::Phase::kToLabels && !record.adopted_labels.empty() ? 1 : 0;
}

int LabelLead(const store::SiteRecord& record) {
  const bool is_behind =
      record.phase == store::Phase::kToLabels || record.phase == store::Phase::kProvider;
  return is_behind ? -1 : 0;
}

void Lead(traefik::Configuration& routes, int lead) {
  if (lead == 0) return;
  for (auto& [name, router] : routes.routers) {
    router.priority = Led(Effective(router.priority, router.rule.size()), lead);
  }
}

void Lead(traefik::codec::Value& routes, int lead) {
  if (lead == 0) return;
  traefik::codec::ForEachNamed(routes, [&](std::string_view protocol, std::string_view kind,
                                           traefik::codec::Member& router) {
    const std::string_view rule = traefik::codec::TextOf(router.value, "rule");
    if (kind != "routers" || rule.empty()) return;
    const auto* const given = router.value.Find("priority");
    std::int64_t priority = given && given->number() ? *given->number() : 0;
    // Traefik has all connections of a TCP entry point last.
    if (priority == 0 && protocol == "tcp" && rule == "HostSNI(`*`)") priority = -1;
    traefik::codec::Put(router.value, "priority", {Led(Effective(priority, rule.size()), lead)});
  });
}

std::string CheckSecret(const store::SiteRecord& record, const traefik::RevisionProbe& probe) {
  return provider::Sha256Hex(
      fmt::format("check {} {} {}", record.site.id.value, record.routes_revision, probe.secret));
}

void AddCheckRouters(const store::SiteRecord& record, const traefik::RevisionProbe& probe,
                     traefik::Configuration& routes) {
  const std::string secret = CheckSecret(record, probe);
  std::map<std::string, traefik::Router> twins;
  for (const auto& [name, router] : routes.routers) {
    traefik::Router& twin = twins[name + "-check"] = router;
    twin.rule = fmt::format("({}) && Header(`{}`, `{}`)", router.rule, probe.secret_header, secret);
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
