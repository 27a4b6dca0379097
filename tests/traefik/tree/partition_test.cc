#include "traefik/tree/partition.h"

#include <algorithm>
#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "traefik/rules/regexp.h"
#include "traefik/rules/rule_check.h"

namespace traefik::tree {
namespace {

std::vector<std::string> RandomHosts(unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](int count) { return std::uniform_int_distribution(0, count - 1)(random); };
  std::set<std::string> hosts;
  const int count = 1 + below(300);
  for (int i = 0; i < count; ++i) {
    std::string host;
    for (int length = 1 + below(4); length > 0; --length) {
      host += std::string_view("ab-.s_1")[static_cast<std::size_t>(below(7))];
    }
    host += std::vector<std::string>{"", ".x", ".example",
                                     ".example.org"}[static_cast<std::size_t>(below(4))];
    if (!host.ends_with('.')) hosts.insert(host);
  }
  hosts.insert("a");
  return {hosts.begin(), hosts.end()};
}

TEST_CASE("A division has every host once, in a root of its own path") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    const auto texts = RandomHosts(seed);
    const std::vector<std::string_view> hosts(texts.begin(), texts.end());
    std::vector<int> seen(hosts.size());
    std::set<std::string> paths;
    for (const RootPart& part : DivideIntoRoots(hosts, {.root_hosts = 16})) {
      CHECK(paths.insert(part.path).second);
      for (const Range& range : part.ranges) {
        for (std::size_t i = range.begin; i < range.end; ++i) ++seen[i];
      }
    }
    CHECK(std::ranges::all_of(seen, [](int times) { return times == 1; }));
  }
}

// Of the branches below `parent` those that take a request to `host`.
std::vector<std::size_t> Taking(const RootLayout& layout, std::optional<std::size_t> parent,
                                const std::string& host) {
  std::vector<std::size_t> taking;
  for (std::size_t i = 0; i < layout.branches.size(); ++i) {
    if (layout.branches[i].parent != parent) continue;
    const auto pattern = rules::Regexp::Compile(layout.branches[i].pattern);
    REQUIRE(pattern);
    if (pattern->Matches(host)) taking.push_back(i);
  }
  return taking;
}

TEST_CASE("Every host finds its leaf, and nothing else takes it on its way") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    const auto texts = RandomHosts(seed);
    const std::vector<std::string_view> hosts(texts.begin(), texts.end());
    const RootLayout layout = LayOutRoot(hosts, {.leaf_hosts = 4});
    const auto named = rules::CheckRule(layout.rule);
    REQUIRE(named);
    auto sorted = *named;
    std::ranges::sort(sorted);
    CHECK(sorted == texts);
    std::set<std::string> paths;
    for (const Branch& branch : layout.branches) CHECK(paths.insert(branch.path).second);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (const std::string& host : {texts[i], texts[i] + "."}) {
        std::optional<std::size_t> at;
        for (auto next = Taking(layout, at, host); !next.empty(); next = Taking(layout, at, host)) {
          INFO("seed " << seed << ": " << host << " at " << layout.branches[next.front()].path);
          CHECK(next.size() == 1);
          at = next.front();
        }
        INFO("seed " << seed << ": " << host);
        CHECK(at == layout.leaves[i]);
      }
    }
  }
}

TEST_CASE("A few hosts need no branches") {
  const std::vector<std::string_view> one{"a.example"};
  CHECK(LayOutRoot(one, {}).rule == "Host(`a.example`)");
  CHECK(LayOutRoot(one, {}).branches.empty());
  const std::vector<std::string_view> two{"a.example", "ab.example"};
  CHECK(LayOutRoot(two, {}).rule ==
        "HostRegexp(`^a`) && (Host(`a.example`) || Host(`ab.example`))");
  CHECK(DivideIntoRoots({}, {}).empty());
}

}  // namespace
}  // namespace traefik::tree
