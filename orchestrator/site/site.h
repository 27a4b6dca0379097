#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traefik/base/host_name.h"
#include "traefik/base/rule.h"

// What a site is. Values without behaviour; whoever holds one holds valid parts (see codec.h).
namespace orchestrator::site {

struct SiteId {
  static constexpr std::int64_t kLargest = 999'999'999;

  std::int64_t value = 0;  // 1 … kLargest

  friend auto operator<=>(const SiteId&, const SiteId&) = default;
};

// "site_0017": the name of the site's service, router and middlewares.
std::string ServiceName(SiteId id);

// That all names which ServiceName makes begin with.
inline constexpr std::string_view kServicePrefix = "site_";

// Whether it can be the name of an entry point, a certificate resolver, a pool or an instance. Such
// names go into labels, where a comma would split them.
bool IsName(std::string_view text);

// The id of a service name that ServiceName made, if it is one.
std::optional<SiteId> ParseServiceName(std::string_view name);

// One of the places where a site answers: a host, or a path of a host that others share.
struct Address {
  traefik::HostName host;
  std::optional<traefik::PathPrefix> path;  // unset: the site's routing.path_prefix

  friend auto operator<=>(const Address&, const Address&) = default;
};

// "www.example.com" or "www.example.com/path".
std::string Text(const Address& address);

enum class Kind { kDynamic, kStatic, kExternal };

enum class RoutingMode { kDefault, kLabels, kProvider };

// What an update of a running site does first: start the new task, so that there is no gap, or stop
// the old one, for sites of which there must never be two.
enum class UpdateOrder { kStartFirst, kStopFirst };

struct Bytes {
  std::int64_t count = 0;

  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};

struct NanoCpus {
  std::int64_t count = 0;  // 10^9 are one core

  friend auto operator<=>(const NanoCpus&, const NanoCpus&) = default;
};

struct Resources {
  NanoCpus cpus{500'000'000};
  Bytes memory{std::int64_t{100} << 20};
  Bytes max_request_body{std::int64_t{10} << 20};

  friend bool operator==(const Resources&, const Resources&) = default;
};

struct Database {
  std::string url;
  std::string name;
  std::string username;
  std::string password;

  friend bool operator==(const Database&, const Database&) = default;
};

struct Tls {
  std::string resolver;  // Traefik's certificate resolver; empty: the default certificate

  friend bool operator==(const Tls&, const Tls&) = default;
};

// An update waits until the new task listens on port 80 before the old one stops.
struct Readiness {
  std::chrono::milliseconds timeout{60'000};  // after which the task has failed

  friend bool operator==(const Readiness&, const Readiness&) = default;
};

struct HealthCheck {
  std::string path;
  std::chrono::milliseconds interval{10'000};

  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

inline constexpr std::string_view kDefaultPool = "default";

struct Routing {
  RoutingMode mode = RoutingMode::kDefault;
  std::optional<traefik::PathPrefix> path_prefix;
  std::optional<std::vector<std::string>> entry_points;  // unset: the configuration's
  std::optional<Tls> tls;
  bool sticky = false;
  std::optional<HealthCheck> health_check;
  std::string pool{kDefaultPool};  // the Traefiks that have its routes
  std::string extra;               // a piece of Traefik's dynamic configuration, JSON; empty: none

  friend bool operator==(const Routing&, const Routing&) = default;
};

struct Site {
  SiteId id;
  Kind kind = Kind::kDynamic;
  std::vector<Address> hosts;  // at least one, no two alike
  bool served = true;
  std::optional<std::string> image;  // dynamic and static: instead of the base image
  std::optional<std::string> run;    // dynamic: the text of a run file
  Resources resources;
  std::map<std::string, std::string> environment;
  std::optional<Database> database;
  UpdateOrder update_order = UpdateOrder::kStartFirst;
  std::optional<Readiness> readiness;
  std::vector<std::string> upstreams;  // external only, at least one URL
  Routing routing;

  friend bool operator==(const Site&, const Site&) = default;
};

// The path below which the site answers at this address; null for the whole host.
const traefik::PathPrefix* EffectivePath(const Site& site, const Address& address);

const char* Name(Kind kind);
const char* Name(RoutingMode mode);
const char* Name(UpdateOrder order);

}  // namespace orchestrator::site
