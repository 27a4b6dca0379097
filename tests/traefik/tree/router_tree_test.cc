#include "traefik/tree/router_tree.h"

#include <limits>
#include <random>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace traefik::tree {
namespace {

using nlohmann::json;
using Key = RouterTree::Key;

RouterText Router(const std::string& name, const std::string& rule,
                  const std::vector<std::string>& entry_points = {"web"}) {
  RouterText router;
  router.name = name;
  router.rule = rule;
  router.entry_points = entry_points;
  router.body = R"("rule":)" + json(rule).dump() + R"(,"service":"s")";
  return router;
}

RouterText Router(const std::string& name, const std::string& rule, std::int64_t priority) {
  RouterText router = Router(name, rule);
  router.priority = priority;
  return router;
}

// All routers of the document that the tree makes of `routers`.
json Compiled(RouterTree& tree, const std::vector<RouterText>& routers) {
  std::string members;
  for (const auto& [name, text] : tree.roots()) {
    if (!members.empty()) members += ',';
    members += *text;
  }
  for (const RouterText& router : routers) tree.Append(members, router);
  return json::parse("{" + members + "}");
}

json Compile(const std::vector<RouterText>& routers, const Limits& limits = {}) {
  RouterTree tree(limits);
  Key key = 0;
  for (const RouterText& router : routers) tree.Put(key++, std::span(&router, 1));
  tree.Update();
  return Compiled(tree, routers);
}

// The names of those that stand at entry points.
std::vector<std::string> Alone(const json& routers) {
  std::vector<std::string> names;
  for (const auto& [name, router] : routers.items()) {
    if (!router.contains("parentRefs") && !name.starts_with("tree-")) names.push_back(name);
  }
  return names;
}

using Names = std::vector<std::string>;

TEST_CASE("A router stands alone where one root could not stand for all") {
  struct Case {
    const char* sentence;
    std::vector<RouterText> routers;
    Names alone;
  };
  RouterText tls = Router("b", "Host(`x`) && Path(`/b`)");
  tls.tls = R"({"certResolver":"le"})";
  RouterText other_tls = Router("a", "Host(`x`)");
  other_tls.tls = "{}";
  RouterText quiet = Router("b", "Host(`x`) && Path(`/b`)");
  quiet.observability = R"({"accessLogs":false})";
  RouterText child = Router("b", "Path(`/b`)", Names{});
  child.parents = {"a@http"};
  child.body = R"("parentRefs":["a@http"])";
  RouterText reaching = Router("w", "Host(`*.y`)", Names{"web", "other"});
  reaching.tls = "{}";
  RouterText secure = Router("e", "Host(`x`) && Path(`/e`)");
  secure.tls = "{}";
  RouterText optioned = Router("o", "!Host(`x`) && Path(`/o`)", Names{"other"});
  optioned.tls = R"({"options":"strict"})";
  optioned.tls_options = "strict";
  const Case cases[] = {
      {"should not for a host of its own", {Router("a", "Host(`x`)")}, {}},
      {"should not for paths of one host beside the whole",
       {Router("a", "Host(`x`)"), Router("b", "Host(`x`) && Path(`/b`)")},
       {}},
      {"should not for other entry points that are disjoint",
       {Router("a", "Host(`x`)", Names{"web"}), Router("b", "Host(`x`)", Names{"other"})},
       {}},
      {"should for entry points that overlap",
       {Router("a", "Host(`x`)", Names{"web"}), Router("b", "Host(`x`)", Names{"other", "web"})},
       {"a", "b"}},
      {"should for default entry points, which may be any",
       {Router("a", "Host(`x`)", Names{}), Router("b", "Host(`x`)", Names{"other"})},
       {"a", "b"}},
      {"should not for the same entry points in another order",
       {Router("a", "Host(`x`)", Names{"a", "b"}), Router("b", "Host(`x`)", Names{"b", "a"})},
       {}},
      {"should for another TLS", {other_tls, tls}, {"a", "b"}},
      {"should for another observability", {Router("a", "Host(`x`)"), quiet}, {"a", "b"}},
      {"should for a parent of a tree of its own",
       {Router("a", "Host(`x`)"), child, Router("c", "Host(`x`) && Path(`/c`)"),
        Router("d", "Host(`d`)")},
       {"a", "c"}},
      {"should with all of its hosts, and with their routers",
       {Router("a", "Host(`x`) || Host(`y`)"), Router("b", "Host(`y`) || Host(`z`)"), secure,
        Router("c", "Host(`z`)"), Router("d", "Host(`d`)")},
       {"a", "b", "c", "e"}},
      {"should for a wildcard of other entry points that reaches it",
       {Router("a", "Host(`x.y`)", Names{"other", "web"}), Router("w", "Host(`*.y`)", Names{"web"}),
        Router("d", "Host(`d.z`)", Names{"other", "web"})},
       {"a", "w"}},
      {"should for a wildcard of another TLS, in whatever order the entry points are",
       {Router("a", "Host(`x.y`)", Names{"web"}), reaching, Router("d", "Host(`d.z`)")},
       {"a", "w"}},
      {"should for a refused rule", {Router("a", "Host(")}, {"a"}},
      {"should where a request to the host may be nobody's here",
       {Router("a", "Host(`x`) && Path(`/a`)"), Router("d", "Host(`d`)")},
       {"a"}},
      {"should for another priority",
       {Router("a", "Host(`x`)"), Router("b", "Host(`x`)", 9)},
       {"a", "b"}},
      {"should not for the same priority",
       {Router("a", "Host(`x`)", 9), Router("b", "Host(`y`)", 9)},
       {}},
      {"should for a priority that Traefik refuses",
       {Router("a", "Host(`x`)", std::numeric_limits<std::int64_t>::max())},
       {"a"}},
      {"should for a host that has TLS options elsewhere, also where that excludes it",
       {Router("a", "Host(`x`)"), Router("d", "Host(`d`)"), optioned},
       {"a", "o"}},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(Alone(Compile(c.routers)) == c.alone);
  }
}

TEST_CASE("A router that may match other hosts stands alone and has a copy where it is met") {
  const json routers = Compile({Router("a", "Host(`a.x`)"), Router("b", "Host(`b.y`)"),
                                Router("w", "Host(`*.x`)"), Router("all", "PathPrefix(`/p`)")},
                               {.root_hosts = 1, .leaf_hosts = 1});
  CHECK(Alone(routers) == Names{"all", "w"});
  const auto parent_of = [&](const char* name) { return routers.at(name).at("parentRefs"); };
  REQUIRE(parent_of("a").size() == 1);
  CHECK(parent_of("tree-copy-w") == parent_of("a"));
  CHECK(parent_of("tree-copy-all").size() == 2);
  CHECK_FALSE(routers.at("tree-copy-w").contains("entryPoints"));
  CHECK(routers.at("tree-copy-w").at("rule") == "Host(`*.x`)");
}

TEST_CASE("A root has the entry points, the TLS and the highest priority of its routers") {
  RouterText low = Router("low", "Host(`x`) || Host(`y`)");
  low.tls = R"({"certResolver":"le"})";
  low.has_resolver = true;
  RouterText high = Router("high", "Host(`x`) && Path(`/a-long-one`)");
  high.tls = low.tls;
  high.has_resolver = true;
  high.tls_domains = R"({"main":"*.x"})";
  const json routers = Compile({low, high});
  const json root = routers.at(routers.at("low").at("parentRefs").at(0).get<std::string>());
  CHECK(root["priority"] == high.rule.size());
  CHECK(root["entryPoints"] == json{"web"});
  CHECK(root["tls"] == json::parse(R"({"certResolver":"le",
      "domains":[{"main":"*.x"},{"main":"x","sans":["y"]}]})"));
  CHECK_FALSE(root.contains("service"));
  CHECK_FALSE(routers.at("low").contains("tls"));
}

RouterText WithChain(RouterText router, const Names& middlewares) {
  for (const std::string& name : middlewares) {
    if (!router.middlewares.empty()) router.middlewares += ',';
    router.middlewares += json("max-request-" + name).dump();
  }
  return router;
}

// Of its own, without what WithChain puts before their names.
Names Own(const json& router) {
  Names names = router.value("middlewares", Names{});
  for (std::string& name : names) name.erase(0, std::string("max-request-").size());
  return names;
}

// The middlewares that a request passes on its way through the root to this router.
Names Passed(const json& routers, const std::string& name) {
  Names passed = Own(routers.at(name));
  for (json router = routers.at(name); router.contains("parentRefs");) {
    router = routers.at(router["parentRefs"][0].get<std::string>());
    const Names above = Own(router);
    passed.insert(passed.begin(), above.begin(), above.end());
  }
  return passed;
}

TEST_CASE("Middlewares stand at a root where all below it begin with them") {
  struct Case {
    const char* sentence;
    std::vector<RouterText> routers;
    const char* name;
    Names own;  // that the router of this name has itself
    Names passed;
  };
  const RouterText a = WithChain(Router("a", "Host(`a.x`)"), {"m", "n"});
  const RouterText b = WithChain(Router("b", "Host(`b.x`)"), {"m", "n"});
  const auto all = [&](RouterText router) { return std::vector{a, b, std::move(router)}; };
  const auto many = [&](RouterText router) {
    std::vector<RouterText> routers = all(std::move(router));
    for (int i = 0; i < 8; ++i) {
      routers.push_back(
          WithChain(Router(fmt::format("r{}", i), fmt::format("Host(`r{}.x`)", i)), {"m", "n"}));
    }
    return routers;
  };
  const RouterText plain = Router("p", "Host(`p.x`)");
  const Case cases[] = {
      {"should be at the root once", {a, b}, "a", {}, {"m", "n"}},
      {"should leave what comes after them to a few routers",
       many(WithChain(Router("p", "Host(`p.x`)"), {"m", "n", "o"})),
       "p",
       {"o"},
       {"m", "n", "o"}},
      {"should be as many as the router begins with",
       many(WithChain(Router("p", "Host(`p.x`)"), {"m", "o"})),
       "p",
       {"o"},
       {"m", "o"}},
      {"should not be taken out of their order",
       many(WithChain(Router("p", "Host(`p.x`)"), {"n", "m"})),
       "p",
       {"n", "m"},
       {"n", "m"}},
      {"should not be taken for a name that begins alike",
       many(WithChain(Router("p", "Host(`p.x`)"), {"mm", "n"})),
       "p",
       {"mm", "n"},
       {"mm", "n"}},
      {"should leave a router without any without any", all(plain), "p", {}, {}},
      {"should not move others for a router without any", all(plain), "a", {}, {"m", "n"}},
      {"should stay where a path of the host has others",
       all(WithChain(Router("p", "Host(`a.x`) && Path(`/p`)"), {"o"})),
       "a",
       {"m", "n"},
       {"m", "n"}},
      {"should stay where another host of a router is reached by others",
       {a, b, WithChain(Router("p", "Host(`b.x`) || Host(`c.y`)"), {"m", "n"}),
        Router("w", "Host(`*.y`)")},
       "b",
       {"m", "n"},
       {"m", "n"}},
      {"should stay where a wildcard that reaches the host has others",
       all(Router("w", "Host(`*.x`)")),
       "a",
       {"m", "n"},
       {"m", "n"}},
      {"should be left out of the copy of a wildcard that begins with them",
       all(WithChain(Router("w", "Host(`*.x`)"), {"m", "n", "o"})),
       "w",
       {"m", "n", "o"},
       {"m", "n", "o"}},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const json routers = Compile(c.routers);
    INFO(routers.dump(2));
    CHECK(Passed(routers, c.name) == c.passed);
    CHECK(Own(routers.at(c.name)) == c.own);
  }
}

TEST_CASE("A middleware of unknown kind stays with its router") {
  RouterText a = Router("a", "Host(`a.x`)");
  a.middlewares = R"("max-request-1","auth","max-request-2")";
  RouterText b = Router("b", "Host(`b.x`)");
  b.middlewares = a.middlewares;
  const json routers = Compile({a, b});
  CHECK(routers.at("a").at("middlewares") == Names{"auth", "max-request-2"});
}

TEST_CASE("A copy below roots of several chains is one for each") {
  std::vector<RouterText> routers;
  for (int i = 0; i < 4; ++i) {
    const auto host = [&](const char* name) { return fmt::format("Host(`{}{}.x`)", name, i); };
    routers.push_back(WithChain(Router(fmt::format("a{}", i), host("a")), {"m"}));
    routers.push_back(WithChain(Router(fmt::format("b{}", i), host("b")), {"m", "n"}));
  }
  routers.push_back(WithChain(Router("w", "Host(`*.x`)"), {"m", "n", "o"}));
  const json compiled = Compile(routers);
  std::set<Names> owns;
  for (const auto& [name, router] : compiled.items()) {
    if (!name.starts_with("tree-copy-")) continue;
    owns.insert(Own(router));
    CHECK(Passed(compiled, name) == Names{"m", "n", "o"});
  }
  CHECK(owns == std::set<Names>{{"n", "o"}, {"o"}});
}

RouterText RandomRouter(std::mt19937& random, const std::string& name) {
  const auto below = [&](int count) { return std::uniform_int_distribution(0, count - 1)(random); };
  const auto host = [&] {
    return fmt::format("{}{}.{}", below(3) == 0 ? "site-" : "", below(40), below(3));
  };
  std::string rule = "Host(`" + host() + "`)";
  switch (below(8)) {
    case 0:
      rule += " || Host(`" + host() + "`)";
      break;
    case 1:
      rule = "Host(`*." + std::to_string(below(3)) + "`)";
      break;
    case 2:
      rule = "(" + rule + ") && Path(`/x`)";
      break;
    case 3:
      if (below(4) == 0) rule = "HostRegexp(`^site-1`)";
      break;
    default:
      break;
  }
  RouterText router = Router(name, rule, below(5) == 0 ? Names{"a", "web"} : Names{"web"});
  const Names chain(static_cast<std::size_t>(below(3)), "m");
  router = WithChain(router, chain);
  if (below(8) == 0) router = WithChain(router, {"n"});
  if (below(10) == 0) router.tls = "{}";
  if (below(20) == 0) router.parents = {fmt::format("r{}", below(60))};
  return router;
}

TEST_CASE("A tree is the same whatever came before, and says what moved") {
  std::mt19937 random(7);
  const Limits limits{.root_hosts = 16, .leaf_hosts = 4};
  for (int run = 0; run < 20; ++run) {
    RouterTree tree(limits);
    std::map<Key, RouterText> now;
    std::map<Key, std::string> texts;
    for (int change = 0; change < 60; ++change) {
      std::set<Key> put;
      for (int i = std::uniform_int_distribution(1, 8)(random); i > 0; --i) {
        const Key key = std::uniform_int_distribution<Key>(0, 59)(random);
        put.insert(key);
        if (random() % 4 == 0) {
          now.erase(key);
          tree.Put(key, std::span<const RouterText>());
        } else {
          now[key] = RandomRouter(random, fmt::format("r{}", key));
          tree.Put(key, std::span<const RouterText>(&now[key], 1));
        }
      }
      put.merge(tree.Update());

      RouterTree fresh(limits);
      for (auto entry = now.rbegin(); entry != now.rend(); ++entry) {
        fresh.Put(entry->first, std::span<const RouterText>(&entry->second, 1));
      }
      fresh.Update();
      REQUIRE(tree.roots().size() == fresh.roots().size());
      for (const auto& [name, text] : tree.roots()) CHECK(*text == *fresh.roots().at(name));
      for (const auto& [key, router] : now) {
        std::string text;
        tree.Append(text, router);
        std::string expected;
        fresh.Append(expected, router);
        CHECK(text == expected);
        if (!put.contains(key)) CHECK(text == texts[key]);
        texts[key] = text;
      }
    }
  }
}

TEST_CASE("A change of one site moves what is near it only") {
  RouterTree tree;
  std::vector<RouterText> routers;
  for (int i = 0; i < 20'000; ++i) {
    routers.push_back(Router(fmt::format("r{}", i), fmt::format("Host(`site-{}.example`)", i)));
  }
  for (Key key = 0; key < routers.size(); ++key)
    tree.Put(key, std::span<const RouterText>(&routers[key], 1));
  tree.Update();
  const RouterTree::Roots before = tree.roots();
  CHECK(before.size() > 9);

  for (const char* host : {"site-77.example", "another.example", "site-12345.example.org"}) {
    const RouterText added = Router("added", fmt::format("Host(`{}`)", host));
    tree.Put(1'000'000, std::span<const RouterText>(&added, 1));
    const std::size_t moved = tree.Update().size();
    INFO(host);
    CHECK(moved < 200);
    std::size_t changed = 0;
    for (const auto& [name, text] : tree.roots()) {
      const auto old = before.find(name);
      if (old == before.end() || old->second != text) ++changed;
    }
    CHECK(changed <= 2);
    tree.Put(1'000'000, std::span<const RouterText>());
    tree.Update();
  }
}

}  // namespace
}  // namespace traefik::tree
