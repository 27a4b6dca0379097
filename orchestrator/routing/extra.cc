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
using traefik::codec::Value;

constexpr std::string_view kPointer = "/routing/extra";
constexpr std::string_view kSite = "site";
constexpr std::string_view kSharedSuffix = "@shared";
constexpr std::string_view kLimitPrefix = "max-request-";

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
    for (const Problem& problem : problems.errors) Fail(problem.pointer, problem.detail);
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
      const Path root;
      const Path tls_path{&root, "tls"};
      if (tls->Find("stores")) {
        Fail("/tls/stores", "is the whole fleet's: a site cannot change it");
      }
      if (const Value* list = tls->Find("certificates"); list && list->list()) {
        const Path path{&tls_path, "certificates"};
        for (std::size_t i = 0; i < list->list()->size(); ++i) {
          const std::string index = std::to_string(i);
          if ((*list->list())[i].Find("stores")) {
            Fail(Path{&path, index}.Pointer() + "/stores",
                 "must be left out: there is one store of certificates");
          }
        }
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
    using traefik::rules::Protocol;
    const auto own_points = site_.routing.entry_points.value_or(options_.entry_points);
    const Value* rule = router.Find("rule");
    const std::string text = rule && rule->text() ? *rule->text() : "";
    const bool within =
        protocol != "udp" &&
        StaysWithin(text, site_, protocol == "http" ? Protocol::kHttp : Protocol::kTcp);
    Value* points = const_cast<Value*>(router.Find("entryPoints"));
    if (within) {
      if (!points) {
        List names;
        for (const std::string& point : own_points) names.push_back({point});
        traefik::codec::Put(router, "entryPoints", {std::move(names)});
      }
      return;
    }
    if (protocol == "http") {
      if (text.empty()) return;  // said by the check of the whole
      return Fail(path.Pointer() + "/rule",
                  "must be limited to the site's own addresses: each alternative needs one of its "
                  "hosts (and its path), as Host(`…`) && …");
    }
    // A connection that is not told by its host: the port must be there for it alone.
    if (!points) {
      return Fail(path.Pointer(),
                  "must name its entryPoints, which no site uses for HTTP, or a host of the site");
    }
    for (const Value& point : *points->list()) {
      if (std::ranges::find(own_points, *point.text()) != own_points.end() ||
          std::ranges::find(options_.entry_points, *point.text()) != options_.entry_points.end()) {
        Fail(path.Pointer() + "/entryPoints",
             fmt::format("has {}, which is for the sites' HTTP: a router that takes all of a port "
                         "needs one of its own",
                         *point.text()));
      }
    }
  }

  void Resolve(const traefik::codec::ReferenceTarget& target, const Path& path, std::string& name) {
    if (name.empty() || (target.kind == "options" && name == "default")) return;
    if (target.protocol == "http" && target.kind == "services" && name == kSite) {
      name = name_;
    } else if (name.ends_with(kSharedSuffix)) {
      const std::string shared = SharedName(name.substr(0, name.size() - kSharedSuffix.size()));
      const Value* protocol = options_.shared ? options_.shared->Find(target.protocol) : nullptr;
      const Value* kind = protocol ? protocol->Find(target.kind) : nullptr;
      if (!kind || !kind->Find(shared)) {
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
    const Value* http = extra_.Find("http");
    const Value* routers = http ? http->Find("routers") : nullptr;
    const Value* services = http ? http->Find("services") : nullptr;
    if (const Value* router = routers ? routers->Find(kSite) : nullptr) AmendRouters(*router);
    if (const Value* service = services ? services->Find(kSite) : nullptr) AmendService(*service);
  }

  void AmendRouters(const Value& amendment) {
    for (const Member& option : *amendment.object()) {
      if (!IsOneOf(option.name, {"middlewares", "priority", "service", "tls", "observability"})) {
        Fail(fmt::format("/http/routers/site/{}", option.name),
             "cannot be changed here: the site's own fields say it");
      }
    }
    Value& routers = Replaced("routers");
    for (const Member& own : *own_.Find("http")->Find("routers")->object()) {
      Value router = own.value;
      for (const Member& option : *amendment.object()) {
        if (option.name == "middlewares") {
          AddMiddlewares(router, *option.value.list());
        } else {
          traefik::codec::Put(router, option.name, option.value);
        }
      }
      traefik::codec::Put(routers, own.name, std::move(router));
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
    Value& section = traefik::codec::ObjectAt(traefik::codec::ObjectAt(compiled_, "http"), kind);
    std::erase_if(std::get<Object>(section.data),
                  [](const Member& member) { return member.name == kSite; });
    return section;
  }

  // Traefik's verdict on the site's routes with what they need of the fleet.
  void CheckWhole() {
    if (form_ == Form::kLabels) return;
    Value whole = own_;
    traefik::codec::Merge(whole, compiled_);
    if (options_.shared) traefik::codec::Merge(whole, *options_.shared);
    const traefik::Fragment common = traefik::RenderFragment(SharedRoutes(options_));
    const traefik::Fragment* const fragments[] = {&common};
    Problems problems;
    traefik::codec::Merge(whole, traefik::codec::DecodeDocument(
                                     traefik::RenderDocument(fragments, std::nullopt), problems));
    problems = {};
    traefik::check::CheckConfiguration(whole, problems, options_.version);
    for (const Problem& problem : problems.errors) {
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

std::optional<std::string> LabelObstacle(const site::Site& site) {
  if (site.kind == site::Kind::kExternal) return "is external: it has no service to label";
  if (site.routing.extra.empty()) return std::nullopt;
  Problems problems;
  const Value extra = traefik::codec::DecodeDocument(site.routing.extra, problems);
  if (!problems.errors.empty()) return "has a routing.extra that labels cannot say";
  const Value* http = extra.Find("http");
  const Value* services = http ? http->Find("services") : nullptr;
  for (const Member& service : services ? *services->object() : Object()) {
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

}  // namespace orchestrator::routing
