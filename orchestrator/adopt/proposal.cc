#include "orchestrator/adopt/proposal.h"

#include <algorithm>
#include <expected>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orchestrator/adopt/director_service.h"
#include "orchestrator/adopt/labels.h"
#include "orchestrator/adopt/taken_routes.h"
#include "orchestrator/deploy/service_spec.h"
#include "orchestrator/routing/routes.h"
#include "orchestrator/site/codec.h"

namespace orchestrator::adopt {
namespace {

using Failure = std::unexpected<std::string>;
using Checked = std::expected<void, std::string>;

constexpr std::uint16_t kSitePort = 80;
constexpr site::Bytes kLargestBody{std::int64_t{1} << 46};  // as orchestrator/site/codec.cc

bool IsOurs(const docker::ServiceSpec& spec) {
  return spec.labels.contains(std::string(deploy::kSiteLabel));
}

// What one service becomes, but for what depends on the other proposals.
class ServiceReader {
 public:
  ServiceReader(const docker::ServiceSpec& spec, const RoutingLabels& labels,
                const ProposeOptions& options, std::vector<std::string>& remarks)
      : spec_(spec), labels_(labels), options_(options), remarks_(remarks) {}

  std::expected<site::Site, std::string> Read(const Middlewares& middlewares,
                                              std::optional<site::SiteId> director_id) {
    auto read = ReadRoutes(labels_, middlewares);
    if (!read) return Failure(read.error());
    routes_ = *std::move(read);
    remarks_ = routes_.remarks;
    site::Site site;
    if (director_id) {
      if (routes_.port.value_or(kSitePort) != kSitePort) {
        return Failure(fmt::format("its labels name the port {}; sites listen at {}", *routes_.port,
                                   kSitePort));
      }
      if (!spec_.replicated) {
        return Failure("the swarm runs it on every node or as a job; sites have one task");
      }
      site = ReadDirectorService(spec_, *director_id, options_, remarks_);
    } else {
      if (auto good = BecomeExternal(site); !good) return Failure(good.error());
    }
    SetAddresses(site);
    SetRouting(site);
    RemarkOnTheRest();
    if (auto good = CheckPriorities(site); !good) return Failure(good.error());
    return site;
  }

 private:
  Checked BecomeExternal(site::Site& site) {
    site.kind = site::Kind::kExternal;
    if (!routes_.port) {
      remarks_.push_back(fmt::format(
          "no label loadbalancer.server.port names its port; the site uses {}", kSitePort));
    }
    site.upstreams = {fmt::format("http://{}:{}", spec_.name, routes_.port.value_or(kSitePort))};
    // By its name the swarm chooses the task, whatever cookie a visitor has.
    if (routes_.sticky_cookie && spec_.replicas > 1) {
      return Failure(
          fmt::format("its label loadbalancer.sticky.cookie keeps visitors at one of {} "
                      "tasks, and an external site cannot tell these apart",
                      spec_.replicas));
    }
    if (routes_.health_check && spec_.replicas > 1) {
      remarks_.push_back(fmt::format(
          "its label loadbalancer.healthcheck asks each of {} tasks; the site asks the service, so "
          "that any of them may answer",
          spec_.replicas));
    }
    if (spec_.replicas == 0) remarks_.push_back("the service has no tasks at present");
    return {};
  }

  // Routers that are called like the site are those of its own path (routing/routes.cc): then the
  // path is the site's instead of each address's.
  void SetAddresses(site::Site& site) {
    const std::string name = site::ServiceName(site.id);
    std::set<std::optional<traefik::PathPrefix>> own_paths;
    bool whole_hosts = false;
    for (const TakenRouter& router : routes_.routers) {
      const bool own = router.name == name || router.name == name + "-wildcard";
      for (const site::Address& address : router.addresses) {
        if (own) own_paths.insert(address.path);
        whole_hosts |= !address.path;
        if (std::ranges::find(site.hosts, address) == site.hosts.end()) {
          site.hosts.push_back(address);
        }
      }
    }
    if (whole_hosts || own_paths.size() != 1) return;
    site.routing.path_prefix = *own_paths.begin();
    for (site::Address& address : site.hosts) {
      if (address.path == site.routing.path_prefix) address.path.reset();
    }
  }

  void SetRouting(site::Site& site) {
    if (routes_.entry_points.empty()) {
      remarks_.push_back(fmt::format(
          "its routers name no entry points and answer at all that Traefik has by default; the "
          "site answers at {}",
          fmt::join(options_.entry_points, ", ")));
    } else if (routes_.entry_points != options_.entry_points) {
      site.routing.entry_points = routes_.entry_points;
    }
    site.routing.tls = routes_.tls;
    site.routing.health_check = routes_.health_check;
    site.routing.sticky = routes_.sticky_cookie.has_value();
    site.resources.max_request_body =
        std::min(routes_.body_limit.value_or(kLargestBody), kLargestBody);
    if (routes_.body_limit != site.resources.max_request_body) {
      remarks_.push_back(fmt::format(
          "request bodies have {}; the site has the largest that there is, {} bytes, and "
          "Traefik reads a body whole before it passes it on",
          routes_.body_limit ? "a limit beyond those of sites" : "no limit", kLargestBody.count));
    }
  }

  void RemarkOnTheRest() {
    if (!options_.network.empty() && !labels_.network.empty() &&
        labels_.network != options_.network) {
      remarks_.push_back(fmt::format(
          "its labels name the network {}; the site is reached through {}, which the service must "
          "be in",
          labels_.network, options_.network));
    }
    if (!labels_.enabled) {
      remarks_.push_back(
          "the label traefik.enable keeps Traefik away from it; the site's routes will be there");
    }
  }

  // Sites order their routers themselves; a priority that says something else is lost.
  Checked CheckPriorities(const site::Site& site) {
    for (const TakenRouter& router : routes_.routers) {
      for (const site::Address& taken : router.addresses) {
        const std::int64_t priority = SitePriority(site, taken);
        if (router.priority == priority) continue;
        if (router.priority != 0) {
          return Failure(
              fmt::format("the label {} is {}; sites have no priorities of their own, "
                          "and that of {} would be {}",
                          router.priority_label, router.priority, site::Text(taken), priority));
        }
        remarks_.push_back(
            fmt::format("the router {} has the priority of its rule's length; the site's has {}, "
                        "by which exact "
                        "hosts go before wildcards and paths before whole hosts",
                        router.name, priority));
        break;
      }
    }
    return {};
  }

  static std::int64_t SitePriority(const site::Site& site, const site::Address& address) {
    site::Site single = site;
    single.served = true;
    single.hosts = {address};
    return routing::DocumentRoutes(single, {}).routers.begin()->second.priority;
  }

  const docker::ServiceSpec& spec_;
  const RoutingLabels& labels_;
  const ProposeOptions& options_;
  std::vector<std::string>& remarks_;
  TakenRoutes routes_;
};

// Goes through the services in order and knows what the earlier ones have.
class Proposer {
 public:
  Proposer(const std::set<site::SiteId>& taken_ids, const ProposeOptions& options)
      : taken_ids_(taken_ids), options_(options) {
    largest_id_ = {options.next_id.value - 1};
    if (!taken_ids.empty()) largest_id_ = std::max(largest_id_, *taken_ids.rbegin());
  }

  // What all services together say.
  void Know(const docker::ServiceSpec& spec, const RoutingLabels& labels) {
    if (const auto id = site::ParseServiceName(spec.name)) largest_id_ = std::max(largest_id_, *id);
    if (!labels.enabled) return;
    AddMiddlewares(labels, middlewares_);
    for (const auto& [key, middleware] : labels.middlewares) {
      definers_[middleware.name].insert(spec.name);
    }
    for (const auto& [key, router] : labels.routers) {
      const auto names = router.options.find("middlewares");
      if (names == router.options.end()) continue;
      for (const std::string& name : SplitList(names->second.value)) {
        users_[std::string(WithoutProvider(name))].insert(spec.name);
      }
    }
  }

  Proposal Propose(const docker::ServiceSpec& spec, const RoutingLabels& labels) {
    Proposal proposal;
    proposal.service = spec.name;
    const auto director_id = site::ParseServiceName(spec.name);
    proposal.takes_over_service = director_id.has_value();
    proposal.labels = {spec.labels.begin(), spec.labels.end()};
    if (director_id && taken_ids_.contains(*director_id)) {
      proposal.refusal = fmt::format("there is a site with the id {} already", director_id->value);
      return proposal;
    }
    // What a service that Traefik does not see defines is for its own routers only.
    Middlewares own;
    if (!labels.enabled) {
      own = middlewares_;
      AddMiddlewares(labels, own);
    }
    ServiceReader reader(spec, labels, options_, proposal.remarks);
    auto site = reader.Read(labels.enabled ? middlewares_ : own, director_id);
    Checked accepted = site ? Accept(*site, spec.name) : Failure(site.error());
    if (accepted) {
      proposal.site = *std::move(site);
      if (director_id) proposal.built_image = BuiltImageOf(spec, *director_id);
      RemarkOnSharedMiddlewares(spec.name, labels, proposal.remarks);
    } else {
      proposal.refusal = std::move(accepted.error());
    }
    return proposal;
  }

 private:
  // The service's labels go when a site takes over its routing, and with them what others use.
  void RemarkOnSharedMiddlewares(const std::string& service, const RoutingLabels& labels,
                                 std::vector<std::string>& remarks) const {
    for (const auto& [key, middleware] : labels.middlewares) {
      const auto definers = definers_.find(middleware.name);
      const auto users = users_.find(middleware.name);
      if (definers == definers_.end() || definers->second.size() > 1) continue;
      if (users == users_.end()) continue;
      std::set<std::string> others = users->second;
      others.erase(service);
      if (others.empty()) continue;
      remarks.push_back(
          fmt::format("only its labels define the middleware {}, which these services use, too: {}",
                      middleware.name, fmt::join(others, ", ")));
    }
  }

  Checked Accept(site::Site& site, const std::string& service) {
    for (const site::Address& address : site.hosts) {
      if (const auto other = owners_.find(Whole(site, address)); other != owners_.end()) {
        return Failure(fmt::format("{} is already what the service {} answers at",
                                   site::Text(other->first), other->second));
      }
    }
    const bool external = site.kind == site::Kind::kExternal;
    if (external) {
      if (largest_id_.value >= site::SiteId::kLargest) {
        return Failure(fmt::format("there is no free id above {}", largest_id_.value));
      }
      site.id = {largest_id_.value + 1};
    }
    if (const auto valid = site::Parse(site::ToJson(site)); !valid) {
      return Failure(fmt::format("the site would not be valid: {}", valid.error().message));
    }
    if (external) largest_id_ = site.id;
    for (const site::Address& address : site.hosts) owners_[Whole(site, address)] = service;
    return {};
  }

  static site::Address Whole(const site::Site& site, site::Address address) {
    if (const traefik::PathPrefix* const path = site::EffectivePath(site, address)) {
      address.path = *path;
    }
    return address;
  }

  const std::set<site::SiteId>& taken_ids_;
  const ProposeOptions& options_;
  site::SiteId largest_id_;
  Middlewares middlewares_;
  std::map<std::string, std::set<std::string>> definers_;  // of a middleware: services
  std::map<std::string, std::set<std::string>> users_;     // of a middleware: services
  std::map<site::Address, std::string> owners_;            // the service that an address goes to
};

void RemarkOnCookie(const RoutingLabels& labels, const site::Site& site,
                    std::vector<std::string>& remarks) {
  if (!site.routing.sticky) return;
  const Options& options = labels.services.begin()->second.options;
  const auto name = options.find("loadbalancer.sticky.cookie.name");
  const std::string wanted = site::ServiceName(site.id);
  if (name != options.end() && name->second.value == wanted) return;
  remarks.push_back(
      fmt::format("its sticky cookie is {}; the site's is {}, so that visitors may "
                  "change to another task once",
                  name == options.end() ? "named by Traefik" : name->second.value, wanted));
}

}  // namespace

std::vector<Proposal> Propose(const std::vector<docker::Service>& services,
                              const std::set<site::SiteId>& taken_ids,
                              const ProposeOptions& options) {
  std::map<std::string, std::pair<const docker::ServiceSpec*, RoutingLabels>> by_name;
  Proposer proposer(taken_ids, options);
  for (const docker::Service& service : services) {
    by_name[service.spec.name] = {&service.spec, ReadLabels(service.spec.labels)};
  }
  for (const auto& [name, known] : by_name) proposer.Know(*known.first, known.second);

  std::vector<Proposal> proposals;
  for (const auto& [name, known] : by_name) {
    const auto& [spec, labels] = known;
    if (IsOurs(*spec) || !labels.any) continue;
    if (!labels.enabled && !site::ParseServiceName(name)) continue;
    proposals.push_back(proposer.Propose(*spec, labels));
    Proposal& last = proposals.back();
    if (last.site) RemarkOnCookie(labels, *last.site, last.remarks);
  }
  return proposals;
}

}  // namespace orchestrator::adopt
