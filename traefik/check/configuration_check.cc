#include "traefik/check/configuration_check.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "traefik/check/middleware_check.h"
#include "traefik/check/section.h"
#include "traefik/check/url.h"
#include "traefik/rules/rule_check.h"

namespace traefik::check {
namespace {

// Above this Traefik's own routers are: pkg/server/router.
constexpr std::int64_t kLargestPriority = 9'223'372'036'854'774'807;

class Checker {
 public:
  Checker(const Value& configuration, std::string_view protocol, schema::Version target,
          Problems& problems)
      : protocol_(protocol),
        target_(target),
        routers_(configuration, protocol, "routers"),
        services_(configuration, protocol, "services"),
        middlewares_(configuration, protocol, "middlewares"),
        transports_(configuration, protocol, "serversTransports"),
        tls_options_(configuration, "tls", "options"),
        problems_(problems) {}

  void Check() {
    for (const Member& router : routers_.members()) {
      for (const std::string_view parent : TextsOf(router.value, "parentRefs")) {
        parents_.insert(parent);
      }
    }
    for (const Member& router : routers_.members()) CheckRouter(router);
    for (const Member& service : services_.members()) CheckService(service);
    for (const Member& middleware : middlewares_.members()) CheckMiddlewareOf(middleware);
    if (protocol_ == "tcp") {
      for (const Member& transport : transports_.members()) {
        CheckProxyProtocol(transport.value, {&transports_.path(), transport.name});
      }
    }
    if (protocol_ == "http") CheckTlsOptions();
    SayLoops(routers_, parent_loops_, "parentRefs");
    SayLoops(services_, service_loops_, "");
    SayLoops(middlewares_, chain_loops_, "");
  }

 private:
  void CheckRouter(const Member& member) {
    const Path path{&routers_.path(), member.name};
    const Value& router = member.value;
    const bool is_parent = parents_.contains(member.name);
    const bool is_child = router.Find("parentRefs") != nullptr;
    if (protocol_ != "udp") CheckRule(member, path);
    if (const Value* priority = router.Find("priority");
        priority && *priority->number() > kLargestPriority) {
      Fail(problems_, {&path, "priority"}, fmt::format("must be at most {}", kLargestPriority));
    }
    const std::string_view service = TextOf(router, "service");
    if (service.empty() && !is_parent) {
      Fail(problems_, path, "must name a service");
    } else if (!service.empty() && is_parent) {
      Fail(problems_, {&path, "service"},
           "must be left out: other routers name this one as parent");
    } else {
      Refer(services_, service, {&path, "service"}, "service");
    }
    for (const std::string_view name : TextsOf(router, "middlewares")) {
      Refer(middlewares_, name, {&path, "middlewares"}, "middleware");
    }
    if (is_child) CheckChild(member.name, router, path);
    const Value* tls = router.Find("tls");
    const std::string_view options = tls ? TextOf(*tls, "options") : std::string_view();
    if (options != kDefaultOptions) {
      const Path tls_path{&path, "tls"};
      Refer(tls_options_, options, {&tls_path, "options"}, "TLS options");
    }
  }

  void CheckRule(const Member& member, const Path& path) {
    const Value& router = member.value;
    const std::string_view rule = TextOf(router, "rule");
    const Path place{&path, "rule"};
    if (rule.empty()) {
      Fail(problems_, place, "must not be empty");
      return;
    }
    // Every other word counts as v3 there, too.
    const bool v2 = TextOf(router, "ruleSyntax") == "v2" || target_ < schema::kV3_0;
    const auto syntax = v2 ? rules::Syntax::kV2 : rules::Syntax::kV3;
    const auto hosts = rules::CheckRule(
        rule, protocol_ == "http" ? rules::Protocol::kHttp : rules::Protocol::kTcp, syntax);
    if (!hosts) {
      Fail(problems_, place, hosts.error());
      return;
    }
    if (protocol_ == "http" && router.Find("tls")) NoteTlsOptions(member, *hosts);
    if (protocol_ == "tcp" && !router.Find("tls") && !hosts->empty() && hosts->front() != "*") {
      Fail(problems_, place,
           "names a host, which TCP tells with TLS only: add tls, or use "
           "HostSNI(`*`)");
    }
  }

  // By which TLS options a router wants to be reached: those of a host are chosen before anything
  // but its name and the entry point is known.
  void NoteTlsOptions(const Member& router, const std::vector<std::string>& hosts) {
    const std::string_view options = TlsOptionsOf(router.value);
    if (hosts.empty() && options != kDefaultOptions) {
      Warn(TlsPointer(router),
           "is not used: Traefik chooses TLS options by a host in the rule, and there is none");
    }
    for (const std::string& host : hosts) {
      auto& users = tls_by_host_[host];
      if (users.empty() || users.back() != &router) users.push_back(&router);
    }
  }

  static std::string_view TlsOptionsOf(const Value& router) {
    const std::string_view options = TextOf(*router.Find("tls"), "options");
    return options.empty() ? kDefaultOptions : options;
  }

  std::string TlsPointer(const Member& router) const {
    const Path path{&routers_.path(), router.name};
    const Path tls{&path, "tls"};
    return Path{&tls, "options"}.Pointer();
  }

  // The entry points of a router; an empty name for all that there are.
  static std::vector<std::string_view> PointsOf(const Value& router) {
    auto points = TextsOf(router, "entryPoints");
    if (points.empty()) points.emplace_back();
    return points;
  }

  void CheckTlsOptions() {
    for (const auto& [host, users] : tls_by_host_) {
      const auto same = [&](const Member* router) {
        return TlsOptionsOf(router->value) == TlsOptionsOf(users.front()->value);
      };
      if (std::ranges::all_of(users, same)) continue;
      std::map<std::string_view, std::set<std::string_view>> by_point;
      std::set<std::string_view> everywhere;
      for (const Member* router : users) {
        const std::string_view options = TlsOptionsOf(router->value);
        everywhere.insert(options);
        for (const std::string_view point : PointsOf(router->value)) {
          by_point[point].insert(options);
        }
      }
      for (const Member* router : users) WarnOfOtherOptions(host, *router, by_point, everywhere);
    }
  }

  void WarnOfOtherOptions(const std::string& host, const Member& router,
                          const std::map<std::string_view, std::set<std::string_view>>& by_point,
                          const std::set<std::string_view>& everywhere) {
    const std::string_view own = TlsOptionsOf(router.value);
    std::string_view other;
    const auto look = [&](const std::set<std::string_view>& options) {
      for (const std::string_view one : options) {
        if (one != own) other = one;
      }
    };
    for (const std::string_view point : PointsOf(router.value)) {
      if (point.empty()) {
        look(everywhere);
        continue;
      }
      look(by_point.at(point));
      if (const auto all = by_point.find(""); all != by_point.end()) look(all->second);
    }
    if (other.empty() || !warned_.insert(&router).second) return;
    Warn(TlsPointer(router),
         fmt::format("is not used: another router of the host {} has the TLS options {}, so "
                     "Traefik takes its default ones for both",
                     host, other));
  }

  void Warn(std::string pointer, std::string detail) {
    problems_.warnings.push_back({std::move(pointer), std::move(detail), 0, 0});
  }

  void CheckChild(std::string_view name, const Value& router, const Path& path) {
    for (const char* option : {"entryPoints", "tls", "observability"}) {
      if (router.Find(option)) {
        Fail(problems_, {&path, option}, "is for routers without parentRefs only");
      }
    }
    for (const std::string_view parent : TextsOf(router, "parentRefs")) {
      Refer(routers_, parent, {&path, "parentRefs"}, "router");
      if (routers_.Has(parent)) parent_loops_.Add(name, parent);
    }
  }

  void CheckService(const Member& member) {
    static constexpr std::array<std::string_view, 5> kKinds = {
        "loadBalancer", "weighted", "mirroring", "failover", "highestRandomWeight"};
    const Path path{&services_.path(), member.name};
    std::string_view kind;
    for (const std::string_view name : kKinds) {
      if (!member.value.Find(name)) continue;
      if (!kind.empty()) {
        Fail(problems_, path,
             fmt::format("has several kinds ({}, {}): make a service of each", kind, name));
        return;
      }
      kind = name;
    }
    if (kind.empty()) {
      Fail(problems_, path, "has no kind: name one, as loadBalancer");
      return;
    }
    for (const std::string_view name : TextsOf(member.value, "middlewares")) {
      Refer(middlewares_, name, {&path, "middlewares"}, "middleware");
    }
    const Path place{&path, kind};
    const Value& options = *member.value.Find(kind);
    Refer(transports_, TextOf(options, "serversTransport"), {&place, "serversTransport"},
          "servers transport");
    if (kind == "loadBalancer") CheckLoadBalancer(options, place);
    if (kind == "mirroring" || kind == "failover") {
      Need(member.name, TextOf(options, "service"), {&place, "service"});
    }
    if (kind == "failover") {
      Need(member.name, TextOf(options, "fallback"), {&place, "fallback"});
      CheckFailover(options, place);
    }
    for (const char* option : {"services", "mirrors"}) {
      const Value* parts = options.Find(option);
      if (!parts || !parts->list()) continue;
      for (const Value& part : *parts->list()) {
        Need(member.name, TextOf(part, "name"), {&place, option});
        if (kind != "mirroring") NeedHealthOf(options, TextOf(part, "name"), {&place, option});
        const Value* weight = part.Find("weight");
        if (protocol_ != "http" && weight && *weight->number() < 0) {
          Fail(problems_, {&place, option}, "weight must not be negative");
        }
        const Value* percent = part.Find("percent");
        if (percent && (*percent->number() < 0 || *percent->number() > 100)) {
          Fail(problems_, {&place, option}, "percent must be from 0 to 100");
        }
      }
    }
  }

  void CheckLoadBalancer(const Value& options, const Path& path) {
    CheckStrategy(options, path);
    const Value* servers = options.Find("servers");
    for (const Value& server : servers && servers->list() ? *servers->list() : codec::List()) {
      const std::string problem = UrlProblem(TextOf(server, "url"));
      if (!problem.empty()) Fail(problems_, {&path, "servers"}, "a URL " + problem);
    }
    if (protocol_ == "tcp") CheckProxyProtocol(options, path);
  }

  void CheckProxyProtocol(const Value& owner, const Path& path) {
    const Value* proxy = owner.Find("proxyProtocol");
    const Value* version = proxy ? proxy->Find("version") : nullptr;
    if (!version || *version->number() == 1 || *version->number() == 2) return;
    const Path place{&path, "proxyProtocol"};
    Fail(problems_, {&place, "version"}, "must be 1 or 2");
  }

  void CheckFailover(const Value& options, const Path& path) {
    const Value* errors = options.Find("errors");
    const auto statuses = errors ? TextsOf(*errors, "status") : std::vector<std::string_view>();
    const Path place{&path, "errors"};
    if (errors) CheckStatuses(*errors, "status", place, problems_);
    const std::string_view service = TextOf(options, "service");
    if (statuses.empty() && !HasHealth(service)) {
      Fail(problems_, {&path, "service"},
           fmt::format("Traefik could not tell that {} has failed: give it a healthCheck, or name "
                       "errors.status",
                       service));
    }
    NeedHealthOf(options, TextOf(options, "fallback"), {&path, "fallback"});
  }

  // A service that tells its own health must know that of its parts.
  void NeedHealthOf(const Value& options, std::string_view part, const Path& path) {
    if (!options.Find("healthCheck") || HasHealth(part)) return;
    Fail(problems_, path, fmt::format("{} has no healthCheck, which the one here needs", part));
  }

  // Whether Traefik knows if the service works; of what is not here nothing is said.
  bool HasHealth(std::string_view name) const {
    const Value* service = services_.Find(name);
    if (!service || !service->object() || service->object()->empty()) return true;
    return std::ranges::any_of(*service->object(), [](const Member& kind) {
      return kind.value.Find("healthCheck") != nullptr;
    });
  }

  void CheckStrategy(const Value& options, const Path& path) {
    static constexpr std::array<std::string_view, 4> kStrategies = {"wrr", "p2c", "hrw",
                                                                    "leasttime"};
    const Value* strategy = options.Find("strategy");
    if (strategy && !strategy->text()->empty() &&
        std::ranges::find(kStrategies, *strategy->text()) == kStrategies.end()) {
      Fail(problems_, {&path, "strategy"},
           fmt::format("'{}' is none of wrr, p2c, hrw and leasttime", *strategy->text()));
    }
  }

  // A service that another one is made of.
  void Need(std::string_view owner, std::string_view name, const Path& path) {
    if (name.empty()) Fail(problems_, path, "must name a service");
    Refer(services_, name, path, "service");
    if (services_.Has(name)) service_loops_.Add(owner, name);
  }

  void CheckMiddlewareOf(const Member& member) {
    const Path path{&middlewares_.path(), member.name};
    CheckMiddleware(member.value, path, problems_);
    if (const Value* chain = member.value.Find("chain")) {
      const Path place{&path, "chain"};
      for (const std::string_view name : TextsOf(*chain, "middlewares")) {
        if (name.empty()) Fail(problems_, {&place, "middlewares"}, "has an empty name");
        Refer(middlewares_, name, {&place, "middlewares"}, "middleware");
        if (middlewares_.Has(name)) chain_loops_.Add(member.name, name);
      }
    }
    if (const Value* errors = member.value.Find("errors")) {
      const Path place{&path, "errors"};
      Refer(services_, TextOf(*errors, "service"), {&place, "service"}, "service");
    }
  }

  void Refer(const Section& section, std::string_view name, const Path& path,
             std::string_view what) {
    if (name.empty() || IsElsewhere(name) || section.Has(name)) return;
    Fail(problems_, path, fmt::format("there is no {} '{}'", what, name));
  }

  void SayLoops(const Section& section, const LoopFinder& finder, std::string_view option) {
    for (const auto& [name, loop] : finder.Loops()) {
      const Path path{&section.path(), name};
      Fail(problems_, option.empty() ? path : Path{&path, option},
           fmt::format("goes round in a circle: {}", loop));
    }
  }

  const std::string_view protocol_;
  const schema::Version target_;
  const Section routers_;
  const Section services_;
  const Section middlewares_;
  const Section transports_;
  const Section tls_options_;
  Problems& problems_;
  std::set<std::string_view> parents_;
  static constexpr std::string_view kDefaultOptions = "default";
  std::map<std::string, std::vector<const Member*>> tls_by_host_;
  std::set<const Member*> warned_;  // of their TLS options
  LoopFinder parent_loops_;
  LoopFinder service_loops_;
  LoopFinder chain_loops_;
};

}  // namespace

void CheckConfiguration(const Value& configuration, Problems& problems, schema::Version target) {
  for (const std::string_view protocol : {"http", "tcp", "udp"}) {
    Checker(configuration, protocol, target, problems).Check();
  }
}

}  // namespace traefik::check
