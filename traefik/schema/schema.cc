#include "traefik/schema/schema.h"

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

}  // namespace

const Struct& Configuration() { return kConfiguration; }

std::string_view Name(Version version) {
  constexpr std::string_view kNames[] = {"2.11", "3.0", "3.1", "3.2", "3.3",
                                         "3.4",  "3.5", "3.6", "3.7"};
  return kNames[static_cast<std::size_t>(version)];
}

}  // namespace traefik::schema
