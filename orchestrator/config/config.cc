#include "orchestrator/config/config.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "orchestrator/config/section.h"
#include "orchestrator/docker/engine_client.h"
#include "orchestrator/site/units.h"
#include "provider/base/secret.h"
#include "traefik/schema/schema.h"

namespace orchestrator::config {
namespace {

constexpr std::size_t kShortestToken = 16;
constexpr std::size_t kMostPools = 64;
constexpr std::chrono::seconds kLongestDrain{60};
constexpr unsigned kWidestSubnet = 8;
constexpr unsigned kNarrowestSubnet = 28;

using site::IsName;

bool IsSubnet(const std::string& text) {
  const std::size_t slash = text.find('/');
  in_addr address{};
  if (slash == std::string::npos ||
      inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) != 1) {
    return false;
  }
  unsigned bits = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, bits);
  if (error != std::errc{} || rest != end || bits < kWidestSubnet || bits > kNarrowestSubnet) {
    return false;
  }
  return (ntohl(address.s_addr) << bits) == 0;  // nothing behind the network's own bits
}

void ReadListen(Section& section, provider::http::ListenAddress& out) {
  const auto text = section.Text("listen");
  if (!text) return;
  auto address = provider::http::ListenAddress::Parse(*text);
  if (address) {
    out = *std::move(address);
  } else {
    section.Fail("listen", address.error());
  }
}

void ReadApi(Section& section, Api& api) {
  ReadListen(section, api.listen);
  if (const auto auth = section.OneOf("auth", {"tokens", "none"})) api.tokens = *auth == "tokens";
  if (!api.tokens && !api.listen.is_local()) {
    section.Fail("auth", "may be none only when the API listens on loopback or a Unix socket");
  }
}

void ReadAdvertise(Section& section, std::string& advertise) {
  section.Text("advertise", advertise);
  while (advertise.ends_with('/')) advertise.pop_back();
  if (advertise.empty()) return;
  if (const auto good = provider::http::CheckHttpUrl(advertise); !good) {
    section.Fail("advertise", good.error());
  }
}

void ReadTls(Source& source, const YAML::Node& node, std::optional<provider::http::TlsFiles>& out) {
  Section section(source, node, "provider.tls");
  provider::http::TlsFiles tls;
  section.Text("certificate", tls.certificate);
  section.Text("key", tls.key);
  section.Text("client_ca", tls.client_ca);
  const bool is_given = node.IsDefined() && !node.IsNull();
  if (!is_given && tls == provider::http::TlsFiles()) return;
  const auto check = [&](const char* key, const std::filesystem::path& path, bool needed) {
    if (path.empty() ? needed : !path.is_absolute()) {
      section.Fail(key, "must be the absolute path of a PEM file");
    }
  };
  check("certificate", tls.certificate, true);
  check("key", tls.key, true);
  check("client_ca", tls.client_ca, false);
  out = std::move(tls);
}

// Of a file that hashes a token out of a variable which is not set.
bool IsHashOfNothing(std::string_view token) {
  std::string hash(token.substr(::provider::kHashedToken.size()));
  std::ranges::transform(hash, hash.begin(), [](unsigned char c) { return std::tolower(c); });
  return hash == ::provider::Sha256Hex("");
}

void ReadProvider(Source& source, Section& section, Provider& provider) {
  ReadListen(section, provider.listen);
  if (provider.listen.is_unix()) {
    section.Fail("listen", "must be a TCP address: Traefik's HTTP provider knows no Unix sockets");
  }
  if (auto tokens = section.Texts("tokens")) provider.tokens = *std::move(tokens);
  for (const std::string& token : provider.tokens) {
    if (token.starts_with(::provider::kHashedToken)) {
      if (!::provider::IsHashedToken(token)) {
        section.Fail("tokens", "have a hash that is none: sha256: and 64 hexadecimal digits");
      } else if (IsHashOfNothing(token)) {
        section.Fail("tokens", "have the hash of an empty text: hash the token itself");
      }
      continue;
    }
    const bool printable = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
    if (token.size() < kShortestToken || !printable) {
      section.Fail("tokens",
                   fmt::format("must each have at least {} printable characters, no spaces",
                               kShortestToken));
    }
  }
  ReadAdvertise(section, provider.advertise);
  const auto tls = section.Find("tls");
  ReadTls(source, tls ? tls->node : YAML::Node(), provider.tls);
  if (provider.tls && provider.advertise.starts_with("http://")) {
    section.Fail("advertise", "must begin with https://, since provider.tls is given");
  }
  const bool knows_clients = provider.tls && !provider.tls->client_ca.empty();
  if (provider.tokens.empty() && !provider.listen.is_local() && !knows_clients) {
    section.Fail("tokens",
                 "is needed unless the provider listens on loopback or has a tls.client_ca: the "
                 "document holds a private key");
  }
}

void ReadPages(Section& section, Pages& pages) {
  if (const auto listen = section.Find("listen"); listen && !listen->node.IsNull()) {
    ReadListen(section, pages.listen.emplace());
    if (pages.listen->is_unix()) section.Fail("listen", "must be a TCP address");
  }
  ReadAdvertise(section, pages.advertise);
  if (!pages.advertise.empty() && !pages.listen) {
    section.Fail("advertise", "is for pages.listen, which is not given");
  }
}

void ReadStore(Section& section, const std::filesystem::path& state_directory,
               std::filesystem::path& database) {
  static constexpr std::string_view kFile = "sqlite://";
  const std::string url = section.Text("url").value_or("sqlite");
  database = state_directory / "orchestrator.db";
  if (url == "sqlite") return;
  if (url.starts_with("sqlite:///") && url.size() > kFile.size() + 1) {
    database = url.substr(kFile.size());
  } else if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
    section.Fail("url", "names PostgreSQL, which this version does not support; use sqlite");
  } else {
    section.Fail("url", "must be sqlite or sqlite:///absolute/path");
  }
}

void ReadDocker(Section& section, Docker& docker) {
  if (const auto host = section.Find("host")) {
    if (host->node.IsNull()) {
      docker.host.reset();
    } else if (const auto text = section.Text("host")) {
      docker.host = *text;
      if (const auto good = docker::EngineAddress::Parse(*text); !good) {
        section.Fail("host", good.error());
      }
    }
  }
  section.Text("network", docker.network);
  if (!IsName(docker.network)) section.Fail("network", "may have letters, digits, -, _ and . only");
  section.Text("subnet", docker.subnet);
  if (!docker.subnet.empty() && !IsSubnet(docker.subnet)) {
    section.Fail("subnet", "must be an IPv4 network, as 10.20.0.0/16");
  }
  if (auto mode = section.OneOf("endpoint_mode", {"vip", "dnsrr"})) docker.endpoint_mode = *mode;
  if (const auto drift = section.OneOf("drift", {"repair", "report"})) {
    docker.repair_drift = *drift == "repair";
  }
}

void ReadShared(Section& section, Routing& routing) {
  const auto shared = section.Text("shared");
  if (!shared || shared->empty()) return;
  routing.shared = *shared;
  if (!routing.shared.is_absolute()) section.Fail("shared", "must be an absolute path of a file");
}

void ReadPools(Section& section, std::vector<std::string>& pools) {
  const auto names = section.Texts("pools");
  if (!names) return;
  for (const std::string& name : *names) {
    if (!IsName(name) || name.contains('.')) {
      section.Fail("pools", "must have names of letters, digits, - and _ only");
    } else if (std::ranges::find(pools, name) == pools.end()) {
      pools.push_back(name);
    }
  }
  if (pools.size() > kMostPools)
    section.Fail("pools", fmt::format("may be {} at most", kMostPools));
}

void ReadRouting(Section& section, Routing& routing) {
  if (const auto mode = section.OneOf("default_mode", {"provider", "labels"})) {
    routing.default_mode =
        *mode == "labels" ? site::RoutingMode::kLabels : site::RoutingMode::kProvider;
  }
  if (const auto endpoints = section.OneOf("endpoints", {"service", "tasks"})) {
    routing.follow_tasks = *endpoints == "tasks";
  }
  section.Seconds("drain", routing.drain);
  if (routing.drain > kLongestDrain) section.Fail("drain", "may be 60s at most");
  if (const auto labels = section.OneOf("labels", {"none", "standby"})) {
    routing.standby_labels = *labels == "standby";
  }
  if (const auto tree = section.OneOf("tree", {"auto", "never"})) routing.tree = *tree == "auto";
  section.Count("vanish_percent", 0, 100, routing.vanish_percent);
  section.Count("vanish_sites", 0, 1'000'000, routing.vanish_sites);
  section.Count("history", 0, 100'000, routing.history);
  if (auto entry_points = section.Texts("entry_points")) {
    routing.entry_points = *std::move(entry_points);
  }
  if (auto entry_points = section.Texts("stream_entry_points")) {
    routing.stream_entry_points = *std::move(entry_points);
    for (const std::string& name : routing.stream_entry_points) {
      if (IsName(name) &&
          std::ranges::find(routing.entry_points, name) == routing.entry_points.end())
        continue;
      section.Fail("stream_entry_points",
                   "must have names of letters, digits, -, _ and . only, none of entry_points");
    }
  }
  ReadShared(section, routing);
  ReadPools(section, routing.pools);
  if (routing.entry_points.empty() || !std::ranges::all_of(routing.entry_points, IsName)) {
    section.Fail("entry_points",
                 "must have names of letters, digits, -, _ and . only, at least one");
  }
}

void ReadEntryPoint(Section& section, const char* key, std::string& url) {
  section.Text(key, url);
  while (url.ends_with('/')) url.pop_back();
  if (url.empty()) return;
  if (const auto good = provider::http::CheckHttpUrl(url); !good) section.Fail(key, good.error());
}

void ReadInstance(Source& source, const YAML::Node& node, std::size_t index,
                  const std::vector<std::string>& pools, std::set<std::string>& names,
                  Traefik& traefik) {
  Section section(source, node, fmt::format("traefik.instances[{}]", index));
  ::provider::ConfiguredInstance instance;
  section.Text("name", instance.name);
  if (!IsName(instance.name)) {
    section.Fail("name", "is needed: letters, digits, -, _ and . only");
  } else if (!names.insert(instance.name).second) {
    section.Fail("name", "is the name of another instance too");
  }
  ReadEntryPoint(section, "entry_point", instance.entry_point);
  ReadEntryPoint(section, "tls_entry_point", instance.tls_entry_point);
  if (!instance.tls_entry_point.empty() && !instance.tls_entry_point.starts_with("https://")) {
    section.Fail("tls_entry_point", "must start with https://");
  } else if (!instance.tls_entry_point.empty() && instance.entry_point.empty()) {
    section.Fail("tls_entry_point", "needs entry_point beside it, which is always asked");
  }
  section.Text("pool", instance.pool);
  if (std::ranges::find(pools, instance.pool) == pools.end()) {
    section.Fail("pool", fmt::format("is '{}', which is not in routing.pools", instance.pool));
  }
  if (const auto api = section.Find("api"); api && !api->node.IsNull()) {
    section.Fail("api", "is not used by this version: leave it out, entry_point is enough");
  }
  traefik.instances.push_back(std::move(instance));
}

void ReadTraefik(Source& source, Section& section, const std::vector<std::string>& pools,
                 Traefik& traefik) {
  section.Text("version", traefik.version);
  const auto version = ::traefik::schema::ParseVersion(traefik.version);
  if (!version || *version < ::traefik::schema::kV3_0) {
    section.Fail("version", "must be 3.0 or newer, as in \"3.7\"");
  }
  section.Count("swarm_refresh_seconds", 1, 3600, traefik.swarm_refresh_seconds);
  const auto instances = section.Find("instances");
  if (!instances || instances->node.IsNull()) return;
  if (!instances->node.IsSequence()) return section.Fail("instances", "must be a list");
  std::set<std::string> names;
  for (std::size_t i = 0; i < instances->node.size(); ++i) {
    ReadInstance(source, instances->node[i], i, pools, names, traefik);
  }
}

void ReadSites(Section& section, Sites& sites) {
  section.Text("directory", sites.directory);
  if (!sites.directory.is_absolute()) section.Fail("directory", "must be an absolute path");
  section.Text("dynamic_image", sites.dynamic_image);
  section.Text("static_image", sites.static_image);
  if (const auto quota = section.Text("quota")) {
    const auto bytes = site::ParseBytes(*quota);
    if (bytes) {
      sites.quota = *bytes;
    } else {
      section.Fail("quota", bytes.error());
    }
  }
  if (const auto owner = section.Text("owner")) {
    files::Owner ids;
    const char* const end = owner->data() + owner->size();
    const auto [colon, error] = std::from_chars(owner->data(), end, ids.user);
    const bool good = error == std::errc{} && colon != end && *colon == ':' &&
                      std::from_chars(colon + 1, end, ids.group).ptr == end && colon + 1 != end;
    if (good) {
      sites.owner = ids;
    } else {
      section.Fail("owner", "must be two numbers, as in \"1000:1000\" (user and group)");
    }
  }
}

void ReadTerminals(Section& section, Terminals& terminals) {
  section.Count("per_site", 1, 1000, terminals.per_site);
  section.Count("in_all", 1, 1000, terminals.in_all);
  section.Seconds("idle", terminals.idle);
  section.Seconds("reconnect", terminals.reconnect);
}

void ReadImages(Section& section, Images& images) {
  const auto read_bytes = [&](const char* key, site::Bytes& out) {
    const auto text = section.Text(key);
    if (!text) return;
    const auto bytes = site::ParseBytes(*text);
    if (bytes) {
      out = *bytes;
    } else {
      section.Fail(key, bytes.error());
    }
  };
  read_bytes("memory", images.memory);
  read_bytes("largest_layer", images.largest_layer);
  if (const auto text = section.Text("cpus")) {
    double cpus = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), cpus);
    if (error != std::errc{} || end != text->data() + text->size() || !(cpus >= 0.01) ||
        cpus > 1024) {
      section.Fail("cpus", "must be a number from 0.01 to 1024");
    } else {
      images.cpus.count = static_cast<std::int64_t>(cpus * 1e9);
    }
  }
  section.Seconds("time_limit", images.time_limit);
  section.Count("at_once", 1, 64, images.at_once);
}

Result<YAML::Node> LoadYaml(std::string_view yaml, std::string_view file_name) {
  try {
    return YAML::Load(std::string(yaml));
  } catch (const YAML::Exception& error) {
    const std::string where =
        fmt::format("{}:{}:{}", file_name, error.mark.line + 1, error.mark.column + 1);
    return Failure(Error{
        ErrorKind::kInvalid, fmt::format("{}: {}", where, error.msg), {}, {{where, error.msg}}});
  }
}

}  // namespace

std::string Config::ProviderUrl() const {
  if (!provider.advertise.empty()) return provider.advertise;
  return (provider.tls ? "https://" : "http://") + provider.listen.text();
}

std::string Config::PagesUrl() const {
  if (!pages.listen && provider.tls) return "";  // they would need a client's certificate
  const auto& listen = pages.listen ? *pages.listen : provider.listen;
  const std::string& advertise = pages.listen ? pages.advertise : provider.advertise;
  if (!advertise.empty()) return advertise;
  const bool reachable = listen.port != 0 && listen.host != "0.0.0.0" && listen.host != "::";
  return reachable ? "http://" + listen.text() : "";
}

::traefik::schema::Version Traefik::Target() const {
  return ::traefik::schema::ParseVersion(version).value_or(::traefik::schema::kNewest);
}

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (!value) return {};
  return value;
}

Result<Config> Parse(std::string_view yaml, std::string_view file_name,
                     const Environment& environment) {
  auto root = LoadYaml(yaml, file_name);
  if (!root) return Failure(root.error());
  Source source{file_name, environment, {}};
  Config config;
  {
    Section top(source, *root, "");
    top.Text("state_directory", config.state_directory);
    if (!config.state_directory.is_absolute()) {
      top.Fail("state_directory", "must be an absolute path");
    }
    const auto open = [&](const std::string& name) {
      const YAML::Node node = root->IsMap() ? (*root)[name] : YAML::Node();
      top.Find(name);
      return std::make_unique<Section>(source, node, name);
    };
    ReadApi(*open("api"), config.api);
    ReadProvider(source, *open("provider"), config.provider);
    ReadPages(*open("pages"), config.pages);
    ReadStore(*open("store"), config.state_directory, config.database);
    ReadDocker(*open("docker"), config.docker);
    ReadRouting(*open("routing"), config.routing);
    ReadTraefik(source, *open("traefik"), config.routing.pools, config.traefik);
    ReadSites(*open("sites"), config.sites);
    ReadImages(*open("images"), config.images);
    ReadTerminals(*open("terminals"), config.terminals);
    const auto log = open("log");
    if (auto level = log->OneOf("level", {"debug", "info", "warn", "error"}))
      config.log.level = *level;
    if (const auto format = log->OneOf("format", {"text", "json"}))
      config.log.json = *format == "json";
  }
  if (source.problems.empty()) return config;
  std::vector<std::string> lines;
  lines.reserve(source.problems.size());
  for (const FieldProblem& problem : source.problems) {
    lines.push_back(fmt::format("{}: {}", problem.pointer, problem.detail));
  }
  return Failure(Error{ErrorKind::kInvalid,
                       fmt::format("{}", fmt::join(lines, "\n")),
                       {},
                       std::move(source.problems)});
}

Result<Config> Load(const std::string& file_name, const Environment& environment) {
  if (file_name.empty()) return Parse("", "(environment)", environment);
  const auto text = ReadFile(file_name);
  if (!text) return Failure(text.error());
  return Parse(*text, file_name, environment);
}

}  // namespace orchestrator::config
