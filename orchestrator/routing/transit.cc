#include "orchestrator/routing/transit.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "provider/base/secret.h"
#include "traefik/codec/edit.h"

namespace orchestrator::routing {
namespace {

using traefik::codec::Member;
using traefik::codec::Value;

constexpr const char* kCheck = "orchestrator-check";
constexpr std::int64_t kCheckPriority = 1 << 20;  // above all of sites

// 0 would mean the length of the rule.
std::int64_t Led(std::int64_t priority, int lead) {
  return priority + lead != 0 ? priority + lead : lead;
}

std::int64_t Effective(std::int64_t priority, std::size_t rule_size) {
  return priority != 0 ? priority : static_cast<std::int64_t>(rule_size);
}

// "site_0017-x-a" → "site_0017-check-x-a": no name that an extra can give.
std::string CheckName(std::string name, site::SiteId id) {
  const std::string own = site::ServiceName(id);
  return name.insert(name.starts_with(own) ? own.size() : name.size(), "-check");
}

// What the router says itself; 0: nothing.
std::int64_t PriorityOf(const Value& router) {
  const Value* const given = router.Find("priority");
  return given && given->number() ? *given->number() : 0;
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
    std::int64_t priority = PriorityOf(router.value);
    // Traefik has all connections of a TCP entry point last.
    if (priority == 0 && protocol == "tcp" && rule == "HostSNI(`*`)") priority = -1;
    traefik::codec::Put(router.value, "priority", {Led(Effective(priority, rule.size()), lead)});
  });
}

std::string CheckSecret(const store::SiteRecord& record, const traefik::RevisionProbe& probe) {
  return provider::Sha256Hex(
      fmt::format("check {} {} {}", record.site.id.value, record.routes_revision, probe.secret));
}

Value CheckRouters(const store::SiteRecord& record, const traefik::RevisionProbe& probe,
                   const Value& routes) {
  const std::string secret = CheckSecret(record, probe);
  Value checks;
  for (const Member& router : traefik::codec::ObjectsOf(routes, "http", "routers")) {
    const std::string_view rule = traefik::codec::TextOf(router.value, "rule");
    if (rule.empty()) continue;
    Value twin = router.value;
    traefik::codec::Put(
        twin, "rule",
        {fmt::format("({}) && Header(`{}`, `{}`)", rule, probe.secret_header, secret)});
    traefik::codec::Put(twin, "priority",
                        {kCheckPriority + Effective(PriorityOf(twin), rule.size())});
    auto& middlewares =
        std::get<traefik::codec::List>(traefik::codec::ListAt(twin, "middlewares").data);
    middlewares.insert(middlewares.begin(), Value{std::string(kCheck)});
    traefik::codec::Put(traefik::codec::NamedAt(checks, "http", "routers"),
                        CheckName(router.name, record.site.id), std::move(twin));
  }
  if (checks.object() == nullptr) return checks;
  Value strip;
  traefik::codec::Put(
      traefik::codec::ObjectAt(traefik::codec::ObjectAt(strip, "headers"), "customRequestHeaders"),
      probe.secret_header, Value{std::string()});
  traefik::codec::Put(
      traefik::codec::ObjectAt(traefik::codec::ObjectAt(strip, "headers"), "customResponseHeaders"),
      kCheckHeader, Value{std::string("yes")});
  traefik::codec::Put(traefik::codec::NamedAt(checks, "http", "middlewares"), kCheck,
                      std::move(strip));
  return checks;
}

bool IsChecked(const store::SiteRecord& record, const RouteOptions& options) {
  const site::Routing& routing = record.site.routing;
  // Labels that are not ours are not added to.
  if (record.phase == store::Phase::kToLabels && !record.adopted_labels.empty()) return false;
  if (!options.probe_labels || !record.site.served) return false;
  // Which names have the entry points with TLS is not known; where a site does not answer at the
  // one that is asked, nothing is compared.
  if (routing.tls) return options.probe_tls;
  if (!routing.entry_points) return true;
  return std::ranges::any_of(*routing.entry_points, [&](const std::string& name) {
    return std::ranges::find(options.entry_points, name) != options.entry_points.end();
  });
}

}  // namespace orchestrator::routing
