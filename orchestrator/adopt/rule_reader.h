#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/site/site.h"
#include "traefik/base/rule.h"

// Reads back those rules of Traefik that say no more than where a site answers. The inverse of
// traefik::HostRule. Pure functions.
namespace orchestrator::adopt {

struct HostRule {
  std::vector<site::Address> addresses;  // in the rule's order, each once
  // Those paths that the rule writes as PathPrefix(`/p`) alone. Traefik takes /px for them, too; a
  // site with the path /p does not.
  std::vector<traefik::PathPrefix> open_prefixes;
};

// Understands disjunctions of Host(`a`) and Host(`a`, `b`), in any parentheses, and
// "&& PathPrefix(`/p`)" or "&& (Path(`/p`) || PathPrefix(`/p/`))" behind any part of them. The
// error continues a sentence that names the rule: "has … at character 7, …", counted from 1.
std::expected<HostRule, std::string> ReadRule(std::string_view rule);

// The addresses alone.
std::expected<std::vector<site::Address>, std::string> ReadHostRule(std::string_view rule);

}  // namespace orchestrator::adopt
