#include "traefik/schema/schema.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "traefik/schema/http_middlewares.h"
#include "traefik/schema/http_routing.h"
#include "traefik/schema/tcp_udp.h"
#include "traefik/schema/tls.h"
#include "traefik/schema/transports.h"

namespace traefik::schema {
namespace {

constexpr Option kHttpConfigurationOptions[] = {
    Named("routers", kRouter),
    Named("services", kService),
    Named("middlewares", kMiddleware),
    Named("models", kModel),
    Named("serversTransports", kServersTransport).NotInLabels(),
};
constexpr Struct kHttpConfiguration{"HttpConfiguration", kHttpConfigurationOptions};

constexpr Option kConfigurationOptions[] = {
    One("http", kHttpConfiguration),
    One("tcp", kTcpConfiguration),
    One("udp", kUdpConfiguration),
    One("tls", kTlsConfiguration),
};
constexpr Struct kConfiguration{"Configuration", kConfigurationOptions};

constexpr Option kDockerLabelsOptions[] = {
    Text("network").Optional(),
    Flag("lbSwarm"),
    Flag("allowNonRunning"),
};
constexpr Struct kDockerLabels{"DockerLabels", kDockerLabelsOptions};

constexpr Option kSwarmLabelsOptions[] = {
    Text("network").Optional(),
    Flag("lbSwarm"),
};
constexpr Struct kSwarmLabels{"SwarmLabels", kSwarmLabelsOptions};

constexpr Option kServiceLabelsOptions[] = {
    Flag("enable").Optional(),
    One("docker", kDockerLabels),
    One("swarm", kSwarmLabels),
};
constexpr Struct kServiceLabels{"ServiceLabels", kServiceLabelsOptions};

constexpr std::string_view kNames[] = {"2.11", "3.0", "3.1", "3.2", "3.3",
                                       "3.4",  "3.5", "3.6", "3.7"};

void Visit(const Struct& type, const std::string& prefix, Version since,
           const std::function<void(const std::string&, const Option&, Version)>& visit) {
  for (const Option& option : type.options) {
    const std::string path = prefix + std::string(option.name);
    const Version own = std::max(since, option.since);
    visit(path, option, own);
    if (!option.type) continue;
    Visit(*option.type, path + (option.kind == Kind::kOne ? "." : ".*."), own, visit);
  }
}

}  // namespace

const Struct& Configuration() { return kConfiguration; }

const Struct& ServiceLabels() { return kServiceLabels; }

std::string_view Name(Version version) { return kNames[static_cast<std::size_t>(version)]; }

std::optional<Version> ParseVersion(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  unsigned major = 0;
  unsigned minor = 0;
  const char* const end = text.data() + text.size();
  const auto [dot, major_error] = std::from_chars(text.data(), end, major);
  if (major_error != std::errc() || dot == end || *dot != '.') return {};
  const auto [rest, minor_error] = std::from_chars(dot + 1, end, minor);
  if (minor_error != std::errc() || (rest != end && *rest != '.')) return {};
  if (major == 2) return minor >= 11 ? std::optional(kV2_11) : std::nullopt;
  if (major < 2) return {};
  constexpr unsigned kNewestMinor = std::size(kNames) - 2;
  return static_cast<Version>(1 + (major > 3 ? kNewestMinor : std::min(minor, kNewestMinor)));
}

void ForEachOption(const std::function<void(const std::string& path, const Option& option,
                                            Version since)>& visit) {
  Visit(kConfiguration, "", kV2_11, visit);
}

}  // namespace traefik::schema
