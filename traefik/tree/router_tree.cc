#include "traefik/tree/router_tree.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "traefik/base/json_text.h"
#include "traefik/tree/host_condition.h"

namespace traefik::tree {

namespace {

// Traefik refuses routers with a higher one.
constexpr std::int64_t kHighestPriority = std::numeric_limits<std::int64_t>::max() - 1000;

// FNV-1a: names of groups are the same everywhere, and two groups practically never meet.
std::string GroupName(std::string_view key) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : key) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return fmt::format("{:016x}", hash);
}

std::vector<std::string> Sorted(std::vector<std::string> texts) {
  std::ranges::sort(texts);
  const auto repeated = std::ranges::unique(texts);
  texts.erase(repeated.begin(), repeated.end());
  return texts;
}

// Both sorted. No entry points are Traefik's default ones, which nobody here knows.
bool ShareEntryPoint(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.empty() || b.empty()) return true;
  return std::ranges::any_of(
      a, [&](const std::string& name) { return std::ranges::binary_search(b, name); });
}

bool HasOptions(const RouterText& router) {
  return !router.tls_options.empty() && router.tls_options != "default";
}

// Whether two routers are one to the tree, which does not care for bodies.
bool AreAlike(const RouterText& a, const RouterText& b) {
  const auto facts = [](const RouterText& router) {
    return std::tie(router.name, router.rule, router.old_syntax, router.middlewares,
                    router.priority, router.parents, router.tls, router.tls_options,
                    router.tls_domains, router.has_resolver, router.observability);
  };
  return facts(a) == facts(b) &&
         (a.entry_points == b.entry_points || Sorted(a.entry_points) == Sorted(b.entry_points));
}

std::string_view WithoutProvider(std::string_view name) { return name.substr(0, name.find('@')); }

}  // namespace

// Where a router, or its copies, may stand below others.
struct RouterTree::Standing {
  std::string_view chain;  // of its middlewares, which the roots have for it
  std::string parents;     // a JSON list

  friend bool operator==(const Standing&, const Standing&) = default;
};

struct RouterTree::Copies {
  std::string_view chain;  // that the root has
  std::set<std::string> parents;
};

struct RouterTree::Router {
  Key key;
  std::shared_ptr<const RouterText> text;
  const std::vector<std::string>* entry_points;  // sorted; the same object for the same ones
  HostCondition condition;
  const std::string* group_key;  // the same object for the same key
  std::int64_t priority;
  std::vector<HostEntry*> hosts;  // all that it can match; none of one that may match others

  Group* group;                          // where its hosts are while they are in the tree
  bool is_misplaced;                     // is to be placed again
  bool is_child;                         // stands below others only
  std::vector<Standing> standings;       // of itself or its copies; by chain
  std::map<std::string, Copies> copies;  // by the root's name

  bool is_roaming() const { return condition.exact_hosts() == nullptr; }
};

struct RouterTree::Host {
  std::uint64_t serial = 0;  // another one when the host comes back
  std::vector<Router*> routers;
  // The router that its own hang below, in each group that has it.
  std::vector<std::pair<Group*, std::string>> leaves;
  bool is_dirty = false;
  bool is_out = false;                 // of the tree
  const std::string* chain = nullptr;  // that its roots have; null: none
};

struct RouterTree::Root {
  std::string name;
  // Of each range of hosts the first, the last and how many: it is the same one while they are and
  // no host joined it.
  std::vector<std::array<std::uint64_t, 3>> extents;
  std::set<Router*> visitors;  // with copies below
};

// Hosts whose routers may be below the same roots.
struct RouterTree::Group {
  std::string name;
  RouterText listening;                 // what the roots have; only that is used
  std::string_view chain;               // the middlewares that they have
  std::vector<HostEntry*> hosts;        // sorted
  std::vector<std::string_view> names;  // of them
  std::vector<HostEntry*> joining;      // what is not yet among them
  std::set<HostEntry*> leaving;         // what still is
  std::vector<HostEntry*> touched;      // what stays, but with other routers
  std::map<std::string, Root> roots;    // by path
};

namespace {

// The certificates that a root asks for in the place of its routers.
std::string DomainsOf(const RouterText& router, const HostCondition& condition) {
  if (!router.tls_domains.empty()) return router.tls_domains;
  std::vector<std::string> hosts = condition.named();
  if (hosts.empty()) return {};
  std::string domain = R"({"main":)";
  AppendJsonString(domain, hosts.front());
  if (hosts.size() > 1) {
    hosts.erase(hosts.begin());
    domain += R"(,"sans":)";
    AppendJsonStrings(domain, hosts);
  }
  return domain + "}";
}

}  // namespace

RouterTree::RouterTree(const Limits& limits) : limits_(limits) {}
RouterTree::~RouterTree() = default;
RouterTree::RouterTree(RouterTree&&) noexcept = default;
RouterTree& RouterTree::operator=(RouterTree&&) noexcept = default;

void RouterTree::Put(Key key, std::span<const RouterText> routers) {
  std::vector<std::shared_ptr<const RouterText>> shared;
  for (const RouterText& router : routers) {
    shared.push_back(std::make_shared<const RouterText>(router));
  }
  Put(key, shared);
}

void RouterTree::Put(Key key, std::span<const std::shared_ptr<const RouterText>> routers) {
  std::vector<std::string> names;
  for (const auto& text : routers) names.push_back(text->name);
  if (const auto before = names_.find(key); before != names_.end()) {
    for (const std::string& name : before->second) {
      if (std::ranges::find(names, name) == names.end()) Detach(name);
    }
  }
  for (const auto& text : routers) {
    if (const auto found = routers_.find(text->name); found != routers_.end()) {
      if (AreAlike(*found->second->text, *text)) {
        found->second->text = text;  // lets go of what the old one was a part of
        continue;
      }
      Detach(text->name);
    }
    Attach(key, text);
  }
  if (names.empty()) {
    names_.erase(key);
  } else {
    names_[key] = std::move(names);
  }
}

void RouterTree::Attach(Key key, const std::shared_ptr<const RouterText>& shared) {
  const RouterText& text = *shared;
  // One below a parent of its own goes where that goes.
  const bool is_used = text.parents.empty() && text.priority <= kHighestPriority;
  auto made = std::make_unique<Router>(Router{
      .key = key,
      .text = shared,
      .entry_points = &*entry_points_.insert(Sorted(text.entry_points)).first,
      .condition = is_used ? HostCondition::Of(text.rule, text.old_syntax) : HostCondition::Never(),
      .group_key = nullptr,
      .priority = text.priority != 0 ? text.priority : static_cast<std::int64_t>(text.rule.size()),
      .hosts = {},
      .group = nullptr,
      .is_misplaced = false,
      .is_child = false,
      .standings = {},
      .copies = {},
  });
  Router& router = *made;
  // Below a root with the priority that its routers have, they compare with others as they did.
  std::string group_key = std::to_string(text.priority);
  AppendListening(group_key, *router.entry_points, text.tls, {}, text.observability);
  router.group_key = &*group_keys_.insert(std::move(group_key)).first;
  if (const auto* hosts = router.condition.exact_hosts()) {
    for (const std::string& name : *hosts) {
      const auto [place, is_new] = hosts_.try_emplace(name);
      if (is_new) place->second.serial = ++last_serial_;
      place->second.routers.push_back(&router);
      router.hosts.push_back(&*place);
    }
  } else if (const auto& bounds = router.condition.bounds()) {
    for (const std::string& pattern : *bounds) bound_[pattern].push_back(&router);
  } else {
    unbound_.push_back(&router);
  }
  MarkHosts(router);
  CountOptionsOf(router, 1);
  CountParentsOf(router, 1);
  chains_.Count(text.middlewares, 1);
  routers_[text.name] = std::move(made);
}

void RouterTree::Detach(const std::string& name) {
  const auto found = routers_.find(name);
  Router& router = *found->second;
  MarkHosts(router);
  for (HostEntry* host : router.hosts) std::erase(host->second.routers, &router);
  std::erase(unbound_, &router);
  if (const auto& bounds = router.condition.bounds(); bounds && router.is_roaming()) {
    for (const std::string& pattern : *bounds) {
      const auto entry = bound_.find(pattern);
      std::erase(entry->second, &router);
      if (entry->second.empty()) bound_.erase(entry);
    }
  }
  CountOptionsOf(router, -1);
  CountParentsOf(router, -1);
  chains_.Count(router.text->middlewares, -1);
  router.hosts.clear();
  router.group = nullptr;
  removed_.push_back(std::move(found->second));
  routers_.erase(found);
}

void RouterTree::Mark(HostEntry& host) {
  if (host.second.is_dirty) return;
  host.second.is_dirty = true;
  dirty_.push_back(&host);
}

// What has to be looked at again when this router comes or goes, or is a parent now.
void RouterTree::MarkHosts(const Router& router) {
  if (router.is_roaming()) changed_roaming_.push_back(&router);
  for (HostEntry* host : router.hosts) Mark(*host);
}

void RouterTree::CountParentsOf(const Router& router, int change) {
  for (const std::string& parent : router.text->parents) {
    const std::string name(WithoutProvider(parent));
    const auto entry = named_parents_.try_emplace(name, 0).first;
    entry->second += change;
    if (entry->second == 0) named_parents_.erase(entry);
    if (const auto found = routers_.find(name); found != routers_.end()) MarkHosts(*found->second);
  }
}

// Where one host has several TLS options, Traefik takes the default ones for all of its routers, as
// flat ones of it alone. It counts hosts that a rule names anywhere.
void RouterTree::CountOptionsOf(const Router& router, int change) {
  if (!HasOptions(*router.text)) return;
  for (const std::string& name : router.condition.named()) {
    const auto entry = with_options_.try_emplace(name, 0).first;
    entry->second += change;
    if (entry->second == 0) with_options_.erase(entry);
    if (const auto host = hosts_.find(name); host != hosts_.end()) Mark(*host);
  }
}

// The routers that may match `host` without naming it.
template <typename Visit>
void RouterTree::ForEachReaching(std::string_view host, const Visit& visit) const {
  const auto visit_all = [&](const std::vector<Router*>& routers) {
    for (Router* router : routers) {
      if (router->condition.MayMatch(host)) visit(*router);
    }
  };
  visit_all(unbound_);
  if (bound_.empty()) return;
  if (const auto named = bound_.find(host); named != bound_.end()) visit_all(named->second);
  const auto below = bound_.find(fmt::format("*.{}", ParentDomain(host)));
  if (below != bound_.end()) visit_all(below->second);
}

// Marks the hosts that routers which came or went may match without naming them.
void RouterTree::MarkReached() {
  if (changed_roaming_.empty()) return;
  std::set<std::string, std::less<>> patterns;
  std::vector<const Router*> unbound;
  for (const Router* router : changed_roaming_) {
    if (const auto& bounds = router->condition.bounds()) {
      patterns.insert(bounds->begin(), bounds->end());
    } else {
      unbound.push_back(router);
    }
  }
  std::string wildcard;
  for (HostEntry& host : hosts_) {
    wildcard = "*.";
    wildcard += ParentDomain(host.first);
    const bool reached = patterns.contains(host.first) || patterns.contains(wildcard) ||
                         std::ranges::any_of(unbound, [&](const Router* each) {
                           return each->condition.MayMatch(host.first);
                         });
    if (reached) Mark(host);
  }
  changed_roaming_.clear();
}

// Whether one root for each of its groups can stand for all routers that requests to it may get,
// also beside routers of other providers.
bool RouterTree::FitsTree(const HostEntry& host) const {
  if (with_options_.contains(host.first)) return false;
  struct Kin {
    const Router* router;
    bool takes_all;  // so that the root takes no request that none of its routers takes
  };
  std::vector<Kin> groups;
  for (const Router* router : host.second.routers) {
    if (named_parents_.contains(router->text->name)) return false;
    auto kin = std::ranges::find_if(
        groups, [&](const Kin& each) { return each.router->group_key == router->group_key; });
    if (kin == groups.end()) kin = groups.insert(kin, {router, false});
    kin->takes_all = kin->takes_all || router->condition.Takes(host.first);
  }
  for (auto kin = groups.begin(); kin != groups.end(); ++kin) {
    if (!kin->takes_all) return false;
    for (auto other = groups.begin(); other != kin; ++other) {
      if (ShareEntryPoint(*kin->router->entry_points, *other->router->entry_points)) {
        return false;
      }
    }
  }
  bool fits = true;
  ForEachReaching(host.first, [&](const Router& visitor) {
    for (const Kin& kin : groups) {
      const RouterText& own = *kin.router->text;
      const RouterText& other = *visitor.text;
      const std::vector<std::string>& own_points = *kin.router->entry_points;
      const std::vector<std::string>& other_points = *visitor.entry_points;
      if (!ShareEntryPoint(own_points, other_points)) continue;
      const bool everywhere = own_points.empty() ? other_points.empty()
                                                 : std::ranges::includes(other_points, own_points);
      fits = fits && everywhere && own.tls.empty() == other.tls.empty() && !HasOptions(other) &&
             own.observability == other.observability && !named_parents_.contains(other.name);
    }
  });
  return fits;
}

// A router is in the tree with all of its hosts or not at all, so hosts that share one are decided
// about together.
void RouterTree::GrowToComponents() {
  std::unordered_set<const Router*> seen;
  for (std::size_t next = 0; next < dirty_.size();) {
    const HostEntry& host = *dirty_[next++];  // there are more of them meanwhile
    for (const Router* router : host.second.routers) {
      if (router->hosts.size() == 1 || !seen.insert(router).second) continue;
      for (HostEntry* other : router->hosts) Mark(*other);
    }
  }
}

void RouterTree::DecideWhoIsOut() {
  std::vector<HostEntry*> out;
  for (HostEntry* host : dirty_) {
    host->second.is_out = !FitsTree(*host);
    if (host->second.is_out) out.push_back(host);
  }
  std::unordered_set<const Router*> seen;
  for (std::size_t at = 0; at < out.size(); ++at) {
    for (const Router* router : out[at]->second.routers) {
      if (!seen.insert(router).second) continue;
      for (HostEntry* host : router->hosts) {
        if (host->second.is_out) continue;
        host->second.is_out = true;
        out.push_back(host);
      }
    }
  }
}

// For what a chain that became common, or is not any more, may change.
void RouterTree::MarkThoseOf(std::string_view chain) {
  for (const auto& [name, router] : routers_) {
    if (!BeginsWith(router->text->middlewares, chain)) continue;
    for (HostEntry* host : router->hosts) Mark(*host);
  }
}

// The longest common chain that whatever may get a request to this host begins with.
const std::string* RouterTree::ChainOf(const HostEntry& host) const {
  const auto& own = host.second.routers;
  const auto chain = std::ranges::find_if(chains_.common(), [&](const std::string* each) {
    bool all = std::ranges::all_of(
        own, [&](const Router* router) { return BeginsWith(router->text->middlewares, *each); });
    if (!all) return false;
    ForEachReaching(host.first, [&](const Router& visitor) {
      all = all && (BeginsWith(visitor.text->middlewares, *each) ||
                    std::ranges::none_of(own, [&](const Router* router) {
                      return ShareEntryPoint(*router->entry_points, *visitor.entry_points);
                    }));
    });
    return all;
  });
  return chain == chains_.common().end() ? nullptr : *chain;
}

// A router is below roots of one chain with all of its hosts, or below roots without any.
void RouterTree::DecideChains() {
  for (HostEntry* host : dirty_) host->second.chain = ChainOf(*host);
  std::vector<HostEntry*> without;
  const auto take_from = [&](const Router& router) {
    for (HostEntry* host : router.hosts) {
      if (!host->second.chain) continue;
      host->second.chain = nullptr;
      without.push_back(host);
    }
  };
  for (const HostEntry* host : dirty_) {
    for (const Router* router : host->second.routers) {
      const bool differ = std::ranges::any_of(router->hosts, [&](const HostEntry* other) {
        return other->second.chain != host->second.chain;
      });
      if (differ) take_from(*router);
    }
  }
  while (!without.empty()) {
    const HostEntry& host = *without.back();
    without.pop_back();
    for (const Router* router : host.second.routers) take_from(*router);
  }
}

RouterTree::Group& RouterTree::GroupOf(const Router& router, const std::string* chain) {
  std::string key = *router.group_key;
  if (chain) AppendMiddlewares(key, *chain);
  std::unique_ptr<Group>& group = groups_[key];
  if (!group) {
    group = std::make_unique<Group>();
    group->name = GroupName(key);
    if (chain) group->chain = *chain;
    group->listening.entry_points = *router.entry_points;
    group->listening.tls = router.text->tls;
    group->listening.has_resolver = router.text->has_resolver;
    group->listening.observability = router.text->observability;
  }
  return *group;
}

void RouterTree::Regroup(HostEntry& host) {
  std::vector<Group*> wanted;
  for (Router* router : host.second.routers) {
    Displace(*router);
    router->group = host.second.is_out ? nullptr : &GroupOf(*router, host.second.chain);
    if (router->group && std::ranges::find(wanted, router->group) == wanted.end()) {
      wanted.push_back(router->group);
    }
  }
  auto& leaves = host.second.leaves;
  std::erase_if(leaves, [&](const auto& leaf) {
    if (std::ranges::find(wanted, leaf.first) != wanted.end()) return false;
    leaf.first->leaving.insert(&host);
    return true;
  });
  for (Group* group : wanted) {
    const auto there = std::ranges::find(leaves, group, &std::pair<Group*, std::string>::first);
    if (there == leaves.end()) {
      leaves.emplace_back(group, "");
      group->joining.push_back(&host);
    } else {
      group->touched.push_back(&host);
    }
  }
}

// Brings the list of hosts up to date: one by one where few changed, else all at once.
void RouterTree::MoveHosts(Group& group) {
  constexpr std::size_t kFew = 32;
  const auto by_name = [](const HostEntry* a, const HostEntry* b) { return a->first < b->first; };
  if (group.joining.size() + group.leaving.size() > kFew) {
    std::erase_if(group.hosts, [&](HostEntry* host) { return group.leaving.contains(host); });
    std::ranges::sort(group.joining, by_name);
    const auto middle = static_cast<std::ptrdiff_t>(group.hosts.size());
    group.hosts.insert(group.hosts.end(), group.joining.begin(), group.joining.end());
    std::inplace_merge(group.hosts.begin(), group.hosts.begin() + middle, group.hosts.end(),
                       by_name);
    group.names.clear();
    for (const HostEntry* host : group.hosts) group.names.emplace_back(host->first);
    return;
  }
  const auto place_of = [&](const HostEntry* host) {
    return std::ranges::lower_bound(group.names, host->first) - group.names.begin();
  };
  for (const HostEntry* host : group.leaving) {
    const auto at = place_of(host);
    group.hosts.erase(group.hosts.begin() + at);
    group.names.erase(group.names.begin() + at);
  }
  for (HostEntry* host : group.joining) {
    const auto at = place_of(host);
    group.hosts.insert(group.hosts.begin() + at, host);
    group.names.insert(group.names.begin() + at, host->first);
  }
}

void RouterTree::Rebuild(Group& group) {
  MoveHosts(group);
  Limits limits = limits_;
  if (group.listening.has_resolver) {
    limits.root_hosts = std::min(limits.root_hosts, limits.certified_root_hosts);
  }
  std::vector<RootPart> parts = DivideIntoRoots(group.names, limits);
  std::map<std::size_t, std::size_t> part_at;  // by the beginnings of ranges
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (const Range& range : parts[i].ranges) part_at[range.begin] = i;
  }
  std::vector<bool> is_touched(parts.size());
  for (const auto* list : {&group.joining, &group.touched}) {
    for (const HostEntry* host : *list) {
      const auto at = std::ranges::lower_bound(group.names, host->first) - group.names.begin();
      is_touched[std::prev(part_at.upper_bound(static_cast<std::size_t>(at)))->second] = true;
    }
  }

  std::map<std::string, Root> before = std::exchange(group.roots, {});
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Root root{fmt::format("tree-{}-{}", group.name, parts[i].path), {}, {}};
    for (const Range& range : parts[i].ranges) {
      root.extents.push_back({group.hosts[range.begin]->second.serial,
                              group.hosts[range.end - 1]->second.serial, range.size()});
    }
    auto old = before.extract(parts[i].path);
    if (old && !is_touched[i] && old.mapped().extents == root.extents) {
      group.roots.insert(std::move(old));
      continue;
    }
    if (old) DropRoot(old.mapped());
    BuildRoot(group, root, parts[i].ranges);
    group.roots.emplace(std::move(parts[i].path), std::move(root));
  }
  for (const auto& [path, root] : before) {
    DropRoot(root);
    roots_.erase(root.name);
  }
  group.joining.clear();
  group.leaving.clear();
  group.touched.clear();
}

// Copies that hung below it do not any more.
void RouterTree::DropRoot(const Root& root) {
  for (Router* visitor : root.visitors) {
    visitor->copies.erase(root.name);
    Displace(*visitor);
  }
}

void RouterTree::BuildRoot(Group& group, Root& root, std::span<const Range> ranges) {
  std::vector<HostEntry*> hosts;
  std::vector<std::string_view> names;
  for (const Range& range : ranges) {
    for (std::size_t at = range.begin; at != range.end; ++at) {
      hosts.push_back(group.hosts[at]);
      names.push_back(group.names[at]);
    }
  }
  const RootLayout layout = LayOutRoot(names, limits_);
  const auto branch_name = [&](const std::optional<std::size_t>& branch) {
    return branch ? fmt::format("tree-{}:{}", group.name, layout.branches[*branch].path)
                  : root.name;
  };
  auto priority = std::numeric_limits<std::int64_t>::min();
  std::map<std::string_view, const Router*> routers;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    Host& host = hosts[i]->second;
    std::string& leaf =
        std::ranges::find(host.leaves, &group, &std::pair<Group*, std::string>::first)->second;
    leaf = branch_name(layout.leaves[i]);
    for (Router* router : host.routers) {
      if (router->group != &group) continue;
      priority = std::max(priority, router->priority);
      Displace(*router);
      if (group.listening.has_resolver) routers.emplace(router->text->name, router);
    }
    ForEachReaching(hosts[i]->first, [&](Router& visitor) {
      if (!ShareEntryPoint(*visitor.entry_points, group.listening.entry_points)) return;
      visitor.copies.try_emplace(root.name, Copies{group.chain, {}})
          .first->second.parents.insert(leaf);
      root.visitors.insert(&visitor);
      Displace(visitor);
    });
  }
  std::string domains;
  for (const auto& [name, router] : routers) {
    AppendMembers(domains, DomainsOf(*router->text, router->condition));
  }

  std::string text;
  AppendJsonString(text, root.name);
  text += R"(:{"rule":)";
  AppendJsonString(text, layout.rule);
  text += fmt::format(R"(,"priority":{})", priority);
  AppendMiddlewares(text, group.chain);
  AppendListening(text, group.listening.entry_points, group.listening.tls, domains,
                  group.listening.observability);
  text += '}';
  for (std::size_t i = 0; i < layout.branches.size(); ++i) {
    text += ',';
    AppendJsonString(text, branch_name(i));
    text += R"(:{"rule":)";
    AppendJsonString(text, "HostRegexp(`" + layout.branches[i].pattern + "`)");
    text += R"(,"parentRefs":[)";
    AppendJsonString(text, branch_name(layout.branches[i].parent));
    text += "]}";
  }
  auto& stored = roots_[root.name];
  if (!stored || *stored != text) stored = std::make_shared<const std::string>(std::move(text));
}

void RouterTree::Displace(Router& router) {
  if (router.is_misplaced) return;
  router.is_misplaced = true;
  misplaced_.push_back(&router);
}

void RouterTree::Place(Router& router, std::set<Key>& moved) {
  router.is_misplaced = false;
  const bool is_child = !router.hosts.empty() && router.group != nullptr;
  std::map<std::string_view, std::vector<std::string>> parents;  // by chain
  if (is_child) {
    for (const HostEntry* host : router.hosts) {
      const auto leaf = std::ranges::find(host->second.leaves, router.group,
                                          &std::pair<Group*, std::string>::first);
      parents[router.group->chain].push_back(leaf->second);
    }
  }
  for (const auto& [root, copies] : router.copies) {
    auto& names = parents[copies.chain];
    names.insert(names.end(), copies.parents.begin(), copies.parents.end());
  }
  std::vector<Standing> standings;
  for (auto& [chain, names] : parents) {
    AppendJsonStrings(standings.emplace_back(Standing{chain, {}}).parents,
                      Sorted(std::move(names)));
  }
  if (router.is_child == is_child && router.standings == standings) return;
  router.is_child = is_child;
  router.standings = std::move(standings);
  moved.insert(router.key);
}

std::set<RouterTree::Key> RouterTree::Update() {
  for (const std::string_view chain : chains_.Update()) MarkThoseOf(chain);
  MarkReached();
  GrowToComponents();
  DecideWhoIsOut();
  DecideChains();
  for (HostEntry* host : dirty_) Regroup(*host);
  for (auto group = groups_.begin(); group != groups_.end();) {
    Group& each = *group->second;
    if (!each.joining.empty() || !each.leaving.empty() || !each.touched.empty()) Rebuild(each);
    group = each.hosts.empty() ? groups_.erase(group) : std::next(group);
  }
  std::set<Key> moved;  // some of which may be gone by now
  for (Router* router : misplaced_) Place(*router, moved);
  misplaced_.clear();
  removed_.clear();
  for (HostEntry* host : dirty_) {
    host->second.is_dirty = false;
    if (host->second.routers.empty()) hosts_.erase(hosts_.find(host->first));
  }
  dirty_.clear();
  return moved;
}

void RouterTree::Append(std::string& members, const RouterText& router) const {
  const Router& placed = *routers_.at(router.name);
  if (!placed.is_child) AppendRouter(members, router);
  for (const Standing& standing : placed.standings) {
    std::string name = placed.is_child ? router.name : fmt::format("tree-copy-{}", router.name);
    if (!placed.is_child && !standing.chain.empty()) {
      name += fmt::format("-{}", GroupName(standing.chain));
    }
    AppendChildRouter(members, name, router, standing.parents, standing.chain);
  }
}

}  // namespace traefik::tree
