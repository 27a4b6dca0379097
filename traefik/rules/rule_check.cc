#include "traefik/rules/rule_check.h"

#include <algorithm>
#include <array>
#include <span>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "traefik/rules/expression.h"
#include "traefik/rules/regexp.h"
#include "traefik/rules/template.h"

namespace traefik::rules {
namespace {

using Arguments = std::vector<std::string>;

constexpr std::size_t kAnyNumber = 0;

// A matcher: what Traefik calls it, how many texts it takes, and what is wrong with them.
struct Matcher {
  std::string_view name;
  std::size_t least;
  std::size_t most;  // kAnyNumber: from one on
  std::string (*problem)(const Arguments&);
};

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }

std::string Anything(const Arguments&) { return {}; }

std::string Hosts(const Arguments& hosts) {
  for (const std::string& host : hosts) {
    if (!IsAscii(host)) {
      return fmt::format("'{}' must be in its ASCII form (xn--…)", host);
    }
  }
  return {};
}

std::string Regexps(const Arguments& patterns) {
  for (const std::string& pattern : patterns) {
    if (std::string problem = RegexpProblem(pattern); !problem.empty()) return problem;
  }
  return {};
}

std::string HostRegexp(const Arguments& patterns) {
  std::string problem = Hosts(patterns);
  return problem.empty() ? Regexps(patterns) : problem;
}

std::string Path(const Arguments& paths) {
  return paths[0].starts_with('/') ? ""
                                   : fmt::format("the path '{}' must start with '/'", paths[0]);
}

std::string Addresses(const Arguments& texts) {
  for (const std::string& text : texts) {
    if (!IsAddressOrRange(text)) {
      return fmt::format("'{}' is neither an IP address nor a range as 10.0.0.0/8", text);
    }
  }
  return {};
}

// The value's; a name alone asks only whether it is there.
std::string SecondRegexp(const Arguments& arguments) {
  return arguments.size() == 2 ? RegexpProblem(arguments[1]) : "";
}

std::string Templates(const Arguments& templates) {
  for (const std::string& text : templates) {
    if (std::string problem = TemplateProblem(text); !problem.empty()) {
      return fmt::format("'{}' {}", text, problem);
    }
  }
  return {};
}

std::string HostTemplates(const Arguments& templates) {
  std::string problem = Hosts(templates);
  return problem.empty() ? Templates(templates) : problem;
}

std::string PathTemplates(const Arguments& templates) {
  for (const std::string& text : templates) {
    if (!text.starts_with('/')) return fmt::format("the path '{}' must start with '/'", text);
  }
  return Templates(templates);
}

std::string Pairs(const Arguments& arguments) {
  return arguments.size() % 2 == 0 ? "" : "takes names and values in turn: one is missing";
}

std::string RegexpPairs(const Arguments& arguments) {
  if (std::string problem = Pairs(arguments); !problem.empty()) return problem;
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    if (std::string problem = RegexpProblem(arguments[i]); !problem.empty()) return problem;
  }
  return {};
}

std::string QueryPairs(const Arguments& arguments) {
  Arguments parts;
  for (const std::string& argument : arguments) {
    const auto equals = argument.find('=');
    parts.push_back(argument.substr(0, equals));
    if (equals != std::string::npos) parts.push_back(argument.substr(equals + 1));
  }
  if (std::string problem = Pairs(parts); !problem.empty()) return problem;
  for (std::size_t i = 0; i < parts.size(); i += 2) {
    const std::string both = parts[i] + "=" + parts[i + 1];
    if (std::string problem = TemplateProblem(both); !problem.empty()) {
      return fmt::format("'{}' {}", both, problem);
    }
  }
  return {};
}

bool IsServerName(std::string_view name, bool wildcard) {
  if (name == "*") return true;
  if (wildcard && name.starts_with("*.")) name.remove_prefix(2);
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (Lower(c) >= 'a' && Lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-' || c == ':';
  });
}

std::string ServerName(const Arguments& names) {
  return IsServerName(names[0], true) ? "" : fmt::format("'{}' is no host name", names[0]);
}

std::string ServerNamesV2(const Arguments& names) {
  for (const std::string& name : names) {
    if (!IsServerName(name, false)) return fmt::format("'{}' is no host name", name);
  }
  return {};
}

std::string Protocols(const Arguments& names) {
  return std::ranges::find(names, "acme-tls/1") == names.end()
             ? ""
             : "'acme-tls/1' is Traefik's own: it may not be matched";
}

constexpr Matcher kHttp[] = {
    {"ClientIP", 1, 1, Addresses},
    {"Method", 1, 1, Anything},
    {"Host", 1, 1, Hosts},
    {"HostRegexp", 1, 1, HostRegexp},
    {"Path", 1, 1, Path},
    {"PathRegexp", 1, 1, Regexps},
    {"PathPrefix", 1, 1, Path},
    {"Header", 2, 2, Anything},
    {"HeaderRegexp", 2, 2, SecondRegexp},
    {"Query", 1, 2, Anything},
    {"QueryRegexp", 1, 2, SecondRegexp},
};
constexpr Matcher kHttpV2[] = {
    {"Host", 1, kAnyNumber, Hosts},
    {"HostHeader", 1, kAnyNumber, Hosts},
    {"HostRegexp", 1, kAnyNumber, HostTemplates},
    {"ClientIP", 1, kAnyNumber, Addresses},
    {"Path", 1, kAnyNumber, PathTemplates},
    {"PathPrefix", 1, kAnyNumber, PathTemplates},
    {"Method", 1, kAnyNumber, Anything},
    {"Headers", 1, kAnyNumber, Pairs},
    {"HeadersRegexp", 1, kAnyNumber, RegexpPairs},
    {"Query", 1, kAnyNumber, QueryPairs},
};
constexpr Matcher kTcp[] = {
    {"ALPN", 1, 1, Protocols},
    {"ClientIP", 1, 1, Addresses},
    {"HostSNI", 1, 1, ServerName},
    {"HostSNIRegexp", 1, 1, HostRegexp},
};
constexpr Matcher kTcpV2[] = {
    {"ALPN", 1, kAnyNumber, Protocols},
    {"ClientIP", 1, kAnyNumber, Addresses},
    {"HostSNI", 1, kAnyNumber, ServerNamesV2},
    {"HostSNIRegexp", 1, kAnyNumber, Templates},
};

std::span<const Matcher> Matchers(Protocol protocol, Syntax syntax) {
  if (protocol == Protocol::kHttp) {
    return syntax == Syntax::kV3 ? std::span<const Matcher>(kHttp) : kHttpV2;
  }
  return syntax == Syntax::kV3 ? std::span<const Matcher>(kTcp) : kTcpV2;
}

// Traefik takes four spellings of a name: as documented, lower, UPPER and Title.
bool IsSpelling(std::string_view written, std::string_view name) {
  if (written == name) return true;
  const auto all = [](std::string_view a, std::string_view b, char (*change)(char)) {
    return std::ranges::equal(a, b, [&](char x, char y) { return x == change(y); });
  };
  return all(written, name, Lower) || all(written, name, Upper) ||
         (!written.empty() && written[0] == name[0] &&
          all(written.substr(1), name.substr(1), Lower));
}

class Checker {
 public:
  Checker(Protocol protocol, Syntax syntax)
      : matchers_(Matchers(protocol, syntax)),
        host_matcher_(protocol == Protocol::kHttp ? "Host" : "HostSNI") {}

  std::string Check(const Expression& expression, bool negated) {
    using Kind = Expression::Kind;
    if (expression.kind == Kind::kMatcher) return CheckMatcher(expression, negated);
    const bool inner = negated != (expression.kind == Kind::kNot);
    for (const Expression& operand : expression.operands) {
      if (std::string problem = Check(operand, inner); !problem.empty()) return problem;
    }
    return {};
  }

  std::vector<std::string> TakeHosts() { return std::move(hosts_); }

 private:
  std::string CheckMatcher(const Expression& expression, bool negated) {
    const auto found = std::ranges::find_if(matchers_, [&](const Matcher& matcher) {
      return IsSpelling(expression.matcher, matcher.name);
    });
    if (found == matchers_.end()) return fmt::format("there is no matcher {}", expression.matcher);
    const Arguments& arguments = expression.arguments;
    const std::size_t count = arguments.size();
    if (count < found->least || (found->most != kAnyNumber && count > found->most)) {
      return fmt::format("{} takes {} {}, not {}", found->name,
                         found->most == kAnyNumber     ? "at least one"
                         : found->least == found->most ? std::to_string(found->least)
                                                       : "1 or 2",
                         found->least == 1 && found->most == 1 ? "text" : "texts", count);
    }
    if (std::ranges::any_of(arguments, &std::string::empty)) {
      return fmt::format("{} has an empty text", found->name);
    }
    if (std::string problem = found->problem(arguments); !problem.empty()) {
      return fmt::format("{}: {}", found->name, problem);
    }
    if (found->name == host_matcher_ && !negated) {
      for (std::string host : arguments) {
        std::ranges::transform(host, host.begin(), Lower);
        hosts_.push_back(std::move(host));
      }
    }
    return {};
  }

  const std::span<const Matcher> matchers_;
  const std::string_view host_matcher_;
  std::vector<std::string> hosts_;
};
}  // namespace

std::expected<std::vector<std::string>, std::string> CheckRule(std::string_view rule,
                                                               Protocol protocol, Syntax syntax) {
  const auto expression = ParseExpression(rule);
  if (!expression) return std::unexpected(expression.error());
  Checker checker(protocol, syntax);
  if (std::string problem = checker.Check(*expression, /*negated=*/false); !problem.empty()) {
    return std::unexpected(std::move(problem));
  }
  return checker.TakeHosts();
}

bool IsAddressOrRange(std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  if (address.find('\0') != std::string::npos) return false;
  const bool v4 = inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
  if (!v4 && inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return false;
  if (slash == std::string_view::npos) return true;
  const std::string_view length = text.substr(slash + 1);
  if (length.empty() || length.size() > 3 ||
      !std::ranges::all_of(length, [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  const int bits = std::stoi(std::string(length));
  return bits <= (v4 ? 32 : 128);
}

}  // namespace traefik::rules
