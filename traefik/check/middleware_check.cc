#include "traefik/check/middleware_check.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

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

void IpList(const Value& options, const Path& path, Problems& problems) {
  const auto ranges = TextsOf(options, "sourceRange");
  const Path place{&path, "sourceRange"};
  if (ranges.empty()) Fail(problems, place, "must have at least one address or range");
  for (const std::string_view range : ranges) {
    if (!rules::IsAddressOrRange(range)) {
      Fail(problems, place, fmt::format("'{}' is neither an IP address nor a range", range));
    }
  }
}

void Retry(const Value& options, const Path& path, Problems& problems) {
  const Value* attempts = options.Find("attempts");
  if (!attempts || *attempts->number() <= 0) {
    Fail(problems, {&path, "attempts"}, "must be at least 1");
  }
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
}

void DigestAuth(const Value& options, const Path& path, Problems& problems) {
  Users(options, path, problems, 2);
}

void Buffering(const Value& options, const Path& path, Problems& problems) {
  for (const std::string_view option : {"maxRequestBodyBytes", "memRequestBodyBytes",
                                        "maxResponseBodyBytes", "memResponseBodyBytes"}) {
    const Value* bytes = options.Find(option);
    if (bytes && *bytes->number() < 0) Fail(problems, {&path, option}, "must not be negative");
  }
}

void Compress(const Value& options, const Path& path, Problems& problems) {
  if (options.Find("excludedContentTypes") && options.Find("includedContentTypes")) {
    Fail(problems, path, "may exclude content types or include them, not both");
  }
  for (const std::string_view encoding : TextsOf(options, "encodings")) {
    if (encoding != "gzip" && encoding != "br" && encoding != "zstd") {
      Fail(problems, {&path, "encodings"},
           fmt::format("'{}' is none of gzip, br and zstd", encoding));
    }
  }
}

void ForwardAuth(const Value& options, const Path& path, Problems& problems) {
  NeedsRegexp(options, "authResponseHeadersRegex", path, problems);
}

void Headers(const Value& options, const Path& path, Problems& problems) {
  NeedsRegexps(options, "accessControlAllowOriginListRegex", path, problems);
}

// One way at most to tell where a request comes from.
void SourceCriterion(const Value& options, const Path& path, Problems& problems) {
  const Value* criterion = options.Find("sourceCriterion");
  if (criterion && criterion->object() && criterion->object()->size() > 1) {
    Fail(problems, {&path, "sourceCriterion"},
         "may have one of ipStrategy, requestHeaderName and requestHost");
  }
}

bool IsStatus(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

void ErrorPages(const Value& options, const Path& path, Problems& problems) {
  for (const std::string_view status : TextsOf(options, "status")) {
    const auto dash = status.find('-');
    const bool range = dash != std::string_view::npos;
    if (!IsStatus(status.substr(0, dash)) || (range && !IsStatus(status.substr(dash + 1)))) {
      Fail(problems, {&path, "status"},
           fmt::format("'{}' is neither a status nor a range as 500-599", status));
    }
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
    {"compress", Compress},
    {"rateLimit", SourceCriterion},
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
