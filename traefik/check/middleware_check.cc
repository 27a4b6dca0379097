#include "traefik/check/middleware_check.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <re2/re2.h>

#include "traefik/check/condition.h"
#include "traefik/codec/scalar.h"
#include "traefik/rules/regexp.h"
#include "traefik/rules/rule_check.h"

namespace traefik::check {
namespace {

using Check = void (*)(const Value& options, const Path& path, Problems& problems);

void NeedsText(const Value& options, std::string_view option, const Path& path,
               Problems& problems) {
  if (TextOf(options, option).empty()) Fail(problems, {&path, option}, "must not be empty");
}

void NeedsRegexp(const Value& options, std::string_view option, const Path& path,
                 Problems& problems) {
  const std::string problem = rules::RegexpProblem(TextOf(options, option));
  if (!problem.empty()) Fail(problems, {&path, option}, problem);
}

void NeedsRegexps(const Value& options, std::string_view option, const Path& path,
                  Problems& problems) {
  for (const std::string_view pattern : TextsOf(options, option)) {
    const std::string problem = rules::RegexpProblem(pattern);
    if (!problem.empty()) Fail(problems, {&path, option}, problem);
  }
}

std::int64_t NumberOf(const Value& object, std::string_view option, std::int64_t otherwise = 0) {
  const Value* value = object.Find(option);
  return value && value->number() ? *value->number() : otherwise;
}

void Ranges(const Value& options, std::string_view option, const Path& path, Problems& problems) {
  for (const std::string_view range : TextsOf(options, option)) {
    if (rules::IsAddressOrRange(range)) continue;
    Fail(problems, {&path, option},
         fmt::format("'{}' is neither an IP address nor a range", range));
  }
}

// How Traefik finds the address of a client.
void IpStrategy(const Value& owner, const Path& path, Problems& problems) {
  const Value* strategy = owner.Find("ipStrategy");
  if (!strategy) return;
  const Path place{&path, "ipStrategy"};
  constexpr std::int64_t kLongest = 128;
  const bool by_depth = NumberOf(*strategy, "depth") > 0;
  if (!by_depth && !TextsOf(*strategy, "excludedIPs").empty()) {
    Ranges(*strategy, "excludedIPs", place, problems);
    return;
  }
  const std::int64_t subnet = NumberOf(*strategy, "ipv6Subnet", 1);
  if (subnet < 1 || subnet > kLongest) {
    Fail(problems, {&place, "ipv6Subnet"}, fmt::format("must be from 1 to {}", kLongest));
  }
}

// What Traefik needs to talk TLS to others. Certificates are not read: they may be files there.
void ClientTls(const Value& owner, const Path& path, Problems& problems) {
  const Value* tls = owner.Find("tls");
  if (!tls) return;
  if (TextOf(*tls, "cert").empty() != TextOf(*tls, "key").empty()) {
    Fail(problems, {&path, "tls"}, "needs both cert and key, or none of them");
  }
}

void AddPrefix(const Value& options, const Path& path, Problems& problems) {
  NeedsText(options, "prefix", path, problems);
}

void StripPrefixRegex(const Value& options, const Path& path, Problems& problems) {
  NeedsRegexps(options, "regex", path, problems);
}

void Regexp(const Value& options, const Path& path, Problems& problems) {
  NeedsRegexp(options, "regex", path, problems);
}

void RedirectScheme(const Value& options, const Path& path, Problems& problems) {
  NeedsText(options, "scheme", path, problems);
}

// The statuses that have a name in Go.
bool IsNamedStatus(std::int64_t status) {
  static constexpr std::pair<std::int64_t, std::int64_t> kNamed[] = {
      {100, 103}, {200, 208}, {226, 226}, {300, 305}, {307, 308}, {400, 418},
      {421, 426}, {428, 429}, {431, 431}, {451, 451}, {500, 508}, {510, 511}};
  return std::ranges::any_of(
      kNamed, [&](const auto& range) { return status >= range.first && status <= range.second; });
}

void IpList(const Value& options, const Path& path, Problems& problems) {
  if (TextsOf(options, "sourceRange").empty()) {
    Fail(problems, {&path, "sourceRange"}, "must have at least one address or range");
  }
  Ranges(options, "sourceRange", path, problems);
  IpStrategy(options, path, problems);
  const std::int64_t status = NumberOf(options, "rejectStatusCode");
  if (status != 0 && !IsNamedStatus(status)) {
    Fail(problems, {&path, "rejectStatusCode"}, "is no status of HTTP");
  }
}

void Retry(const Value& options, const Path& path, Problems& problems) {
  if (NumberOf(options, "attempts") <= 0) Fail(problems, {&path, "attempts"}, "must be at least 1");
  if (IsTrue(options, "disableRetryOnNetworkError") && TextsOf(options, "status").empty()) {
    Fail(problems, path, "retries nothing: name a status, or let it retry on network errors");
  }
  CheckStatuses(options, "status", path, problems);
}

void Users(const Value& options, const Path& path, Problems& problems, std::ptrdiff_t colons) {
  for (const std::string_view user : TextsOf(options, "users")) {
    if (std::ranges::count(user, ':') != colons) {
      Fail(problems, {&path, "users"},
           colons == 1 ? "must be of the form name:hash" : "must be of the form name:realm:hash");
    }
  }
}

void BasicAuth(const Value& options, const Path& path, Problems& problems) {
  Users(options, path, problems, 1);
  if (TextsOf(options, "users").empty() && TextOf(options, "usersFile").empty()) {
    Fail(problems, {&path, "users"}, "must have at least one, or a usersFile");
  }
}

void DigestAuth(const Value& options, const Path& path, Problems& problems) {
  Users(options, path, problems, 2);
}

void Buffering(const Value& options, const Path& path, Problems& problems) {
  for (const std::string_view option : {"maxRequestBodyBytes", "memRequestBodyBytes",
                                        "maxResponseBodyBytes", "memResponseBodyBytes"}) {
    if (NumberOf(options, option) < 0) Fail(problems, {&path, option}, "must not be negative");
  }
  const std::string_view retry = TextOf(options, "retryExpression");
  if (retry.empty()) return;
  const std::string problem = ConditionProblem(retry, ConditionOf::kBuffering);
  if (!problem.empty()) Fail(problems, {&path, "retryExpression"}, problem);
}

void CircuitBreaker(const Value& options, const Path& path, Problems& problems) {
  const std::string problem =
      ConditionProblem(TextOf(options, "expression"), ConditionOf::kCircuitBreaker);
  if (!problem.empty()) Fail(problems, {&path, "expression"}, problem);
}

// mime.ParseMediaType.
bool IsMediaType(std::string_view text) {
  static const std::string kToken = "[-!#$%&'*+.^_`|~0-9A-Za-z]+";
  static const re2::RE2 kMediaType(
      fmt::format(R"re(\s*{0}(/{0})?\s*(;\s*{0}\s*=\s*({0}|"(\\.|[^"\\])*")\s*)*;?\s*)re", kToken));
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), kMediaType);
}

void Compress(const Value& options, const Path& path, Problems& problems) {
  if (options.Find("excludedContentTypes") && options.Find("includedContentTypes")) {
    Fail(problems, path, "may exclude content types or include them, not both");
  }
  for (const std::string_view option : {"excludedContentTypes", "includedContentTypes"}) {
    for (const std::string_view type : TextsOf(options, option)) {
      if (IsMediaType(type)) continue;
      Fail(problems, {&path, option}, fmt::format("'{}' is no content type as text/html", type));
    }
  }
  const auto encodings = TextsOf(options, "encodings");
  const std::string_view preferred = TextOf(options, "defaultEncoding");
  if (!preferred.empty() && !encodings.empty() &&
      std::ranges::find(encodings, preferred) == encodings.end()) {
    Fail(problems, {&path, "defaultEncoding"},
         fmt::format("must be one of the encodings: {}", fmt::join(encodings, ", ")));
  }
  for (const std::string_view encoding : encodings) {
    if (encoding != "gzip" && encoding != "br" && encoding != "zstd") {
      Fail(problems, {&path, "encodings"},
           fmt::format("'{}' is none of gzip, br and zstd", encoding));
    }
  }
}

void ForwardAuth(const Value& options, const Path& path, Problems& problems) {
  NeedsRegexp(options, "authResponseHeadersRegex", path, problems);
  ClientTls(options, path, problems);
}

void Headers(const Value& options, const Path& path, Problems& problems) {
  NeedsRegexps(options, "accessControlAllowOriginListRegex", path, problems);
  const Object* members = options.object();
  const bool says_something =
      members && std::ranges::any_of(*members, [](const Member& member) {
        const bool* flag = std::get_if<bool>(&member.value.data);
        const bool is_off =
            (flag && !*flag) || (member.value.text() && member.value.text()->empty());
        return !is_off;
      });
  if (!says_something) Fail(problems, path, "sets no header");
}

// One way at most to tell where a request comes from.
void SourceCriterion(const Value& options, const Path& path, Problems& problems) {
  const Value* criterion = options.Find("sourceCriterion");
  if (!criterion || !criterion->object()) return;
  const Path place{&path, "sourceCriterion"};
  if (criterion->object()->size() > 1) {
    Fail(problems, place, "may have one of ipStrategy, requestHeaderName and requestHost");
  }
  IpStrategy(*criterion, place, problems);
}

void RateLimit(const Value& options, const Path& path, Problems& problems) {
  SourceCriterion(options, path, problems);
  const auto period = codec::ParseTime(TextOf(options, "period"));
  if (period && *period < 0) Fail(problems, {&path, "period"}, "must not be negative");
  if (const Value* redis = options.Find("redis")) ClientTls(*redis, {&path, "redis"}, problems);
}

void ErrorPages(const Value& options, const Path& path, Problems& problems) {
  NeedsText(options, "service", path, problems);
  CheckStatuses(options, "status", path, problems);
  const Value* rewrites = options.Find("statusRewrites");
  if (!rewrites || !rewrites->object()) return;
  for (const Member& rewrite : *rewrites->object()) {
    CheckStatus(rewrite.name, {&path, "statusRewrites"}, problems);
  }
}

struct Kind {
  std::string_view name;
  Check check;
};
constexpr Kind kKinds[] = {
    {"addPrefix", AddPrefix},
    {"stripPrefixRegex", StripPrefixRegex},
    {"replacePathRegex", Regexp},
    {"redirectRegex", Regexp},
    {"redirectScheme", RedirectScheme},
    {"ipAllowList", IpList},
    {"ipWhiteList", IpList},
    {"retry", Retry},
    {"basicAuth", BasicAuth},
    {"digestAuth", DigestAuth},
    {"buffering", Buffering},
    {"circuitBreaker", CircuitBreaker},
    {"compress", Compress},
    {"rateLimit", RateLimit},
    {"inFlightReq", SourceCriterion},
    {"errors", ErrorPages},
    {"forwardAuth", ForwardAuth},
    {"headers", Headers},
};

}  // namespace

void CheckMiddleware(const Value& middleware, const Path& path, Problems& problems) {
  const Object* kinds = middleware.object();
  if (!kinds || kinds->empty()) {
    Fail(problems, path, "has no kind: name one, as headers or compress");
    return;
  }
  if (kinds->size() > 1) {
    std::vector<std::string_view> names;
    for (const Member& kind : *kinds) names.emplace_back(kind.name);
    Fail(problems, path,
         fmt::format("has several kinds ({}): make a middleware of each", fmt::join(names, ", ")));
    return;
  }
  const Member& kind = kinds->front();
  const auto found = std::ranges::find(kKinds, kind.name, &Kind::name);
  if (found != std::end(kKinds)) found->check(kind.value, {&path, kind.name}, problems);
}

}  // namespace traefik::check
