#include "traefik/static_configuration.h"

#include <iterator>

#include <fmt/format.h>

#include "traefik/base/json_text.h"

namespace traefik {
namespace {

constexpr int kFirstOtherPort = 8000;

int PortOf(std::string_view entry_point, std::size_t index) {
  if (entry_point == "websecure") return 443;
  if (index == 0) return 80;
  return kFirstOtherPort + static_cast<int>(index);
}

}  // namespace

std::string RenderStaticConfiguration(const StaticConfiguration& configuration) {
  std::string yaml;
  const auto line = [&]<typename... Arguments>(fmt::format_string<Arguments...> format,
                                               Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(yaml), format, std::forward<Arguments>(arguments)...);
    yaml += '\n';
  };
  line("# Traefik's static configuration. It holds a token: keep it readable by Traefik only.");
  line("entryPoints:");
  for (std::size_t i = 0; i < configuration.entry_points.size(); ++i) {
    const std::string& name = configuration.entry_points[i];
    line("  {}:", JsonString(name));
    line("    address: \":{}\"", PortOf(name, i));
  }
  line("providers:");
  line("  # How long a provider's next change waits after the one before; the default is 2s.");
  line("  providersThrottleDuration: 10ms");
  line("  http:");
  line("    endpoint: {}", JsonString(configuration.provider_endpoint));
  line(
      "    # The endpoint holds each poll until a route changes, so a short interval costs "
      "nothing.");
  line("    pollInterval: 10ms");
  line("    pollTimeout: 30s");
  if (configuration.provider_endpoint.starts_with("https://")) {
    line("    # Leave `ca` out where the provider's certificate is of one that the system knows.");
    line("    tls:");
    line("      ca: /etc/traefik/orchestrator-ca.pem");
    if (configuration.provider_knows_clients) {
      line("      cert: /etc/traefik/orchestrator-client.pem");
      line("      key: /etc/traefik/orchestrator-client-key.pem");
    }
  }
  line("    headers:");
  line("      Prefer: \"wait=20\"");
  line("      X-Traefik-Instance: {}", JsonString(configuration.instance));
  if (!configuration.provider_token.empty()) {
    line("      Authorization: {}", JsonString("Bearer " + configuration.provider_token));
  }
  if (!configuration.docker_endpoint.empty()) {
    line("  # For sites in label mode.");
    line("  swarm:");
    line("    endpoint: {}", JsonString(configuration.docker_endpoint));
    line("    exposedByDefault: false");
    line("    network: {}", JsonString(configuration.network));
    if (!configuration.swarm_constraint.empty()) {
      line("    constraints: {}", JsonString(configuration.swarm_constraint));
    }
    line("    refreshSeconds: {}", configuration.swarm_refresh_seconds);
  }
  return yaml;
}

}  // namespace traefik
