#include "orchestrator/site/reader.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/json/reader.h"
#include "orchestrator/site/limits.h"
#include "orchestrator/site/units.h"
#include "provider/http/url.h"

namespace orchestrator::site {
namespace {

using nlohmann::json;
using orchestrator::json::ObjectReader;
using Problems = std::vector<FieldProblem>;

constexpr std::size_t kMostHosts = 100;
constexpr std::size_t kMostUpstreams = 100;
constexpr std::size_t kMostVariables = 1000;
constexpr std::size_t kLongestExtra = 256 << 10;
constexpr std::size_t kLongestRunFile = 256 << 10;
constexpr double kMostCpus = 1024;
constexpr Bytes kMostMemory{std::int64_t{1} << 46};
constexpr std::chrono::milliseconds kShortestReadiness{1'000};
constexpr std::chrono::milliseconds kLongestReadiness{3'600'000};

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

template <typename Enum, std::size_t N>
void ReadEnum(ObjectReader& reader, std::string_view key, const Enum (&values)[N], Enum& out) {
  const auto text = reader.String(key);
  if (!text) return;
  std::string known;
  for (const Enum value : values) {
    if (*text == Name(value)) {
      out = value;
      return;
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", Name(value));
  }
  reader.Fail(key, fmt::format("is '{}'; it must be one of {}", *text, known));
}

// "www.example.com" or "www.example.com/path".
std::expected<Address, std::string> ParseAddress(std::string_view text) {
  const std::size_t slash = text.find('/');
  auto host = traefik::HostName::Parse(text.substr(0, slash));
  if (!host) return std::unexpected(host.error());
  Address address{*std::move(host), {}};
  if (slash == std::string_view::npos) return address;
  auto path = traefik::PathPrefix::Parse(text.substr(slash));
  if (!path) return std::unexpected(fmt::format("has a path that {}", path.error()));
  address.path = *std::move(path);
  return address;
}

void ReadHosts(ObjectReader& reader, Problems& problems, std::vector<Address>& hosts) {
  const auto texts = reader.Strings("hosts");
  if (!texts) {
    if (!reader.Has("hosts")) reader.Fail("hosts", "must name at least one host");
    return;
  }
  if (texts->empty()) reader.Fail("hosts", "must name at least one host");
  if (texts->size() > kMostHosts) {
    reader.Fail("hosts", fmt::format("has {} hosts; {} are allowed", texts->size(), kMostHosts));
    return;
  }
  std::set<Address> seen;
  for (std::size_t i = 0; i < texts->size(); ++i) {
    auto host = ParseAddress((*texts)[i]);
    const auto fail = [&](std::string detail) {
      problems.push_back(
          {orchestrator::json::Pointer(reader.PointerTo("hosts"), i), std::move(detail)});
    };
    if (!host) {
      fail(host.error());
    } else if (!seen.insert(*host).second) {
      fail(fmt::format("names '{}' a second time", Text(*host)));
    } else {
      hosts.push_back(*std::move(host));
    }
  }
}

void ReadBytes(ObjectReader& reader, std::string_view key, Bytes least, Bytes most, Bytes& out) {
  const json* value = reader.Find(key);
  if (!value) return;
  Bytes bytes;
  if (value->is_string()) {
    const auto parsed = ParseBytes(value->get<std::string>());
    if (!parsed) return reader.Fail(key, parsed.error());
    bytes = *parsed;
  } else {
    const auto count = reader.Integer(key);
    if (!count) return;
    bytes.count = *count;
  }
  if (bytes < least || bytes > most) {
    return reader.Fail(key, fmt::format("is {} bytes; it must be from {} to {}", bytes.count,
                                        least.count, most.count));
  }
  out = bytes;
}

void ReadResources(ObjectReader& parent, Problems& problems, Resources& resources) {
  const json* value = parent.Find("resources");
  if (!value) return;
  ObjectReader reader(*value, parent.PointerTo("resources"), problems);
  if (const auto cpus = reader.Number("cpus")) {
    const double nano = std::round(*cpus * 1e9);
    if (nano < static_cast<double>(kLeastCpus.count) || *cpus > kMostCpus) {
      reader.Fail("cpus", fmt::format("must be from 0.001 to {}", kMostCpus));
    } else {
      resources.cpus.count = static_cast<std::int64_t>(nano);
    }
  }
  ReadBytes(reader, "memory", kLeastMemory, kMostMemory, resources.memory);
  ReadBytes(reader, "max_request_body", Bytes{1}, kMostMemory, resources.max_request_body);
  reader.RefuseUnknown();
}

bool HasNul(std::string_view text) { return text.contains('\0'); }

bool IsVariableName(std::string_view name) {
  return !name.empty() && (name.front() < '0' || name.front() > '9') &&
         std::ranges::all_of(name, [](char c) { return IsNameCharacter(c) && c != '-'; });
}

void ReadEnvironment(ObjectReader& parent, Problems& problems,
                     std::map<std::string, std::string>& environment) {
  const json* value = parent.Find("environment");
  if (!value) return;
  ObjectReader reader(*value, parent.PointerTo("environment"), problems);
  if (!value->is_object()) return;
  if (value->size() > kMostVariables) {
    return parent.Fail("environment", fmt::format("has {} variables; {} are allowed", value->size(),
                                                  kMostVariables));
  }
  for (const auto& [name, unused] : value->items()) {
    if (!IsVariableName(name)) {
      reader.Fail(name, "is not a variable name: letters, digits and _ only, no digit first");
      continue;
    }
    const auto text = reader.String(name);
    if (!text) {
      if (!reader.Has(name)) reader.Fail(name, "must be a text; leave the variable out instead");
    } else if (HasNul(*text)) {
      reader.Fail(name, "has a NUL character");
    } else {
      environment[name] = *text;
    }
  }
}

void ReadDatabase(ObjectReader& parent, Problems& problems, std::optional<Database>& out) {
  const json* value = parent.Find("database");
  if (!value) return;
  ObjectReader reader(*value, parent.PointerTo("database"), problems);
  Database database;
  for (const auto& [key, field] : {std::pair{"url", &Database::url},
                                   {"name", &Database::name},
                                   {"username", &Database::username},
                                   {"password", &Database::password}}) {
    auto text = reader.String(key);
    if (!text) {
      if (!reader.Has(key)) reader.Fail(key, "is needed");
    } else if (HasNul(*text)) {
      reader.Fail(key, "has a NUL character");
    } else {
      database.*field = *std::move(text);
    }
  }
  if (!database.url.empty() && !database.url.contains("://")) {
    reader.Fail("url", "must be a URL, as in postgresql://host:5432/name");
  }
  reader.RefuseUnknown();
  out = std::move(database);
}

void ReadImage(ObjectReader& reader, std::optional<std::string>& out) {
  auto image = reader.String("image");
  if (!image) return;
  const bool good = !image->empty() && image->size() <= 512 && image->front() != '-' &&
                    std::ranges::all_of(*image, [](char c) {
                      return IsNameCharacter(c) || std::string_view("./:@").contains(c);
                    });
  if (!good) return reader.Fail("image", "is not the name of an image, as in registry/name:tag");
  out = std::move(image);
}

void ReadTls(ObjectReader& parent, Problems& problems, std::optional<Tls>& out) {
  const json* value = parent.Find("tls");
  if (!value) return;
  ObjectReader reader(*value, parent.PointerTo("tls"), problems);
  Tls tls;
  if (const auto resolver = reader.String("resolver")) {
    if (IsName(*resolver)) {
      tls.resolver = *resolver;
    } else {
      reader.Fail("resolver", "may have letters, digits, -, _ and . only");
    }
  }
  if (reader.Find("certificate")) {
    reader.Fail("certificate", "is not supported by this version; use a resolver");
  }
  reader.RefuseUnknown();
  out = tls;
}

// A duration from `shortest` to `longest`, where it is given.
void ReadDuration(ObjectReader& reader, const char* key, std::chrono::milliseconds shortest,
                  std::chrono::milliseconds longest, std::chrono::milliseconds& out) {
  const auto text = reader.String(key);
  if (!text) return;
  const auto duration = ParseDuration(*text);
  if (!duration) {
    reader.Fail(key, duration.error());
  } else if (*duration < shortest || *duration > longest) {
    reader.Fail(key, fmt::format("must be from {} to {}", FormatDuration(shortest),
                                 FormatDuration(longest)));
  } else {
    out = *duration;
  }
}

void ReadReadiness(ObjectReader& parent, Problems& problems, std::optional<Readiness>& out) {
  const json* value = parent.Find("readiness");
  if (!value) return;
  ObjectReader reader(*value, parent.PointerTo("readiness"), problems);
  Readiness readiness;
  ReadDuration(reader, "timeout", kShortestReadiness, kLongestReadiness, readiness.timeout);
  reader.RefuseUnknown();
  out = readiness;
}

void ReadHealthCheck(ObjectReader& parent, Problems& problems, std::optional<HealthCheck>& out) {
  const json* value = parent.Find("health_check");
  if (!value) return;
  ObjectReader reader(*value, parent.PointerTo("health_check"), problems);
  HealthCheck check;
  if (auto path = reader.String("path")) {
    const bool printable =
        std::ranges::all_of(*path, [](char c) { return c > ' ' && c < 0x7f && c != '`'; });
    if (path->starts_with('/') && printable && path->size() <= 1024) {
      check.path = *std::move(path);
    } else {
      reader.Fail("path", "must start with '/' and have no spaces");
    }
  } else if (!reader.Has("path")) {
    reader.Fail("path", "is needed");
  }
  ReadDuration(reader, "interval", kShortestInterval, kLongestInterval, check.interval);
  reader.RefuseUnknown();
  out = std::move(check);
}

void ReadRouting(ObjectReader& parent, Problems& problems, Routing& routing) {
  const json* value = parent.Find("routing");
  if (!value) return;
  ObjectReader reader(*value, parent.PointerTo("routing"), problems);
  ReadEnum(reader, "mode", {RoutingMode::kDefault, RoutingMode::kLabels, RoutingMode::kProvider},
           routing.mode);
  if (const auto text = reader.String("path_prefix")) {
    auto prefix = traefik::PathPrefix::Parse(*text);
    if (prefix) {
      routing.path_prefix = *std::move(prefix);
    } else {
      reader.Fail("path_prefix", prefix.error());
    }
  }
  if (auto entry_points = reader.Strings("entry_points")) {
    const std::set<std::string> distinct(entry_points->begin(), entry_points->end());
    if (entry_points->empty()) {
      reader.Fail("entry_points", "must name at least one; leave it out for the default");
    } else if (!std::ranges::all_of(*entry_points, IsName)) {
      reader.Fail("entry_points", "may have names of letters, digits, -, _ and . only");
    } else if (distinct.size() != entry_points->size()) {
      reader.Fail("entry_points", "names one of them twice");
    } else {
      routing.entry_points = *std::move(entry_points);
    }
  }
  ReadTls(reader, problems, routing.tls);
  routing.sticky = reader.Boolean("sticky").value_or(false);
  ReadHealthCheck(reader, problems, routing.health_check);
  if (auto pool = reader.String("pool")) {
    // Folders are called by it.
    if (!IsName(*pool) || pool->contains('.')) {
      reader.Fail("pool", "may have letters, digits, - and _ only");
    }
    routing.pool = *std::move(pool);
  }
  if (const json* extra = reader.Find("extra")) {
    routing.extra = extra->dump();
    if (!extra->is_object()) {
      reader.Fail("extra", "must be an object: a part of Traefik's dynamic configuration");
    } else if (routing.extra.size() > kLongestExtra) {
      reader.Fail("extra", "must be at most 256 KiB of text");
    }
  }
  reader.RefuseUnknown();
}

void ReadUpstreams(ObjectReader& reader, Problems& problems, std::vector<std::string>& upstreams) {
  const auto urls = reader.Strings("upstreams");
  if (!urls) return;
  if (urls->size() > kMostUpstreams) {
    return reader.Fail("upstreams",
                       fmt::format("has {} URLs; {} are allowed", urls->size(), kMostUpstreams));
  }
  for (std::size_t i = 0; i < urls->size(); ++i) {
    const auto good = provider::http::CheckHttpUrl((*urls)[i]);
    const auto fail = [&](std::string detail) {
      problems.push_back(
          {orchestrator::json::Pointer(reader.PointerTo("upstreams"), i), std::move(detail)});
    };
    if (!good) {
      fail(good.error());
    } else if (std::ranges::find(upstreams, (*urls)[i]) != upstreams.end()) {
      fail("names the same URL a second time");
    } else {
      upstreams.push_back((*urls)[i]);
    }
  }
}

// What fits which kind.
void CheckKind(ObjectReader& reader, const Site& site) {
  if (site.kind == Kind::kExternal) {
    if (!reader.Has("upstreams") || reader.Find("upstreams")->empty()) {
      reader.Fail("upstreams", "must have at least one URL: an external site runs elsewhere");
    }

  } else if (!site.upstreams.empty()) {
    reader.Fail("upstreams", "are for external sites only");
  }
  if (site.kind != Kind::kDynamic && site.run) reader.Fail("run", "is for dynamic sites only");
  if (site.kind == Kind::kExternal && site.readiness) {
    reader.Fail("readiness", "is for dynamic and static sites only");
  }
  if (site.kind == Kind::kExternal && site.image) {
    reader.Fail("image", "is for dynamic and static sites only");
  }
}

}  // namespace

Site ReadSite(const json& value, const std::string& pointer, Problems& problems) {
  Site site;
  ObjectReader reader(value, pointer, problems);
  if (const auto id = reader.Integer("id")) {
    if (*id < 1 || *id > SiteId::kLargest) {
      reader.Fail("id", fmt::format("must be from 1 to {}", SiteId::kLargest));
    } else {
      site.id.value = *id;
    }
  }
  ReadEnum(reader, "kind", {Kind::kDynamic, Kind::kStatic, Kind::kExternal}, site.kind);
  ReadHosts(reader, problems, site.hosts);
  site.served = reader.Boolean("served").value_or(true);
  ReadImage(reader, site.image);
  if (auto run = reader.String("run")) {
    if (run->size() > kLongestRunFile || HasNul(*run)) {
      reader.Fail("run", "must be at most 256 KiB of text without NUL characters");
    } else {
      site.run = std::move(run);
    }
  }
  ReadResources(reader, problems, site.resources);
  ReadEnvironment(reader, problems, site.environment);
  ReadDatabase(reader, problems, site.database);
  ReadEnum(reader, "update_order", {UpdateOrder::kStartFirst, UpdateOrder::kStopFirst},
           site.update_order);
  ReadReadiness(reader, problems, site.readiness);
  ReadUpstreams(reader, problems, site.upstreams);
  ReadRouting(reader, problems, site.routing);
  CheckKind(reader, site);
  reader.RefuseUnknown();
  return site;
}

}  // namespace orchestrator::site
