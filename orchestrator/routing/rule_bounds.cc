#include "orchestrator/routing/rule_bounds.h"

#include <algorithm>
#include <span>
#include <vector>

#include "traefik/rule.h"
#include "traefik/rules/expression.h"

namespace orchestrator::routing {
namespace {

using traefik::rules::Expression;
using Conjuncts = std::vector<Expression>;

void Flatten(const Expression& expression, Conjuncts& out) {
  if (expression.kind != Expression::Kind::kAnd) return out.push_back(expression);
  for (const Expression& operand : expression.operands) Flatten(operand, out);
}

std::vector<Conjuncts> OwnAddresses(const site::Site& site, traefik::rules::Protocol protocol) {
  std::vector<Conjuncts> all;
  for (const site::Address& address : site.hosts) {
    const std::span hosts(&address.host, 1);
    const traefik::PathPrefix* path = site::EffectivePath(site, address);
    if (protocol == traefik::rules::Protocol::kTcp) {
      // TCP knows no paths: who has a part of a host only does not have its connections.
      if (path || address.host.wildcard()) continue;
      all.push_back({{.matcher = "HostSNI", .arguments = {address.host.text()}, .operands = {}}});
      continue;
    }
    const auto own = traefik::rules::ParseExpression(path ? traefik::HostRule(hosts, *path)
                                                          : traefik::HostRule(hosts));
    if (own) Flatten(*own, all.emplace_back());
  }
  return all;
}

bool IsWithin(const Expression& expression, const std::vector<Conjuncts>& own) {
  if (expression.kind == Expression::Kind::kOr) {
    return std::ranges::all_of(expression.operands,
                               [&](const Expression& each) { return IsWithin(each, own); });
  }
  Conjuncts conjuncts;
  Flatten(expression, conjuncts);
  const auto has = [&](const Expression& wanted) {
    return std::ranges::find(conjuncts, wanted) != conjuncts.end();
  };
  if (std::ranges::any_of(
          own, [&](const Conjuncts& address) { return std::ranges::all_of(address, has); })) {
    return true;
  }
  // (Host(`a`) || Host(`b`)) && …
  return std::ranges::any_of(conjuncts, [&](const Expression& each) {
    return each.kind == Expression::Kind::kOr && IsWithin(each, own);
  });
}

}  // namespace

bool StaysWithin(std::string_view rule, const site::Site& site, traefik::rules::Protocol protocol) {
  const auto expression = traefik::rules::ParseExpression(rule);
  return expression && IsWithin(*expression, OwnAddresses(site, protocol));
}

}  // namespace orchestrator::routing
