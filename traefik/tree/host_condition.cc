#include "traefik/tree/host_condition.h"

#include <algorithm>
#include <utility>

#include "traefik/rules/expression.h"
#include "traefik/rules/regexp.h"

namespace traefik::tree {
namespace {

using rules::Expression;
using Bounds = std::optional<std::vector<std::string>>;

enum class Answer : std::uint8_t { kNo, kMaybe, kYes };

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// Hosts that may stand in a regular expression and whose equality is that of their texts. Of those
// with a dot at the end Traefik knows several forms.
bool IsPlainHost(std::string_view host) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || std::string_view("._-:").contains(c);
  };
  return !host.empty() && !host.ends_with('.') && std::ranges::all_of(host, is_plain);
}

bool IsPlainWildcard(std::string_view host) {
  return host.starts_with("*.") && IsPlainHost(host.substr(2));
}

bool Covers(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return pattern == host;
  return ParentDomain(host) == pattern.substr(2);
}

std::string NamedHost(const Expression& matcher) {
  if (matcher.kind != Expression::Kind::kMatcher) return {};
  if (matcher.arguments.size() != 1 || Lower(matcher.matcher) != "host") return {};
  std::string host = Lower(matcher.arguments.front());
  return IsPlainHost(host) || IsPlainWildcard(host) ? host : std::string();
}

void CollectNamed(const Expression& expression, std::vector<std::string>& out) {
  if (std::string host = NamedHost(expression); !host.empty()) out.push_back(std::move(host));
  for (const Expression& operand : expression.operands) CollectNamed(operand, out);
}

Bounds BoundsOf(const Expression& expression) {
  switch (expression.kind) {
    case Expression::Kind::kNot:
      return {};
    case Expression::Kind::kMatcher: {
      std::string host = NamedHost(expression);
      return host.empty() ? Bounds() : Bounds({std::move(host)});
    }
    case Expression::Kind::kAnd: {
      // The closest of them bounds all.
      Bounds closest;
      for (const Expression& operand : expression.operands) {
        Bounds bounds = BoundsOf(operand);
        if (bounds && (!closest || bounds->size() < closest->size())) closest = std::move(bounds);
      }
      return closest;
    }
    case Expression::Kind::kOr: {
      std::vector<std::string> all;
      for (const Expression& operand : expression.operands) {
        Bounds bounds = BoundsOf(operand);
        if (!bounds) return {};
        all.insert(all.end(), bounds->begin(), bounds->end());
      }
      return all;
    }
  }
  return {};
}

}  // namespace

struct HostCondition::Node {
  Expression::Kind kind = Expression::Kind::kMatcher;
  std::vector<Node> operands;
  // Of a matcher; where both are unset, it asks for something else than hosts.
  std::string host;
  std::optional<rules::Regexp> regexp;

  static Node Of(const Expression& expression) {
    Node node{.kind = expression.kind, .operands = {}, .host = {}, .regexp = {}};
    if (expression.kind != Expression::Kind::kMatcher) {
      for (const Expression& operand : expression.operands) node.operands.push_back(Of(operand));
      return node;
    }
    node.host = NamedHost(expression);
    if (Lower(expression.matcher) == "hostregexp" && expression.arguments.size() == 1) {
      if (auto compiled = rules::Regexp::Compile(expression.arguments.front())) {
        node.regexp = *std::move(compiled);
      }
    }
    return node;
  }

  Answer AnswerMatcher(std::string_view for_host) const {
    if (!host.empty()) {
      if (!Covers(host, for_host)) return Answer::kNo;
      // Versions differ in what they make of a wildcard.
      return host.starts_with('*') ? Answer::kMaybe : Answer::kYes;
    }
    // Traefik also tries the empty text, in the place of a host that it did not look up.
    if (!regexp || regexp->Matches("")) return Answer::kMaybe;
    const bool bare = regexp->Matches(for_host);
    const bool dotted = regexp->Matches(std::string(for_host) + '.');
    if (bare != dotted) return Answer::kMaybe;
    return bare ? Answer::kYes : Answer::kNo;
  }

  Answer For(std::string_view for_host) const {
    switch (kind) {
      case Expression::Kind::kMatcher:
        return AnswerMatcher(for_host);
      case Expression::Kind::kNot:
        return static_cast<Answer>(static_cast<int>(Answer::kYes) -
                                   static_cast<int>(operands.front().For(for_host)));
      case Expression::Kind::kAnd: {
        Answer answer = Answer::kYes;
        for (const Node& operand : operands) answer = std::min(answer, operand.For(for_host));
        return answer;
      }
      case Expression::Kind::kOr: {
        Answer answer = Answer::kNo;
        for (const Node& operand : operands) answer = std::max(answer, operand.For(for_host));
        return answer;
      }
    }
    return Answer::kMaybe;
  }
};

HostCondition HostCondition::Never() {
  HostCondition condition;
  condition.bounds_.emplace();
  condition.is_exact_ = true;
  return condition;
}

HostCondition HostCondition::Of(std::string_view rule, bool old_syntax) {
  if (old_syntax) return {};
  const auto expression = rules::ParseExpression(rule);
  if (!expression) return Never();
  HostCondition condition;
  CollectNamed(*expression, condition.named_);
  condition.bounds_ = BoundsOf(*expression);
  if (condition.bounds_) {
    std::ranges::sort(*condition.bounds_);
    const auto repeated = std::ranges::unique(*condition.bounds_);
    condition.bounds_->erase(repeated.begin(), repeated.end());
    condition.is_exact_ = std::ranges::none_of(
        *condition.bounds_, [](const std::string& host) { return host.starts_with('*'); });
  }
  condition.root_ = std::make_shared<const Node>(Node::Of(*expression));
  return condition;
}

bool HostCondition::Takes(std::string_view host) const {
  return root_ && root_->For(host) == Answer::kYes;
}

bool HostCondition::MayMatch(std::string_view host) const {
  if (bounds_ && std::ranges::none_of(
                     *bounds_, [&](const std::string& pattern) { return Covers(pattern, host); })) {
    return false;
  }
  return !root_ || root_->For(host) != Answer::kNo;
}

std::string_view ParentDomain(std::string_view host) {
  const auto dot = host.find('.');
  return dot == std::string_view::npos ? std::string_view() : host.substr(dot + 1);
}

}  // namespace traefik::tree
