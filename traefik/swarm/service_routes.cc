#include "traefik/swarm/service_routes.h"

#include <utility>

#include <fmt/format.h>

#include "traefik/base/json_text.h"
#include "traefik/codec/decoder.h"
#include "traefik/codec/edit.h"
#include "traefik/codec/labels.h"

namespace traefik::swarm {
namespace {

using codec::IsTrue;
using codec::List;
using codec::Member;
using codec::Object;
using codec::Problems;
using codec::TextOf;
using codec::Value;

constexpr std::string_view kComposeProject = "com.docker.compose.project";
constexpr std::string_view kComposeService = "com.docker.compose.service";

const Object* NamedIn(const Value& configuration, std::string_view protocol,
                      std::string_view kind) {
  const Object& named = codec::ObjectsOf(configuration, protocol, kind);
  return named.empty() ? nullptr : &named;
}

std::string WithPort(const std::string& address, const std::string& port) {
  return address.contains(':') ? fmt::format("[{}]:{}", address, port)
                               : fmt::format("{}:{}", address, port);
}

// An HTTP service with all that Traefik fills in.
Value DefaultHttpService(schema::Version target) {
  Problems none;
  const Value document = codec::DecodeDocument(
      R"({"http": {"services": {"s": {"loadBalancer": {"servers": [{"url": "u"}]}}}}})", none,
      codec::Source::kDocument, target);
  return *document.Find("http")->Find("services")->Find("s");
}

class Builder {
 public:
  Builder(const Service& service, const ProviderOptions& options, Problems& problems)
      : service_(service), options_(options), problems_(problems) {
    const auto project = service.labels.find(std::string(kComposeProject));
    const auto compose = service.labels.find(std::string(kComposeService));
    const bool is_compose = project != service.labels.end() && compose != service.labels.end();
    name_ = Normalize(is_compose ? compose->second + "_" + project->second : service.name);
  }

  Value Build() {
    configuration_ = codec::DecodeLabels(service_.labels, problems_, options_.version);
    if (!problems_.errors.empty()) return {};
    bool streams = false;
    for (const std::string_view protocol : {"tcp", "udp"}) {
      if (!NamedIn(configuration_, protocol, "routers") &&
          !NamedIn(configuration_, protocol, "services")) {
        continue;
      }
      streams = true;
      if (!AddServers(protocol)) return {};
      LinkRouters(protocol);
    }
    const bool has_http = NamedIn(configuration_, "http", "routers") ||
                          NamedIn(configuration_, "http", "services") ||
                          NamedIn(configuration_, "http", "middlewares");
    if (streams && !has_http) return std::move(configuration_);
    if (!AddServers("http")) return {};
    Value& http = codec::ObjectAt(configuration_, "http");
    if (!NamedIn(configuration_, "http", "routers")) {
      if (NamedIn(configuration_, "http", "services")->size() > 1) {
        Warn("traefik.http.routers", "is missing: with several services Traefik makes no router");
      } else {
        codec::Put(codec::ObjectAt(http, "routers"), name_, Value{Object()});
      }
    }
    LinkRouters("http");
    return std::move(configuration_);
  }

 private:
  void Warn(std::string label, std::string detail) {
    problems_.warnings.push_back({std::move(label), std::move(detail)});
  }

  bool Fail(std::string label, std::string detail) {
    problems_.errors.push_back({std::move(label), std::move(detail)});
    return false;
  }

  bool AddServers(std::string_view protocol) {
    Value& services = codec::NamedAt(configuration_, protocol, "services");
    auto& members = std::get<Object>(services.data);
    if (members.empty()) {
      Value service = DefaultHttpService(options_.version);
      if (protocol != "http") service = Value{Object{{"loadBalancer", Value{Object()}}}};
      codec::ListAt(codec::ObjectAt(service, "loadBalancer"), "servers").data = List();
      codec::Put(services, name_, std::move(service));
    }
    for (Member& service : members) {
      const std::string label = fmt::format("traefik.{}.services.{}", protocol, service.name);
      if (!service.value.Find("loadBalancer")) {
        return Fail(label, "has no loadbalancer: labels of a service can say nothing else");
      }
      if (!AddServers(protocol, label, codec::ObjectAt(service.value, "loadBalancer"))) {
        return false;
      }
    }
    return true;
  }

  bool AddServers(std::string_view protocol, const std::string& label, Value& balancer) {
    auto& servers = std::get<List>(codec::ListAt(balancer, "servers").data);
    if (servers.empty()) servers.push_back(Value{Object()});
    Value first = servers.front();
    if (!first.object()) first.data = Object();
    const std::string port(TextOf(first, "port"));
    const std::string scheme(TextOf(first, "scheme"));
    if (protocol == "http" && !TextOf(first, "url").empty()) {
      if (port.empty() && scheme.empty()) return true;
      return Fail(label + ".loadbalancer.server.url", "cannot be together with port or scheme");
    }
    if (service_.addresses.empty()) {
      return Fail(label, "has no address: no task of the service runs in a network of Traefik");
    }
    // A swarm does not say which ports a task listens on.
    if (port.empty()) {
      return Fail(label + ".loadbalancer.server.port",
                  "is needed: Traefik cannot tell the port of a service of a swarm");
    }
    std::erase_if(std::get<Object>(first.data), [](const Member& member) {
      return member.name == "port" || (member.name == "scheme");
    });
    servers.clear();
    for (const std::string& address : service_.addresses) {
      Value server = first;
      if (protocol == "http") {
        codec::Put(server, "url",
                   Value{fmt::format("{}://{}", scheme.empty() ? "http" : scheme,
                                     WithPort(address, port))});
      } else {
        codec::Put(server, "address", Value{WithPort(address, port)});
      }
      servers.push_back(std::move(server));
    }
    return true;
  }

  // Rules and services that routers leave out.
  void LinkRouters(std::string_view protocol) {
    if (!NamedIn(configuration_, protocol, "routers")) return;
    Value& section = codec::ObjectAt(configuration_, protocol);
    const Object& services = *NamedIn(configuration_, protocol, "services");
    const std::string only_service = services.size() == 1 ? services.front().name : "";
    auto& routers = std::get<Object>(codec::ObjectAt(section, "routers").data);
    std::erase_if(routers, [&](Member& router) {
      const std::string label = fmt::format("traefik.{}.routers.{}", protocol, router.name);
      if (protocol != "udp" && TextOf(router.value, "rule").empty()) {
        if (protocol == "tcp") {
          Warn(label, "has no rule: Traefik leaves it out");
          return true;
        }
        const auto rule =
            Evaluate(options_.default_rule, {.name = name_, .labels = service_.labels});
        if (!rule || rule->empty()) {
          Warn(label, rule ? "has no rule, and the default rule is empty: Traefik leaves it out"
                           : "has no rule, and the default rule " + rule.error());
          return true;
        }
        if (!router.value.object()) router.value.data = Object();
        codec::Put(router.value, "rule", Value{*rule});
      }
      if (!TextOf(router.value, "service").empty()) return false;
      if (only_service.empty()) {
        Warn(label + ".service",
             "is needed where there are several services: Traefik leaves the router out");
        return true;
      }
      if (!router.value.object()) router.value.data = Object();
      codec::Put(router.value, "service", Value{only_service});
      return false;
    });
    if (routers.empty()) {
      std::erase_if(std::get<Object>(section.data),
                    [](const Member& member) { return member.name == "routers"; });
    }
  }

  const Service& service_;
  const ProviderOptions& options_;
  Problems& problems_;
  std::string name_;
  Value configuration_;
};

}  // namespace

ServiceRoutes RoutesOf(const Service& service, const ProviderOptions& options, Problems& problems) {
  ServiceRoutes routes;
  const Value about = codec::DecodeServiceLabels(service.labels, problems);
  if (!problems.errors.empty()) return routes;
  routes.enabled = about.Find("enable") ? IsTrue(about, "enable") : options.exposed_by_default;
  if (about.Find("docker") && about.Find("swarm")) {
    problems.errors.push_back(
        {"traefik.docker",
         "cannot be together with traefik.swarm: Traefik passes the service over"});
    return routes;
  }
  const Value* own = about.Find("swarm") ? about.Find("swarm") : about.Find("docker");
  if (own) {
    if (own->Find("network")) routes.network = TextOf(*own, "network");
    routes.load_balanced = IsTrue(*own, "lbswarm");
  }
  if (routes.enabled) routes.configuration = Builder(service, options, problems).Build();
  return routes;
}

}  // namespace traefik::swarm
