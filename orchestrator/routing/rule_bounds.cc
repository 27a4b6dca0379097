#include "orchestrator/routing/rule_bounds.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <string>
#include <vector>

#include "traefik/base/rule.h"
#include "traefik/rules/expression.h"

namespace orchestrator::routing {
namespace {

using traefik::rules::Expression;
using Conjuncts = std::vector<Expression>;

struct OwnAddress {
  const site::Address* address;
  Conjuncts conjuncts;
};

void Flatten(const Expression& expression, Conjuncts& out) {
  if (expression.kind != Expression::Kind::kAnd) return out.push_back(expression);
  for (const Expression& operand : expression.operands) Flatten(operand, out);
}

std::vector<OwnAddress> OwnAddresses(const site::Site& site, traefik::rules::Protocol protocol) {
  std::vector<OwnAddress> all;
  for (const site::Address& address : site.hosts) {
    const std::span hosts(&address.host, 1);
    const traefik::PathPrefix* path = site::EffectivePath(site, address);
    if (protocol == traefik::rules::Protocol::kTcp) {
      // TCP knows no paths: who has a part of a host only does not have its connections.
      if (path || address.host.wildcard()) continue;
      const std::vector<std::string> host{address.host.text()};
      all.push_back({&address, {{.matcher = "HostSNI", .arguments = host, .operands = {}}}});
      continue;
    }
    const auto own = traefik::rules::ParseExpression(path ? traefik::HostRule(hosts, *path)
                                                          : traefik::HostRule(hosts));
    if (own) Flatten(*own, all.emplace_back(&address).conjuncts);
  }
  return all;
}

bool IsWithin(const Expression& expression, const std::vector<OwnAddress>& own,
              std::set<site::Address>& named) {
  if (expression.kind == Expression::Kind::kOr) {
    return std::ranges::all_of(expression.operands,
                               [&](const Expression& each) { return IsWithin(each, own, named); });
  }
  Conjuncts conjuncts;
  Flatten(expression, conjuncts);
  const auto has = [&](const Expression& wanted) {
    return std::ranges::find(conjuncts, wanted) != conjuncts.end();
  };
  bool within = false;
  for (const OwnAddress& address : own) {
    if (!std::ranges::all_of(address.conjuncts, has)) continue;
    named.insert(*address.address);
    within = true;
  }
  if (within) return true;
  // (Host(`a`) || Host(`b`)) && …
  return std::ranges::any_of(conjuncts, [&](const Expression& each) {
    return each.kind == Expression::Kind::kOr && IsWithin(each, own, named);
  });
}

// Hosts that a rule names anywhere count for TLS.
bool NamesOwnHostsOnly(const Expression& expression, const site::Site& site) {
  if (expression.kind != Expression::Kind::kMatcher) {
    return std::ranges::all_of(
        expression.operands, [&](const Expression& each) { return NamesOwnHostsOnly(each, site); });
  }
  std::string matcher = expression.matcher;
  std::ranges::transform(matcher, matcher.begin(), [](unsigned char c) { return std::tolower(c); });
  if (matcher != "host" && matcher != "hostsni" && matcher != "hostheader") return true;
  return std::ranges::all_of(expression.arguments, [&](const std::string& host) {
    return std::ranges::any_of(
        site.hosts, [&](const site::Address& address) { return address.host.text() == host; });
  });
}

}  // namespace

std::optional<std::set<site::Address>> AddressesOf(std::string_view rule, const site::Site& site,
                                                   traefik::rules::Protocol protocol) {
  const auto expression = traefik::rules::ParseExpression(rule);
  std::set<site::Address> named;
  if (!expression || !NamesOwnHostsOnly(*expression, site)) return {};
  if (!IsWithin(*expression, OwnAddresses(site, protocol), named)) return {};
  return named;
}

}  // namespace orchestrator::routing
