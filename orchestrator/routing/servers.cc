#include "orchestrator/routing/servers.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace orchestrator::routing {
namespace {

using Ordered = nlohmann::ordered_json;

// The load balancer of this service in rendered members; null where there is none.
Ordered* FindBalancer(Ordered& services, const std::string& name) {
  const auto service = services.find(name);
  if (service == services.end()) return nullptr;
  const auto balancer = service->find("loadBalancer");
  return balancer == service->end() ? nullptr : &*balancer;
}

}  // namespace

traefik::Fragment WithServersOf(const traefik::Fragment& now, traefik::Fragment then,
                                site::SiteId id) {
  const std::string name = site::ServiceName(id);
  auto services = Ordered::parse("{" + then.services + "}");
  auto present = Ordered::parse("{" + now.services + "}");
  Ordered* const to = FindBalancer(services, name);
  const Ordered* const from = FindBalancer(present, name);
  if (!to || !from) return then;
  for (const char* const key : {"servers", "serversTransport"}) {
    if (from->contains(key)) {
      (*to)[key] = from->at(key);
    } else {
      to->erase(key);
    }
  }
  const std::string text = services.dump();
  then.services = text.substr(1, text.size() - 2);
  return then;
}

}  // namespace orchestrator::routing
