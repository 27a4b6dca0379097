#include "orchestrator/adopt/taken_routes.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orchestrator/adopt/load_balancer.h"
#include "orchestrator/adopt/rule_reader.h"

namespace orchestrator::adopt {
namespace {

using Failure = std::unexpected<std::string>;

constexpr std::string_view kRetry = "orchestrator-retry";
constexpr std::string_view kLimitOption = "buffering.maxrequestbodybytes";

const Label* Find(const Options& options, std::string_view option) {
  const auto found = options.find(std::string(option));
  return found == options.end() ? nullptr : &found->second;
}

// What all routers of a site have in common.
struct Common {
  std::vector<std::string> entry_points;
  std::optional<site::Tls> tls;
  std::optional<site::Bytes> body_limit;
};

class RoutesReader {
 public:
  RoutesReader(const RoutingLabels& labels, const Middlewares& middlewares)
      : labels_(labels), middlewares_(middlewares), beyond_sites_(labels.beyond_sites) {}

  std::expected<TakenRoutes, std::string> Read() {
    if (!labels_.problems.empty()) return Failure(labels_.problems.front());
    CollectBeyondSites();
    auto balanced = ReadService();
    if (!beyond_sites_.empty()) {
      return Failure(
          fmt::format("no site can say what these labels say: {}", fmt::join(beyond_sites_, ", ")));
    }
    if (!balanced) return Failure(balanced.error());
    if (labels_.routers.empty()) {
      return Failure(
          "no label traefik.http.routers.….rule names its hosts; Traefik has its default rule, or "
          "none, for it");
    }
    for (const auto& [key, router] : labels_.routers) {
      if (auto read = ReadRouter(router); !read) return Failure(read.error());
    }
    RemarkUnusedMiddlewares();
    return std::move(routes_);
  }

 private:
  void CollectBeyondSites() {
    constexpr std::string_view kKnown[] = {
        "rule", "service", "middlewares", "entrypoints", "priority", "tls", "tls.certresolver",
    };
    for (const auto& [key, router] : labels_.routers) {
      for (const auto& [option, label] : router.options) {
        if (std::ranges::find(kKnown, option) == std::end(kKnown)) {
          beyond_sites_.push_back(label.key);
        }
      }
    }
  }

  std::expected<void, std::string> ReadService() {
    if (labels_.services.size() > 1) {
      return Failure(
          fmt::format("its labels define {} services, {} and {} among them; a site has "
                      "one",
                      labels_.services.size(), labels_.services.begin()->second.name,
                      std::next(labels_.services.begin())->second.name));
    }
    if (labels_.services.empty()) return {};
    return ReadLoadBalancer(labels_.services.begin()->second.options, routes_, beyond_sites_);
  }

  std::expected<void, std::string> ReadRouter(const NamedOptions& router) {
    if (auto good = CheckService(router); !good) return good;
    auto common = ReadCommon(router);
    if (!common) return Failure(common.error());
    if (auto good = Agree(router, *std::move(common)); !good) return good;

    const Label* const rule = Find(router.options, "rule");
    if (!rule) {
      return Failure(
          fmt::format("the router {} has no label with a rule; Traefik's default rule "
                      "is not known here",
                      router.name));
    }
    auto read = ReadRule(rule->value);
    if (!read) return Failure(fmt::format("the label {} {}", rule->key, read.error()));
    for (const traefik::PathPrefix& path : read->open_prefixes) {
      routes_.remarks.push_back(
          fmt::format("the label {} takes {}x, too, and all that starts alike; the site takes {} "
                      "and what is below it",
                      rule->key, path.text(), path.text()));
    }
    TakenRouter taken{router.name, std::move(read->addresses), 0, {}};
    if (const Label* const priority = Find(router.options, "priority")) {
      using Limits = std::numeric_limits<std::int64_t>;
      const auto number = ReadNumber(priority->value, Limits::min(), Limits::max());
      if (!number) {
        return Failure(fmt::format("the label {} is '{}', not a whole number", priority->key,
                                   priority->value));
      }
      taken.priority = *number;
      taken.priority_label = priority->key;
    }
    routes_.routers.push_back(std::move(taken));
    return {};
  }

  // The router's requests must go to the tasks of this service.
  std::expected<void, std::string> CheckService(const NamedOptions& router) const {
    const Label* const service = Find(router.options, "service");
    if (!service) return {};
    const std::string_view name = WithoutProvider(service->value);
    if (!labels_.services.empty() && labels_.services.begin()->second.name == name) return {};
    return Failure(
        fmt::format("the label {} sends requests to {}, which the labels here do not "
                    "define",
                    service->key, service->value));
  }

  std::expected<Common, std::string> ReadCommon(const NamedOptions& router) {
    Common common;
    if (const Label* const label = Find(router.options, "entrypoints")) {
      common.entry_points = SplitList(label->value);
    }
    const Label* const tls = Find(router.options, "tls");
    const Label* const resolver = Find(router.options, "tls.certresolver");
    const bool on = tls ? tls->value.empty() || Lower(tls->value) == "true" : resolver != nullptr;
    if (on) common.tls = site::Tls{resolver ? resolver->value : ""};
    if (tls && !on && (resolver || Lower(tls->value) != "false")) {
      routes_.remarks.push_back(fmt::format(
          "the label {} is '{}', by which Traefik uses no TLS, and neither will the site", tls->key,
          tls->value));
    }
    if (const Label* const label = Find(router.options, "middlewares")) {
      auto limit = ReadMiddlewares(*label);
      if (!limit) return Failure(limit.error());
      common.body_limit = *limit;
    }
    return common;
  }

  std::expected<std::optional<site::Bytes>, std::string> ReadMiddlewares(const Label& label) {
    std::optional<site::Bytes> limit;
    for (const std::string& reference : SplitList(label.value)) {
      const std::string name(WithoutProvider(reference));
      const auto found = middlewares_.find(name);
      const bool known = found != middlewares_.end();
      if (known && found->second.contradictory) {
        return Failure(fmt::format("the label {} names {}, which labels define in two ways",
                                   label.key, reference));
      }
      used_.push_back(name);
      if (name == kRetry && (!known || IsRetry(found->second.options))) continue;
      const Label* const bytes = known && found->second.options.size() == 1
                                     ? Find(found->second.options, kLimitOption)
                                     : nullptr;
      if (!bytes) {
        return Failure(
            fmt::format("the label {} names the middleware {}; sites have the limit of "
                        "request bodies only",
                        label.key, reference));
      }
      const auto count = ReadNumber(bytes->value, 0, std::numeric_limits<std::int64_t>::max());
      if (!count) {
        return Failure(
            fmt::format("the label {} is '{}', not a number of bytes", bytes->key, bytes->value));
      }
      if (*count == 0) continue;  // no limit, for Traefik
      // Of several the least decides.
      limit = std::min(limit.value_or(site::Bytes{*count}), site::Bytes{*count});
    }
    return limit;
  }

  static bool IsRetry(const Options& options) {
    return std::ranges::all_of(
        options, [](const auto& option) { return option.first.starts_with("retry."); });
  }

  // A site says these once for all of its hosts.
  std::expected<void, std::string> Agree(const NamedOptions& router, Common common) {
    if (routes_.routers.empty()) {
      routes_.entry_points = std::move(common.entry_points);
      routes_.tls = std::move(common.tls);
      routes_.body_limit = common.body_limit;
      return {};
    }
    const char* difference = nullptr;
    if (common.body_limit != routes_.body_limit) difference = "limit of request bodies";
    if (common.tls != routes_.tls) difference = "tls";
    if (common.entry_points != routes_.entry_points) difference = "entrypoints";
    if (!difference) return {};
    return Failure(
        fmt::format("the labels traefik.http.routers.{}.… and traefik.http.routers.{}.… "
                    "differ in {}, and a site has one for all of its hosts",
                    routes_.routers.front().name, router.name, difference));
  }

  void RemarkUnusedMiddlewares() {
    for (const auto& [key, middleware] : labels_.middlewares) {
      if (middleware.name == kRetry || std::ranges::find(used_, middleware.name) != used_.end()) {
        continue;
      }
      routes_.remarks.push_back(
          fmt::format("the middleware of the label {} is not used by its own routers; where others "
                      "use it, it must move to their services first",
                      middleware.options.begin()->second.key));
    }
  }

  const RoutingLabels& labels_;
  const Middlewares& middlewares_;
  std::vector<std::string> beyond_sites_;
  std::vector<std::string> used_;
  TakenRoutes routes_;
};

bool SameOptions(const Options& a, const Options& b) {
  return std::ranges::equal(a, b, [](const auto& left, const auto& right) {
    return left.first == right.first && left.second.value == right.second.value;
  });
}

}  // namespace

void AddMiddlewares(const RoutingLabels& labels, Middlewares& middlewares) {
  for (const auto& [key, middleware] : labels.middlewares) {
    const auto [known, added] =
        middlewares.emplace(middleware.name, Middleware{middleware.options, false});
    if (!added && !SameOptions(known->second.options, middleware.options)) {
      known->second.contradictory = true;
    }
  }
}

std::expected<TakenRoutes, std::string> ReadRoutes(const RoutingLabels& labels,
                                                   const Middlewares& middlewares) {
  return RoutesReader(labels, middlewares).Read();
}

}  // namespace orchestrator::adopt
