#include "orchestrator/adopt/importer.h"

#include <algorithm>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/adopt/rule_reader.h"
#include "orchestrator/routing/rule_bounds.h"
#include "orchestrator/site/codec.h"
#include "provider/http/url.h"
#include "traefik/codec/decoder.h"
#include "traefik/codec/edit.h"
#include "traefik/rules/expression.h"

namespace orchestrator::adopt {
namespace {

using traefik::codec::List;
using traefik::codec::Member;
using traefik::codec::Object;
using traefik::codec::Path;
using traefik::codec::Problems;
using traefik::codec::ReferenceTarget;
using traefik::codec::TextOf;
using traefik::codec::Value;
using Refusal = std::unexpected<std::string>;

constexpr std::string_view kSite = "site";

// "http", "services", "x"
using ObjectName = std::tuple<std::string, std::string, std::string>;

const Value* FindObject(const Value& configuration, const ObjectName& name) {
  const auto& [protocol, kind, own_name] = name;
  return traefik::codec::FindNamed(configuration, protocol, kind, own_name);
}

void PutObject(Value& configuration, const ObjectName& name, Value object) {
  const auto& [protocol, kind, own_name] = name;
  traefik::codec::Put(traefik::codec::NamedAt(configuration, protocol, kind), own_name,
                      std::move(object));
}

// Adds to `part` all that its objects need of `whole`, and what that needs.
void Complete(const Value& whole, Value& part) {
  for (bool grown = true; grown;) {
    std::set<ObjectName> missing;
    traefik::codec::ForEachReference(
        part, [&](const ReferenceTarget& target, const Path&, std::string& name) {
          ObjectName object{target.protocol, target.kind, name};
          if (FindObject(whole, object) && !FindObject(part, object)) {
            missing.insert(std::move(object));
          }
        });
    for (const ObjectName& object : missing) PutObject(part, object, *FindObject(whole, object));
    grown = !missing.empty();
  }
}

std::set<ObjectName> NamesIn(Value& configuration) {
  std::set<ObjectName> names;
  traefik::codec::ForEachNamed(
      configuration, [&](std::string_view protocol, std::string_view kind, Member& member) {
        names.emplace(protocol, kind, member.name);
      });
  return names;
}

std::vector<std::string> UrlsOf(const Value& balancer) {
  std::vector<std::string> urls;
  const Value* servers = balancer.Find("servers");
  if (!servers || !servers->list()) return urls;
  for (const Value& server : *servers->list()) {
    std::string url(TextOf(server, "url"));
    if (provider::http::CheckHttpUrl(url) && std::ranges::find(urls, url) == urls.end()) {
      urls.push_back(std::move(url));
    }
  }
  return urls;
}

class Importer {
 public:
  Importer(Value whole, site::SiteId next_id, const routing::RouteOptions& options)
      : whole_(std::move(whole)), next_id_(next_id), options_(options) {}

  DocumentImport Import() {
    for (const Member& router : traefik::codec::ObjectsOf(whole_, "http", "routers")) {
      if (auto made = MakeSite(router)) {
        for (const site::Address& address : made->imported.site.hosts) {
          drafts_by_host_.emplace(address.host.text(), drafts_.size());
        }
        drafts_.push_back(*std::move(made));
      } else {
        refused_.push_back({&router, std::move(made.error())});
      }
    }
    AddToSites();
    return Result();
  }

 private:
  // A site on its way, with the routers that it stands for: its own and those of its extra.
  struct Draft {
    std::vector<const Member*> routers;
    std::string service;  // of the first one, in the document
    Value extra;
    ImportedRouter imported;
  };

  struct Refused {
    const Member* router;
    std::string reason;
  };

  DocumentImport Result() {
    DocumentImport result;
    Value imported;  // with what it needs
    Value left;
    for (Draft& draft : drafts_) {
      for (const Member* router : draft.routers) {
        PutObject(imported, {"http", "routers", router->name}, router->value);
      }
      result.routers.push_back(std::move(draft.imported));
    }
    for (Refused& refused : refused_) {
      PutObject(left, {"http", "routers", refused.router->name}, refused.router->value);
      result.left_over.push_back(
          {Path{&kRouters, refused.router->name}.Pointer(), std::move(refused.reason)});
    }
    for (const std::string_view protocol : {"tcp", "udp"}) {
      for (const Member& router : traefik::codec::ObjectsOf(whole_, protocol, "routers")) {
        PutObject(left, {std::string(protocol), "routers", router.name}, router.value);
        result.left_over.push_back({fmt::format("/{}/routers/{}", protocol, router.name),
                                    "is not HTTP, and a site answers HTTP"});
      }
    }
    result.rest = Rest(imported, left);
    return result;
  }

  static constexpr Path kRoot{};
  static constexpr Path kHttp{&kRoot, "http"};
  static constexpr Path kRouters{&kHttp, "routers"};

  std::expected<Draft, std::string> MakeSite(const Member& router) {
    const auto rule = ReadRule(TextOf(router.value, "rule"));
    if (!rule) return Refusal("its rule " + rule.error());
    for (const std::string_view option : {"parentRefs", "ruleSyntax"}) {
      if (router.value.Find(option)) return Refusal(fmt::format("has {}", option));
    }
    Draft draft;
    draft.routers = {&router};
    draft.service = TextOf(router.value, "service");
    draft.imported.router = router.name;
    site::Site& site = draft.imported.site;
    site.kind = site::Kind::kExternal;
    site.hosts = rule->addresses;
    for (const site::Address& address : site.hosts) {
      if (addresses_.contains(site::Text(address))) {
        return Refusal(fmt::format("another router has {}, too", site::Text(address)));
      }
    }
    if (const Value* points = router.value.Find("entryPoints"); points && points->list()) {
      std::vector<std::string> names;
      for (const Value& name : *points->list()) names.push_back(*name.text());
      site.routing.entry_points = std::move(names);
    }

    Value& extra = draft.extra;
    ReadOptions(router.value, site, extra);
    const Value* service = FindObject(whole_, {"http", "services", draft.service});
    if (!service)
      return Refusal(fmt::format("its service {} is not in the document", draft.service));
    const Value* balancer = service->Find("loadBalancer");
    if (balancer && service->object()->size() == 1) {
      site.upstreams = UrlsOf(*balancer);
      if (!IsPlain(*balancer, site.upstreams)) {
        PutObject(extra, {"http", "services", std::string(kSite)}, *service);
      }
    } else {
      // The own service of the site is there and not used.
      SetOption(extra, "service", Value{draft.service});
    }
    Complete(whole_, extra);
    if (site.upstreams.empty()) site.upstreams = AnyUrls(extra);
    if (site.upstreams.empty()) return Refusal("its service has no server with a URL");
    if (next_id_.value > site::SiteId::kLargest) return Refusal("there is no free id for it");
    site.id = next_id_;
    if (auto done = Finish(draft); !done) return Refusal(std::move(done.error()));
    ++next_id_.value;
    for (const site::Address& address : rule->addresses) addresses_.insert(site::Text(address));
    return draft;
  }

  // Routers that say more than addresses, or the same as another one on other entry points, belong
  // to the site that has their addresses.
  void AddToSites() {
    std::map<std::size_t, std::vector<Refused*>> by_draft;
    for (Refused& refused : refused_) {
      if (const auto draft = DraftOf(*refused.router)) by_draft[*draft].push_back(&refused);
    }
    std::set<const Member*> added;
    for (const auto& [draft, routers] : by_draft) {
      // Mostly all can be added together; else it is said of each why not.
      if (Add(drafts_[draft], routers)) {
        for (const Refused* refused : routers) added.insert(refused->router);
        continue;
      }
      constexpr std::size_t kMostTried = 50;
      for (std::size_t i = 0; i < std::min(routers.size(), kMostTried); ++i) {
        if (Add(drafts_[draft], {routers[i]})) added.insert(routers[i]->router);
      }
    }
    std::erase_if(refused_, [&](const Refused& refused) { return added.contains(refused.router); });
  }

  // The draft with all addresses that the router may match.
  std::optional<std::size_t> DraftOf(const Member& router) const {
    if (router.value.Find("parentRefs") || router.name == kSite) return std::nullopt;
    const std::string_view rule = TextOf(router.value, "rule");
    const auto hosts = traefik::rules::CheckRule(rule);
    if (!hosts || hosts->empty()) return std::nullopt;
    const auto [first, last] = drafts_by_host_.equal_range(hosts->front());
    for (auto place = first; place != last; ++place) {
      const site::Site& site = drafts_[place->second].imported.site;
      if (routing::AddressesOf(rule, site, traefik::rules::Protocol::kHttp)) return place->second;
    }
    return std::nullopt;
  }

  // All of them or none; then they know why.
  bool Add(Draft& draft, const std::vector<Refused*>& routers) const {
    Draft wider = draft;
    for (const Refused* refused : routers) {
      const Member& router = *refused->router;
      wider.routers.push_back(&router);
      wider.imported.others.push_back(router.name);
      Value own = router.value;
      // Unless it is among the objects of the extra, it is the site's own.
      const std::string service(TextOf(own, "service"));
      if (service == draft.service && !FindObject(wider.extra, {"http", "services", service})) {
        traefik::codec::Put(own, "service", Value{std::string(kSite)});
      }
      PutObject(wider.extra, {"http", "routers", router.name}, std::move(own));
    }
    Complete(whole_, wider.extra);
    if (auto done = Finish(wider); !done) {
      for (Refused* refused : routers) {
        refused->reason = fmt::format("cannot be part of the site of {}: {}", draft.imported.router,
                                      done.error());
      }
      return false;
    }
    draft = std::move(wider);
    return true;
  }

  // Makes a valid site of the draft, and compares it with the document.
  std::expected<void, std::string> Finish(Draft& draft) const {
    for (const char* kind : {"routers", "services"}) {
      if (FindObject(whole_, {"http", kind, std::string(kSite)})) {
        return Refusal("an object of the document is named site, which means something else here");
      }
    }
    if (const std::string name = Elsewhere(draft.extra); !name.empty()) {
      return Refusal(fmt::format("needs {}, which is not in what is imported", name));
    }
    site::Site& site = draft.imported.site;
    if (draft.extra.is_set()) site.routing.extra = traefik::codec::ToJson(draft.extra);
    const auto valid = site::Parse(site::ToJson(site));
    if (!valid) return Refusal(valid.error().message);
    site = *valid;
    auto difference = Compare(draft);
    if (!difference) return Refusal(std::move(difference.error()));
    draft.imported.difference = *std::move(difference);
    return {};
  }

  static void SetOption(Value& extra, std::string_view option, Value value) {
    Value& router =
        traefik::codec::ObjectAt(traefik::codec::NamedAt(extra, "http", "routers"), kSite);
    traefik::codec::Put(router, option, std::move(value));
  }

  static void ReadOptions(const Value& router, site::Site& site, Value& extra) {
    for (const std::string_view option : {"middlewares", "priority", "observability"}) {
      if (const Value* value = router.Find(option)) SetOption(extra, option, *value);
    }
    const Value* tls = router.Find("tls");
    if (!tls) return;
    site.routing.tls = site::Tls{std::string(TextOf(*tls, "certResolver"))};
    const bool more = std::ranges::any_of(
        *tls->object(), [](const Member& member) { return member.name != "certResolver"; });
    if (more) SetOption(extra, "tls", *tls);
  }

  // Whether it says no more than the URLs.
  bool IsPlain(const Value& balancer, const std::vector<std::string>& urls) const {
    Value plain{Object{}};
    List servers;
    for (const std::string& url : urls) servers.push_back(Value{Object{{"url", Value{url}}}});
    Value& service =
        traefik::codec::ObjectAt(traefik::codec::NamedAt(plain, "http", "services"), "s");
    traefik::codec::Put(traefik::codec::ObjectAt(service, "loadBalancer"), "servers",
                        Value{std::move(servers)});
    Problems none;
    const Value decoded = traefik::codec::DecodeDocument(
        traefik::codec::ToJson(plain), none, traefik::codec::Source::kDocument, options_.version);
    const Value* wanted = FindObject(decoded, {"http", "services", "s"});
    return wanted && *wanted->Find("loadBalancer") == balancer;
  }

  // A name of another provider that the objects need; empty when there is none.
  static std::string Elsewhere(Value& extra) {
    std::string found;
    traefik::codec::ForEachReference(extra,
                                     [&](const ReferenceTarget&, const Path&, std::string& name) {
                                       if (name.contains('@') && name != "noop@internal")
                                         found = name;
                                     });
    return found;
  }

  static std::vector<std::string> AnyUrls(const Value& configuration) {
    for (const Member& service : traefik::codec::ObjectsOf(configuration, "http", "services")) {
      const Value* balancer = service.value.Find("loadBalancer");
      auto urls = balancer ? UrlsOf(*balancer) : std::vector<std::string>();
      if (!urls.empty()) return urls;
    }
    return {};
  }

  // What Traefik would get by the site instead of the router and what it needs.
  std::expected<std::vector<traefik::codec::Change>, std::string> Compare(
      const Draft& draft) const {
    store::SiteRecord record;
    record.site = draft.imported.site;
    record.phase = store::Phase::kProvider;
    const auto fragment = routing::DocumentFragment(record, options_);
    if (!fragment) return Refusal(fragment.error().message);
    Value after = routing::DecodedRoutes(*fragment, options_);
    Value before;
    for (const Member* router : draft.routers) {
      PutObject(before, {"http", "routers", router->name}, router->value);
    }
    Complete(whole_, before);
    RenameBack(draft.imported.router, draft.service, record.site, after);
    UseSameRule(before, after);
    DropOwn(before, after);
    return traefik::codec::Diff(before, after);
  }

  static void RenameBack(const std::string& router, const std::string& service,
                         const site::Site& site, Value& configuration) {
    const std::string own = site::ServiceName(site.id);
    const std::string prefix = own + "-x-";
    const auto plain = [&](std::string_view kind, std::string& name) {
      if (name.starts_with(prefix)) {
        name.erase(0, prefix.size());
      } else if (name == own) {
        name = kind == "routers" ? router : service;
      }
    };
    traefik::codec::ForEachNamed(configuration, [&](std::string_view, std::string_view kind,
                                                    Member& member) { plain(kind, member.name); });
    traefik::codec::ForEachReference(
        configuration, [&](const ReferenceTarget& target, const Path&, std::string& name) {
          plain(target.kind, name);
        });
  }

  // Rules that mean the same by their grammar are the same.
  static void UseSameRule(const Value& before, Value& after) {
    traefik::codec::ForEachNamed(
        after, [&](std::string_view protocol, std::string_view kind, Member& member) {
          if (kind != "routers") return;
          const Value* original =
              FindObject(before, {std::string(protocol), std::string(kind), member.name});
          if (!original) return;
          const std::string text(TextOf(*original, "rule"));
          const auto one = traefik::rules::ParseExpression(text);
          const auto other = traefik::rules::ParseExpression(TextOf(member.value, "rule"));
          if (one && other && *one == *other) {
            traefik::codec::Put(member.value, "rule", Value{text});
          }
        });
  }

  // Objects that the orchestrator makes for all sites.
  static void DropOwn(const Value& before, Value& after) {
    for (const ObjectName& name : NamesIn(after)) {
      const std::string& protocol = std::get<0>(name);
      const std::string& kind = std::get<1>(name);
      const std::string& own_name = std::get<2>(name);
      const bool own =
          own_name.starts_with("orchestrator-") || own_name.starts_with("max-request-");
      if (!own || FindObject(before, name)) continue;
      Value& section = traefik::codec::NamedAt(after, protocol, kind);
      std::erase_if(std::get<Object>(section.data),
                    [&](const Member& member) { return member.name == own_name; });
      if (!section.object()->empty()) continue;
      std::erase_if(std::get<Object>(traefik::codec::ObjectAt(after, protocol).data),
                    [&](const Member& member) { return member.name == kind; });
    }
  }

  Value Rest(Value& imported, Value& left) const {
    Complete(whole_, imported);
    Complete(whole_, left);
    const std::set<ObjectName> served = NamesIn(imported);
    Value whole = whole_;
    for (const ObjectName& name : NamesIn(whole)) {
      if (!served.contains(name)) PutObject(left, name, *FindObject(whole_, name));
    }
    const Value* tls = whole_.Find("tls");
    if (const Value* certificates = tls ? tls->Find("certificates") : nullptr) {
      traefik::codec::Put(traefik::codec::ObjectAt(left, "tls"), "certificates", *certificates);
    }
    return std::move(left);
  }

  const Value whole_;
  site::SiteId next_id_;
  const routing::RouteOptions& options_;
  std::set<std::string> addresses_;  // of the sites so far
  std::vector<Draft> drafts_;
  std::multimap<std::string, std::size_t> drafts_by_host_;
  std::vector<Refused> refused_;
};

}  // namespace

DocumentImport ImportRouters(Value whole, site::SiteId next_id,
                             const routing::RouteOptions& options) {
  return Importer(std::move(whole), next_id, options).Import();
}

}  // namespace orchestrator::adopt
