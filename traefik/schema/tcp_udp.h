#pragma once

#include "traefik/schema/common.h"
#include "traefik/schema/internal.h"
#include "traefik/schema/option.h"
#include "traefik/schema/transports.h"

// tcp and udp, without transports. The order is Traefik's own.
namespace traefik::schema {

inline constexpr Option kRouterTcpTlsConfigOptions[] = {
    Flag("passthrough"),
    Text("options"),
    Text("certResolver"),
    Many("domains", kDomain),
};
inline constexpr Struct kRouterTcpTlsConfig{"RouterTcpTlsConfig", kRouterTcpTlsConfigOptions};

inline constexpr Option kTcpRouterOptions[] = {
    Texts("entryPoints"),
    Texts("middlewares"),
    Text("service"),
    Text("rule"),
    Text("ruleSyntax").Since(kV3_0),
    Number("priority"),
    One("tls", kRouterTcpTlsConfig).MayBeEmpty(),
};
inline constexpr Struct kTcpRouter{"TcpRouter", kTcpRouterOptions};

inline constexpr Option kTcpServerOptions[] = {
    Text("address").NotInLabels(),
    Text("port"),
    Flag("tls").Since(kV3_0),
};
inline constexpr Struct kTcpServer{"TcpServer", kTcpServerOptions};

inline constexpr Option kTcpServerHealthCheckOptions[] = {
    Number("port"),
    Text("send"),
    Text("expect"),
    Time("interval").Default("30s"),
    Time("unhealthyInterval").Optional(),
    Time("timeout").Default("5s"),
};
inline constexpr Struct kTcpServerHealthCheck{"TcpServerHealthCheck", kTcpServerHealthCheckOptions};

inline constexpr Option kTcpServersLoadBalancerOptions[] = {
    Many("servers", kTcpServer).InLabels("server"),
    Text("serversTransport").Since(kV3_0),
    One("proxyProtocol", kProxyProtocol).MayBeEmpty(),
    Number("terminationDelay").Optional(),
    One("healthCheck", kTcpServerHealthCheck).MayBeEmpty().Since(kV3_6),
};
inline constexpr Struct kTcpServersLoadBalancer{"TcpServersLoadBalancer",
                                                kTcpServersLoadBalancerOptions};

inline constexpr Option kTcpWrrServiceOptions[] = {
    Text("name"),
    Number("weight").Optional().Default("1"),
};
inline constexpr Struct kTcpWrrService{"TcpWrrService", kTcpWrrServiceOptions};

inline constexpr Option kTcpWeightedRoundRobinOptions[] = {
    Many("services", kTcpWrrService),
    One("healthCheck", kHealthCheck).MayBeEmpty().Since(kV3_6),
};
inline constexpr Struct kTcpWeightedRoundRobin{"TcpWeightedRoundRobin",
                                               kTcpWeightedRoundRobinOptions};

inline constexpr Option kTcpServiceOptions[] = {
    One("loadBalancer", kTcpServersLoadBalancer),
    One("weighted", kTcpWeightedRoundRobin).NotInLabels(),
};
inline constexpr Struct kTcpService{"TcpService", kTcpServiceOptions};

inline constexpr Option kTcpInFlightConnOptions[] = {
    Number("amount"),
};
inline constexpr Struct kTcpInFlightConn{"TcpInFlightConn", kTcpInFlightConnOptions};

inline constexpr Option kTcpIpWhiteListOptions[] = {
    Texts("sourceRange"),
};
inline constexpr Struct kTcpIpWhiteList{"TcpIpWhiteList", kTcpIpWhiteListOptions};

inline constexpr Option kTcpIpAllowListOptions[] = {
    Texts("sourceRange"),
};
inline constexpr Struct kTcpIpAllowList{"TcpIpAllowList", kTcpIpAllowListOptions};

inline constexpr Option kTcpMiddlewareOptions[] = {
    One("inFlightConn", kTcpInFlightConn),
    One("ipWhiteList", kTcpIpWhiteList),
    One("ipAllowList", kTcpIpAllowList),
};
inline constexpr Struct kTcpMiddleware{"TcpMiddleware", kTcpMiddlewareOptions};

inline constexpr Option kTcpConfigurationOptions[] = {
    Named("routers", kTcpRouter),
    Named("services", kTcpService),
    Named("middlewares", kTcpMiddleware),
    Named("models", kTcpModel).Internal().Since(kV3_0),
    Named("serversTransports", kTcpServersTransport).NotInLabels().Since(kV3_0),
};
inline constexpr Struct kTcpConfiguration{"TcpConfiguration", kTcpConfigurationOptions};

inline constexpr Option kUdpRouterOptions[] = {
    Texts("entryPoints"),
    Text("service"),
};
inline constexpr Struct kUdpRouter{"UdpRouter", kUdpRouterOptions};

inline constexpr Option kUdpServerOptions[] = {
    Text("address").NotInLabels(),
    Text("port").NotInFiles(),
};
inline constexpr Struct kUdpServer{"UdpServer", kUdpServerOptions};

inline constexpr Option kUdpServersLoadBalancerOptions[] = {
    Many("servers", kUdpServer).InLabels("server"),
};
inline constexpr Struct kUdpServersLoadBalancer{"UdpServersLoadBalancer",
                                                kUdpServersLoadBalancerOptions};

inline constexpr Option kUdpWrrServiceOptions[] = {
    Text("name"),
    Number("weight").Optional().Default("1"),
};
inline constexpr Struct kUdpWrrService{"UdpWrrService", kUdpWrrServiceOptions};

inline constexpr Option kUdpWeightedRoundRobinOptions[] = {
    Many("services", kUdpWrrService),
};
inline constexpr Struct kUdpWeightedRoundRobin{"UdpWeightedRoundRobin",
                                               kUdpWeightedRoundRobinOptions};

inline constexpr Option kUdpServiceOptions[] = {
    One("loadBalancer", kUdpServersLoadBalancer),
    One("weighted", kUdpWeightedRoundRobin).NotInLabels(),
};
inline constexpr Struct kUdpService{"UdpService", kUdpServiceOptions};

inline constexpr Option kUdpConfigurationOptions[] = {
    Named("routers", kUdpRouter),
    Named("services", kUdpService),
};
inline constexpr Struct kUdpConfiguration{"UdpConfiguration", kUdpConfigurationOptions};

}  // namespace traefik::schema
