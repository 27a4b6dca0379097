#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "traefik/router_text.h"
#include "traefik/tree/common_chains.h"
#include "traefik/tree/partition.h"

namespace traefik::tree {

// Puts flat HTTP routers into a tree ("parentRefs", Traefik 3.6), so that a request is compared
// with few of them. Every request gets the router that it would get of the flat ones:
//
// - A root matches exactly the hosts that its routers name, and no request to them that none of its
//   routers takes, so that all others go where they went. It has the priority that its routers
//   were given, or the highest of those that have none.
// - Below it are all routers that may match these hosts. One that may match other hosts as well
//   (a wildcard, or no host at all) stands alone, too, and has a copy below.
// - Routers stay alone, and their hosts out of the tree, where one root could not stand for all:
//   other entry points, priorities or TLS, TLS options, parents of their own, or no router for the
//   whole host.
// - A chain of middlewares that many routers begin with stands at the root alone, where all below
//   it begin so: every request that the root takes goes through it anyway.
//
// The result is a function of the set of routers, and a change moves only what is near it. Not
// thread-safe.
class RouterTree {
 public:
  using Key = std::uint64_t;
  using Roots = std::map<std::string, std::shared_ptr<const std::string>>;

  explicit RouterTree(const Limits& limits = {});
  ~RouterTree();
  RouterTree(RouterTree&&) noexcept;
  RouterTree& operator=(RouterTree&&) noexcept;

  // The routers of `key`, whose names no other key has, in the place of those that it had. They are
  // shared, not copied.
  void Put(Key key, std::span<const std::shared_ptr<const RouterText>> routers);
  void Put(Key key, std::span<const RouterText> routers);

  // Takes in what was put. The keys of which a router stands elsewhere now, some of which may have
  // none any more.
  std::set<Key> Update();

  // Appends the members of a router as it stands since the last Update: `"name":{…}`, and the copy.
  void Append(std::string& members, const RouterText& router) const;

  // Members of the tree's own routers, by root; texts that did not change stay the same objects.
  const Roots& roots() const { return roots_; }

 private:
  struct Standing;
  struct Copies;
  struct Router;
  struct Host;
  struct Root;
  struct Group;
  using HostMap = std::map<std::string, Host, std::less<>>;
  using HostEntry = HostMap::value_type;

  void Attach(Key key, const std::shared_ptr<const RouterText>& shared);
  void Detach(const std::string& name);
  void Mark(HostEntry& host);
  void MarkHosts(const Router& router);
  void MarkReached();
  void CountOptionsOf(const Router& router, int change);
  void CountParentsOf(const Router& router, int change);
  template <typename Visit>
  void ForEachReaching(std::string_view host, const Visit& visit) const;
  bool FitsTree(const HostEntry& host) const;
  void GrowToComponents();
  void MarkThoseOf(std::string_view chain);
  void DecideWhoIsOut();
  const std::string* ChainOf(const HostEntry& host) const;
  void DecideChains();
  void Regroup(HostEntry& host);
  Group& GroupOf(const Router& router, const std::string* chain);
  static void MoveHosts(Group& group);
  void Rebuild(Group& group);
  void BuildRoot(Group& group, Root& root, std::span<const Range> ranges);
  void DropRoot(const Root& root);
  void Displace(Router& router);
  static void Place(Router& router, std::set<Key>& moved);

  Limits limits_;
  std::unordered_map<std::string, std::unique_ptr<Router>> routers_;
  std::map<Key, std::vector<std::string>> names_;
  HostMap hosts_;
  std::map<std::string, std::unique_ptr<Group>> groups_;  // by what their roots have
  // Routers that may match hosts which they do not name, by what they are bound to: "*.a.example".
  std::map<std::string, std::vector<Router*>, std::less<>> bound_;
  std::vector<Router*> unbound_;
  std::map<std::string, int, std::less<>> named_parents_;  // how often each is named
  std::map<std::string, int, std::less<>> with_options_;   // hosts, by routers with TLS options
  std::set<std::string> group_keys_;
  std::set<std::vector<std::string>> entry_points_;  // of any router
  CommonChains chains_;
  std::uint64_t last_serial_ = 0;

  // Since the last Update.
  std::vector<HostEntry*> dirty_;
  std::vector<const Router*> changed_roaming_;
  std::vector<Router*> misplaced_;
  std::vector<std::unique_ptr<Router>> removed_;  // until nothing points to them any more

  Roots roots_;
};

}  // namespace traefik::tree
