#include "orchestrator/routing/extra.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "orchestrator/routing/rule_bounds.h"
#include "orchestrator/routing/shared_objects.h"
#include "traefik/check/configuration_check.h"
#include "traefik/codec/decoder.h"
#include "traefik/codec/edit.h"
#include "traefik/codec/labels.h"

namespace orchestrator::routing {
namespace {

using traefik::codec::List;
using traefik::codec::Member;
using traefik::codec::Object;
using traefik::codec::Path;
using traefik::codec::Problem;
using traefik::codec::Problems;
using traefik::codec::TextOf;
using traefik::codec::Value;

constexpr std::string_view kPointer = "/routing/extra";
constexpr std::string_view kSite = "site";
constexpr std::string_view kAnyStream = "HostSNI(`*`)";
constexpr std::string_view kSharedSuffix = "@shared";
constexpr std::string_view kLimitPrefix = "max-request-";
constexpr const char* kTooHigh = "must be below 100000, where the paths of other sites begin";

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> all) {
  return std::ranges::find(all, text) != all.end();
}

class Compiler {
 public:
  Compiler(const site::Site& site, const Value& own, Form form, const RouteOptions& options)
      : site_(site),
        own_(own),
        form_(form),
        options_(options),
        name_(site::ServiceName(site.id)),
        prefix_(name_ + "-x-") {}

  Result<Value> Compile() {
    Problems problems;
    extra_ = traefik::codec::DecodeDocument(site_.routing.extra, problems,
                                            traefik::codec::Source::kDocument, options_.version);
    // What Traefik would change or ignore is not what was meant.
    for (const auto* list : {&problems.errors, &problems.warnings}) {
      for (const Problem& problem : *list) Fail(problem.pointer, problem.detail);
    }
    if (problems_.empty()) {
      CheckScope();
      traefik::codec::ForEachReference(
          extra_, [this](const traefik::codec::ReferenceTarget& target, const Path& path,
                         std::string& name) { Resolve(target, path, name); });
      Rename();
      Amend();
    }
    if (problems_.empty()) CheckWhole();
    if (problems_.empty()) return std::move(compiled_);
    std::string message = "routing.extra cannot be used:";
    for (const FieldProblem& problem : problems_) {
      message += fmt::format("\n{} {}", problem.pointer, problem.detail);
    }
    return Failure(Error{ErrorKind::kInvalid, std::move(message), {}, std::move(problems_)});
  }

 private:
  void Fail(std::string_view pointer, std::string detail) {
    FieldProblem problem{fmt::format("{}{}", kPointer, pointer), std::move(detail)};
    if (std::ranges::find(problems_, problem) == problems_.end()) {
      problems_.push_back(std::move(problem));
    }
  }

  bool IsAmendment(std::string_view protocol, std::string_view kind, std::string_view name) const {
    return protocol == "http" && name == kSite && IsOneOf(kind, {"routers", "services"});
  }

  // What a site may not define.
  void CheckScope() {
    if (const Value* tls = extra_.Find("tls")) {
      if (tls->Find("stores")) {
        Fail("/tls/stores", "is the whole fleet's: a site cannot change it");
      }
      if (tls->Find("certificates")) {
        Fail("/tls/certificates",
             "answer for every site: put them into the configuration's routing.shared");
      }
    }
    traefik::codec::ForEachNamed(
        extra_, [this](std::string_view protocol, std::string_view kind, Member& member) {
          const Path root;
          const Path protocol_path{&root, protocol};
          const Path kind_path{&protocol_path, kind};
          const Path path{&kind_path, member.name};
          if (kind == "stores") return;
          if (member.name.contains('@')) {
            Fail(path.Pointer(), "must be a name without @");
          } else if (kind == "options" && member.name == "default") {
            Fail(path.Pointer(), "is the whole fleet's: use another name");
          } else if (!IsAmendment(protocol, kind, member.name)) {
            defined_.emplace(fmt::format("{}/{}/{}", protocol, kind, member.name));
            if (kind == "routers") BindRouter(protocol, path, member.value);
          }
        });
  }

  // Keeps a router to what is the site's.
  void BindRouter(std::string_view protocol, const Path& path, Value& router) {
    if (protocol != "http") return BindStream(protocol, path, router);
    const std::string text(TextOf(router, "rule"));
    if (text.empty()) return;  // said by the check of the whole
    const auto within = AddressesOf(text, site_, traefik::rules::Protocol::kHttp);
    if (!within) {
      return Fail(path.Pointer() + "/rule",
                  "must be limited to the site's own addresses: each alternative needs one of its "
                  "hosts (and its path), as Host(`…`) && …, and no other host may be named");
    }
    if (const Value* tls = router.Find("tls")) CheckTls(path.Pointer() + "/tls", *tls);
    if (router.Find("parentRefs")) return;  // its parents are bound
    BindPriority(path, router, text, *within);
    if (router.Find("entryPoints")) return;
    List names;
    for (const std::string& point : site_.routing.entry_points.value_or(options_.entry_points)) {
      names.push_back({point});
    }
    traefik::codec::Put(router, "entryPoints", {std::move(names)});
  }

  // TCP routers go before all HTTP routers of an entry point, so they have ports of their own.
  void BindStream(std::string_view protocol, const Path& path, const Value& router) {
    const Value* points = router.Find("entryPoints");
    const List* names = points ? points->list() : nullptr;
    const auto is_for_streams = [this](const Value& name) {
      return name.text() && std::ranges::find(options_.stream_entry_points, *name.text()) !=
                                options_.stream_entry_points.end();
    };
    if (!names || !std::ranges::all_of(*names, is_for_streams)) {
      Fail(path.Pointer() + "/entryPoints",
           "must name entry points of the configuration's routing.stream_entry_points");
    }
    if (const Value* tls = router.Find("tls")) CheckTls(path.Pointer() + "/tls", *tls);
    const std::string_view rule = TextOf(router, "rule");
    if (protocol == "udp" || rule == kAnyStream ||
        AddressesOf(rule, site_, traefik::rules::Protocol::kTcp)) {
      return;
    }
    Fail(path.Pointer() + "/rule", "must be HostSNI(`*`), or limited to the site's own hosts");
  }

  // What would decide for other sites' hosts, too.
  void CheckTls(const std::string& pointer, const Value& tls) {
    if (tls.Find("domains")) {
      Fail(pointer + "/domains", "must be left out: certificates are for the hosts of the rule");
    }
    const bool shares_host = std::ranges::any_of(site_.hosts, [this](const auto& address) {
      return site::EffectivePath(site_, address) != nullptr;
    });
    if (tls.Find("options") && shares_host) {
      Fail(pointer + "/options",
           "must be left out: the site has a path of a host only, and TLS is the whole host's");
    }
  }

  // Other sites may have paths of the same host, or hosts below the same wildcard: what is more
  // exact goes before.
  void BindPriority(const Path& path, Value& router, const std::string& rule,
                    const std::set<site::Address>& addresses) {
    std::set<std::int64_t> own;
    for (const site::Address& address : addresses) {
      own.insert(OwnPriority(site::EffectivePath(site_, address), address.host.wildcard()));
    }
    const Value* priority = router.Find("priority");
    if (own == std::set<std::int64_t>{0}) {
      const std::int64_t given = priority && priority->number() ? *priority->number() : 0;
      if (given >= kExactPathPriority || (given == 0 && std::ssize(rule) >= kExactPathPriority)) {
        Fail(path.Pointer() + "/priority", kTooHigh);
      }
    } else if (own.size() > 1) {
      Fail(path.Pointer() + "/rule",
           "names addresses of several kinds: make a router for whole hosts, one for wildcards and "
           "one for each path");
    } else if (priority) {
      Fail(path.Pointer() + "/priority",
           "must be left out for a wildcard or a path of a host: it goes just before the site's "
           "own router, so that more exact addresses of other sites go before it");
    } else {
      traefik::codec::Put(router, "priority", Value{*own.begin() + 1});
    }
  }

  void Resolve(const traefik::codec::ReferenceTarget& target, const Path& path, std::string& name) {
    if (name.empty() || (target.kind == "options" && name == "default")) return;
    if (target.protocol == "http" && target.kind == "services" && name == kSite) {
      name = name_;
    } else if (name.ends_with(kSharedSuffix)) {
      const std::string shared = SharedName(name.substr(0, name.size() - kSharedSuffix.size()));
      if (!options_.shared ||
          !traefik::codec::FindNamed(*options_.shared, target.protocol, target.kind, shared)) {
        return Fail(path.Pointer(),
                    fmt::format("names {}, but the configuration's routing.shared has no such "
                                "object in {}.{}",
                                name, target.protocol, target.kind));
      }
      name = form_ == Form::kLabels ? shared + "@http" : shared;
    } else if (const std::size_t at = name.rfind('@'); at != name.npos) {
      const std::string_view provider = std::string_view(name).substr(at + 1);
      if (IsOneOf(provider, {"http", "swarm", "docker"})) {
        Fail(path.Pointer(), fmt::format("names {}: objects of {} belong to the sites that made "
                                         "them; share them in routing.shared",
                                         name, provider));
      } else if (provider == "internal" && name != "noop@internal") {
        Fail(path.Pointer(), fmt::format("names {}, which is Traefik's own", name));
      }
    } else if (defined_.contains(fmt::format("{}/{}/{}", target.protocol, target.kind, name))) {
      name = prefix_ + name;
    } else {
      Fail(path.Pointer(), fmt::format("names {}, which is not in {}.{} of routing.extra: define "
                                       "it there, or name one of the fleet as {}@shared",
                                       name, target.protocol, target.kind, name));
    }
  }

  void Rename() {
    traefik::codec::ForEachNamed(
        extra_, [this](std::string_view protocol, std::string_view kind, Member& member) {
          if (!IsAmendment(protocol, kind, member.name)) member.name = prefix_ + member.name;
        });
  }

  // Puts routers.site and services.site into the routes that the site has anyway.
  void Amend() {
    compiled_ = extra_;
    const Value* router = traefik::codec::FindNamed(extra_, "http", "routers", kSite);
    const Value* service = traefik::codec::FindNamed(extra_, "http", "services", kSite);
    if (router) AmendRouters(*router);
    if (service) AmendService(*service);
  }

  void AmendRouters(const Value& amendment) {
    for (const Member& option : *amendment.object()) {
      if (!IsOneOf(option.name, {"middlewares", "priority", "service", "tls", "observability"})) {
        Fail(fmt::format("/http/routers/site/{}", option.name),
             "cannot be changed here: the site's own fields say it");
      }
    }
    if (const Value* tls = amendment.Find("tls")) CheckTls("/http/routers/site/tls", *tls);
    if (const Value* priority = amendment.Find("priority")) {
      const bool whole_hosts = std::ranges::all_of(site_.hosts, [&](const site::Address& address) {
        return OwnPriority(site::EffectivePath(site_, address), address.host.wildcard()) == 0;
      });
      if (!whole_hosts) {
        Fail("/http/routers/site/priority",
             "must be left out: the site has a wildcard or a path of a host, and more exact "
             "addresses of other sites go before it");
      } else if (priority->number() && *priority->number() >= kExactPathPriority) {
        Fail("/http/routers/site/priority", kTooHigh);
      }
    }
    Value& routers = Replaced("routers");
    for (const Member& own : *own_.Find("http")->Find("routers")->object()) {
      Value router = own.value;
      for (const Member& option : *amendment.object()) {
        if (option.name == "middlewares" && option.value.list()) {
          AddMiddlewares(router, *option.value.list());
        } else if (option.name == "tls" && option.value.object()) {
          AddTls(router, *option.value.object());
        } else {
          traefik::codec::Put(router, option.name, option.value);
        }
      }
      traefik::codec::Put(routers, own.name, std::move(router));
    }
  }

  void AddTls(Value& router, const Object& more) {
    Value& tls = traefik::codec::ObjectAt(router, "tls");
    for (const Member& option : more) {
      const Value* own = tls.Find(option.name);
      if (option.name == "certResolver" && own && !(*own == option.value)) {
        Fail("/http/routers/site/tls/certResolver", "is not the one of routing.tls.resolver");
      }
      traefik::codec::Put(tls, option.name, option.value);
    }
  }

  // Before what reads the body, so that who is turned away uploads nothing; behind the pages.
  static void AddMiddlewares(Value& router, const List& more) {
    auto& list = std::get<List>(traefik::codec::ListAt(router, "middlewares").data);
    const auto place = std::ranges::find_if(list, [](const Value& name) {
      return name.text() && name.text()->starts_with(kLimitPrefix);
    });
    list.insert(place, more.begin(), more.end());
  }

  void AmendService(const Value& amendment) {
    for (const Member& kind : *amendment.object()) {
      if (kind.name != "loadBalancer") {
        Fail(fmt::format("/http/services/site/{}", kind.name),
             "cannot be here: define it under another name and give that to "
             "http.routers.site.service");
      }
    }
    const Value* balancer = amendment.Find("loadBalancer");
    Value& services = Replaced("services");
    if (!balancer) return;
    for (const Member& own : *own_.Find("http")->Find("services")->object()) {
      Value service = own.value;
      Value& changed = traefik::codec::ObjectAt(service, "loadBalancer");
      for (const Member& option : *balancer->object()) {
        traefik::codec::Put(changed, option.name, option.value);
      }
      traefik::codec::Put(services, own.name, std::move(service));
    }
  }

  // The section of the result, without the amendment.
  Value& Replaced(std::string_view kind) {
    Value& section = traefik::codec::NamedAt(compiled_, "http", kind);
    std::erase_if(std::get<Object>(section.data),
                  [](const Member& member) { return member.name == kSite; });
    return section;
  }

  // Traefik's verdict on the site's routes with what they need of the fleet.
  void CheckWhole() {
    if (form_ == Form::kLabels) return;
    // What is nothing is not written, and could leave a block empty, at which Traefik refuses all.
    Problems written;
    traefik::codec::DecodeDocument(traefik::codec::ToJson(compiled_), written,
                                   traefik::codec::Source::kDocument, options_.version);
    for (const Problem& problem : written.errors) {
      Fail(AsWritten(problem.pointer), AsWritten(problem.detail));
    }
    Value whole = own_;
    traefik::codec::Merge(whole, compiled_);
    if (options_.shared) traefik::codec::Merge(whole, *options_.shared);
    traefik::codec::Merge(whole,
                          DecodedRoutes(traefik::RenderFragment(SharedRoutes(options_)), options_));
    Problems problems;
    traefik::check::CheckConfiguration(whole, problems, options_.version);
    for (const Problem& problem : problems.errors) {
      Fail(AsWritten(problem.pointer), AsWritten(problem.detail));
    }
    // Of its own objects only: what the fleet shares is not the site's to mend.
    for (const Problem& problem : problems.warnings) {
      if (!problem.pointer.contains("/" + name_)) continue;
      Fail(AsWritten(problem.pointer), AsWritten(problem.detail));
    }
  }

  // Names of the document → names of the extra.
  std::string AsWritten(std::string text) const {
    for (std::size_t at = text.find(prefix_); at != text.npos; at = text.find(prefix_, at)) {
      text.erase(at, prefix_.size());
    }
    return text;
  }

  const site::Site& site_;
  const Value& own_;
  const Form form_;
  const RouteOptions& options_;
  const std::string name_;
  const std::string prefix_;
  Value extra_;
  Value compiled_;
  std::set<std::string> defined_;  // "http/middlewares/auth"
  std::vector<FieldProblem> problems_;
};

}  // namespace

Result<Value> CompileExtra(const site::Site& site, const Value& own, Form form,
                           const RouteOptions& options) {
  return Compiler(site, own, form, options).Compile();
}

std::vector<std::string> StreamsOf(const site::Site& site) {
  std::set<std::string> streams;
  if (site.routing.extra.empty()) return {};
  Problems problems;
  const Value extra = traefik::codec::DecodeDocument(site.routing.extra, problems);
  for (const std::string_view protocol : {"tcp", "udp"}) {
    for (const Member& router : traefik::codec::ObjectsOf(extra, protocol, "routers")) {
      if (protocol == "tcp" && TextOf(router.value, "rule") != kAnyStream) continue;
      const Value* points = router.value.Find("entryPoints");
      for (const Value& point : points && points->list() ? *points->list() : List()) {
        if (point.text()) streams.insert(fmt::format("{} {}", protocol, *point.text()));
      }
    }
  }
  return {streams.begin(), streams.end()};
}

std::optional<std::string> LabelObstacle(const site::Site& site) {
  if (site.upstreams.size() > 1) return "has several upstreams: labels can name one";
  if (site.routing.extra.empty()) return std::nullopt;
  Problems problems;
  const Value extra = traefik::codec::DecodeDocument(site.routing.extra, problems);
  if (!problems.errors.empty()) return "has a routing.extra that labels cannot say";
  for (const Member& service : traefik::codec::ObjectsOf(extra, "http", "services")) {
    const Value* balancer = service.value.Find("loadBalancer");
    if (service.name != kSite && balancer && !balancer->Find("servers")) {
      return fmt::format("has a service without servers in routing.extra: {}", service.name);
    }
  }
  const auto encoded = traefik::codec::EncodeLabels(extra);
  if (encoded.lost.empty()) return std::nullopt;
  return fmt::format("has what labels cannot say: routing.extra{} {}", encoded.lost.front().pointer,
                     encoded.lost.front().detail);
}

std::optional<std::string> LabelObstacle(const site::Site& site, const RouteOptions& options) {
  if (site.kind == site::Kind::kExternal) {
    if (!options.has_swarm) {
      return "is external, and there is no swarm for a service with its labels (docker.host)";
    }
    if (options.version < traefik::schema::kV3_4) {
      return "is external: Traefik reads URLs in labels from 3.4 on (traefik.version)";
    }
  }
  return LabelObstacle(site);
}

}  // namespace orchestrator::routing
