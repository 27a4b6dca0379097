#include "traefik/check/url.h"

#include <algorithm>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace traefik::check {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::string EscapeProblem(std::string_view text) {
  for (std::size_t at = 0; (at = text.find('%', at)) != std::string_view::npos; ++at) {
    if (at + 2 < text.size() && IsHex(text[at + 1]) && IsHex(text[at + 2])) continue;
    return fmt::format("has a broken escape: {}", text.substr(at, 3));
  }
  return {};
}

// Of a host's name, where only bytes beyond ASCII may be escaped.
std::string NameProblem(std::string_view name) {
  if (std::string problem = EscapeProblem(name); !problem.empty()) return problem;
  for (std::size_t at = 0; at < name.size(); ++at) {
    const char c = name[at];
    if (c == '%') {
      if (name[at + 1] < '8' && name.substr(at, 3) != "%25") {
        return fmt::format("has an escape in its host: {}", name.substr(at, 3));
      }
    } else if (static_cast<unsigned char>(c) < 0x80 && !IsLetter(c) && !IsDigit(c) &&
               !std::string_view("-_.~!$&'()*+,;=:[]<>\"").contains(c)) {
      return fmt::format("has '{}' in its host", c);
    }
  }
  return {};
}

std::string PortProblem(std::string_view port) {
  if (port.empty() || (port[0] == ':' && std::ranges::all_of(port.substr(1), IsDigit))) return {};
  return fmt::format("has '{}' where its port should be", port);
}

std::string HostProblem(std::string_view scheme, std::string_view host) {
  const std::size_t open = host.rfind('[');
  if (open == std::string_view::npos) {
    std::size_t colon = host.find(':');
    // Elsewhere hosts with colons are let pass.
    if (scheme != "http" && scheme != "https") colon = host.rfind(':');
    if (colon == std::string_view::npos) return NameProblem(host);
    std::string problem = PortProblem(host.substr(colon));
    return problem.empty() ? NameProblem(host.substr(0, colon)) : problem;
  }
  const std::size_t close = host.rfind(']');
  if (open > 0 || close == std::string_view::npos) return "has a broken address in brackets";
  if (std::string problem = PortProblem(host.substr(close + 1)); !problem.empty()) return problem;
  const std::string address(host.substr(1, close - 1));
  in6_addr parsed{};
  if (inet_pton(AF_INET6, address.substr(0, address.find("%25")).c_str(), &parsed) == 1) return {};
  return fmt::format("has '{}' in brackets, which is no IPv6 address", address);
}

std::string AuthorityProblem(std::string_view scheme, std::string_view authority) {
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return HostProblem(scheme, authority);
  const std::string_view user = authority.substr(0, at);
  const bool is_user = std::ranges::all_of(user, [](char c) {
    return IsLetter(c) || IsDigit(c) || std::string_view("-._:~!$&'()*+,;=%@").contains(c);
  });
  if (!is_user) return "has a broken user name";
  std::string problem = EscapeProblem(user);
  return problem.empty() ? HostProblem(scheme, authority.substr(at + 1)) : problem;
}

// Where the scheme ends; 0: there is none.
std::size_t SchemeLength(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') return i;
    const bool inner = IsDigit(text[i]) || std::string_view("+-.").contains(text[i]);
    const bool is_part = IsLetter(text[i]) || (inner && i > 0);
    if (!is_part) return 0;
  }
  return 0;
}

}  // namespace

std::string UrlProblem(std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::ranges::any_of(text, is_control)) return "has a control character";
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    if (std::string problem = EscapeProblem(text.substr(hash)); !problem.empty()) return problem;
    text = text.substr(0, hash);
  }
  if (text.starts_with(':')) return "has no scheme before its colon";
  const std::size_t scheme_length = SchemeLength(text);
  std::string scheme(text.substr(0, scheme_length));
  std::ranges::transform(scheme, scheme.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  std::string_view rest = scheme.empty() ? text : text.substr(scheme_length + 1);
  rest = rest.substr(0, rest.find('?'));
  if (!rest.starts_with('/')) {
    if (!scheme.empty()) return {};
    if (rest.substr(0, rest.find('/')).contains(':')) {
      return "has a colon and no scheme: put http:// before it";
    }
  }
  if (rest.starts_with("//") && (!scheme.empty() || !rest.starts_with("///"))) {
    const std::size_t path = std::min(rest.find('/', 2), rest.size());
    if (std::string problem = AuthorityProblem(scheme, rest.substr(2, path - 2));
        !problem.empty()) {
      return problem;
    }
    rest = rest.substr(path);
  }
  return EscapeProblem(rest);
}

}  // namespace traefik::check
