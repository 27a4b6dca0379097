#pragma once

#include "traefik/schema/common.h"
#include "traefik/schema/internal.h"
#include "traefik/schema/option.h"

// http.routers, http.services and http.models. The order is Traefik's own.
namespace traefik::schema {

inline constexpr Option kRouterTlsConfigOptions[] = {
    Text("options"),
    Text("resolvedOptions").Internal().Since(kV3_6),
    Flag("conflictingOptions").Internal().Since(kV3_7),
    Text("certResolver"),
    Many("domains", kDomain),
};
inline constexpr Struct kRouterTlsConfig{"RouterTlsConfig", kRouterTlsConfigOptions};

inline constexpr Option kRouterObservabilityConfigOptions[] = {
    Flag("accessLogs").Optional(),
    Flag("metrics").Optional(),
    Flag("tracing").Optional(),
    Text("traceVerbosity").Default("minimal").Since(kV3_5),
    Anything("metadata").Internal().Since(kV3_7),
};
inline constexpr Struct kRouterObservabilityConfig{"RouterObservabilityConfig",
                                                   kRouterObservabilityConfigOptions};

inline constexpr Option kRouterOptions[] = {
    Texts("entryPoints"),
    Texts("middlewares"),
    Text("service"),
    Text("rule"),
    Texts("parentRefs").NotInLabels().Since(kV3_6),
    Text("ruleSyntax").Since(kV3_0),
    Number("priority"),
    One("tls", kRouterTlsConfig).MayBeEmpty(),
    One("observability", kRouterObservabilityConfig).Since(kV3_3),
    Flag("defaultRule").Internal(),
    One("deniedEncodedPathCharacters", kRouterDeniedEncodedPathCharacters).Internal().Since(kV3_6),
};
inline constexpr Struct kRouter{"Router", kRouterOptions};

inline constexpr Option kServerOptions[] = {
    Text("url"),
    Number("weight").Optional().Since(kV3_0),
    Flag("preservePath").Since(kV3_2),
    Flag("fenced").Internal().Since(kV3_3),
    Text("scheme").NotInFiles(),
    Text("port").NotInFiles(),
};
inline constexpr Struct kServer{"Server", kServerOptions};

inline constexpr Option kServerHealthCheckOptions[] = {
    Text("scheme"),
    Text("mode").Default("http").Since(kV3_0),
    Text("path"),
    Text("method"),
    Number("status").Since(kV3_0),
    Number("port"),
    Time("interval").Default("30s"),
    Time("unhealthyInterval").Optional().Since(kV3_5),
    Time("timeout").Default("5s"),
    Text("hostname"),
    Flag("followRedirects").Optional().Default("true"),
    TextMap("headers"),
};
inline constexpr Struct kServerHealthCheck{"ServerHealthCheck", kServerHealthCheckOptions};

inline constexpr Option kPassiveServerHealthCheckOptions[] = {
    Time("failureWindow").Default("10s"),
    Number("maxFailedAttempts").Default("1"),
};
inline constexpr Struct kPassiveServerHealthCheck{"PassiveServerHealthCheck",
                                                  kPassiveServerHealthCheckOptions};

inline constexpr Option kResponseForwardingOptions[] = {
    Time("flushInterval").Default("100ms"),
};
inline constexpr Struct kResponseForwarding{"ResponseForwarding", kResponseForwardingOptions};

inline constexpr Option kServersLoadBalancerOptions[] = {
    One("sticky", kSticky).MayBeEmpty(),
    Many("servers", kServer).InLabels("server"),
    Text("strategy").Default("wrr").Since(kV3_4),
    One("healthCheck", kServerHealthCheck),
    One("passiveHealthCheck", kPassiveServerHealthCheck).Since(kV3_6),
    Flag("passHostHeader").Optional().Default("true"),
    One("responseForwarding", kResponseForwarding).Default("{}"),
    Text("serversTransport"),
    Text("nginxUpstreamHashBy").Internal().Since(kV3_7),
};
inline constexpr Struct kServersLoadBalancer{"ServersLoadBalancer", kServersLoadBalancerOptions};

inline constexpr Option kHrwServiceOptions[] = {
    Text("name"),
    Number("weight").Optional().Default("1"),
};
inline constexpr Struct kHrwService{"HrwService", kHrwServiceOptions};

inline constexpr Option kHighestRandomWeightOptions[] = {
    Many("services", kHrwService),
    One("healthCheck", kHealthCheck).MayBeEmpty(),
};
inline constexpr Struct kHighestRandomWeight{"HighestRandomWeight", kHighestRandomWeightOptions};

inline constexpr Option kWrrServiceOptions[] = {
    Text("name"),
    Number("weight").Optional().Default("1"),
    TextMap("headers").Internal().Since(kV3_6),
    Number("status").Optional().Internal().Since(kV3_1),
    One("gRPCStatus", kGrpcStatus).Internal().Since(kV3_2),
};
inline constexpr Struct kWrrService{"WrrService", kWrrServiceOptions};

inline constexpr Option kWeightedRoundRobinOptions[] = {
    Many("services", kWrrService),
    One("sticky", kSticky),
    One("healthCheck", kHealthCheck).MayBeEmpty(),
};
inline constexpr Struct kWeightedRoundRobin{"WeightedRoundRobin", kWeightedRoundRobinOptions};

inline constexpr Option kMirrorServiceOptions[] = {
    Text("name"),
    Number("percent"),
};
inline constexpr Struct kMirrorService{"MirrorService", kMirrorServiceOptions};

inline constexpr Option kMirroringOptions[] = {
    Text("service"),
    Flag("mirrorBody").Optional().Default("true").Since(kV3_2),
    Number("maxBodySize").Optional().Default("-1"),
    Many("mirrors", kMirrorService),
    One("healthCheck", kHealthCheck).MayBeEmpty(),
};
inline constexpr Struct kMirroring{"Mirroring", kMirroringOptions};

inline constexpr Option kFailoverErrorOptions[] = {
    Number("maxRequestBodyBytes").Optional().Default("-1"),
    Texts("status"),
};
inline constexpr Struct kFailoverError{"FailoverError", kFailoverErrorOptions};

inline constexpr Option kFailoverOptions[] = {
    Text("service"),
    Text("fallback"),
    One("healthCheck", kHealthCheck).MayBeEmpty(),
    One("errors", kFailoverError).Since(kV3_7),
};
inline constexpr Struct kFailover{"Failover", kFailoverOptions};

inline constexpr Option kServiceOptions[] = {
    Texts("middlewares").Since(kV3_7),
    One("loadBalancer", kServersLoadBalancer),
    One("highestRandomWeight", kHighestRandomWeight).NotInLabels().Since(kV3_6),
    One("weighted", kWeightedRoundRobin).NotInLabels(),
    One("mirroring", kMirroring).NotInLabels(),
    One("failover", kFailover).NotInLabels(),
};
inline constexpr Struct kService{"Service", kServiceOptions};

inline constexpr Option kModelOptions[] = {
    Texts("middlewares"),
    One("tls", kRouterTlsConfig).MayBeEmpty(),
    One("observability", kRouterObservabilityConfig).WithoutDefaults().Since(kV3_3),
    One("deniedEncodedPathCharacters", kRouterDeniedEncodedPathCharacters).Internal().Since(kV3_6),
    Text("defaultRuleSyntax").Internal().Since(kV3_0),
};
inline constexpr Struct kModel{"Model", kModelOptions};

}  // namespace traefik::schema
