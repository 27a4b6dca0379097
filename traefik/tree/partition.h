#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// How hosts are divided over the branches of a tree of routers. Everything here is a function of
// the set of hosts alone, and a host that comes or goes changes only what is on its own way: hosts
// are divided by the character after what all of a branch begin with, and branches of few hosts
// beside each other are one.
namespace traefik::tree {

// Sorted, plain (see HostCondition), and without repetition.
using Hosts = std::span<const std::string_view>;

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;

  std::size_t size() const { return end - begin; }
};

struct Limits {
  // Measured: with much fewer hosts a root, every request walks along many roots; with many more,
  // the change of one host rewrites a long rule.
  std::size_t root_hosts = 2048;
  // Of roots that ask for certificates: Traefik compares every two domains of a router.
  std::size_t certified_root_hosts = 128;
  // Comparing a few dozen hosts costs as much as one more level of routers.
  std::size_t leaf_hosts = 32;
};

// Hosts that have a router of their own at the entry points, which matches exactly them.
struct RootPart {
  std::string path;           // unique among the parts of a division
  std::vector<Range> ranges;  // of its hosts, ascending
};

std::vector<RootPart> DivideIntoRoots(Hosts hosts, const Limits& limits);

// A router below a root, or below another branch, that matches the hosts which are its own of those
// that reach it.
struct Branch {
  std::string path;                   // unique among the branches of all roots of a division
  std::string pattern;                // a regular expression for hosts
  std::optional<std::size_t> parent;  // an earlier one; none: the root
};

struct RootLayout {
  std::string rule;  // matches requests to the hosts, and names them with Host(…) for TLS
  std::vector<Branch> branches;
  std::vector<std::optional<std::size_t>> leaves;  // of each host: its branch, or the root itself
};

RootLayout LayOutRoot(Hosts hosts, const Limits& limits);

}  // namespace traefik::tree
