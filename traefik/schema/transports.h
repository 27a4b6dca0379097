#pragma once

#include "traefik/schema/common.h"
#include "traefik/schema/option.h"

// http.serversTransports and tcp.serversTransports. The order is Traefik's own.
namespace traefik::schema {

inline constexpr Option kForwardingTimeoutsOptions[] = {
    Time("dialTimeout").Default("30s"),       Time("responseHeaderTimeout"),
    Time("idleConnTimeout").Default("1m30s"), Time("readIdleTimeout"),
    Time("pingTimeout").Default("15s"),       Time("readTimeout").Since(kV3_7),
    Time("writeTimeout").Since(kV3_7),
};
inline constexpr Struct kForwardingTimeouts{"ForwardingTimeouts", kForwardingTimeoutsOptions};

inline constexpr Option kServersTransportOptions[] = {
    Text("serverName"),
    Flag("insecureSkipVerify"),
    Texts("rootCAs"),
    Many("certificates", kCertificate),
    Texts("cipherSuites").Since(kV3_7),
    Text("minVersion").Since(kV3_7),
    Text("maxVersion").Since(kV3_7),
    Number("maxIdleConnsPerHost"),
    One("forwardingTimeouts", kForwardingTimeouts),
    Flag("disableHTTP2"),
    Text("peerCertURI"),
    One("spiffe", kSpiffe).MayBeEmpty().Since(kV3_0),
};
inline constexpr Struct kServersTransport{"ServersTransport", kServersTransportOptions};

inline constexpr Option kTlsClientConfigOptions[] = {
    Text("serverName"),  Flag("insecureSkipVerify"),
    Texts("rootCAs"),    Many("certificates", kCertificate),
    Text("peerCertURI"), One("spiffe", kSpiffe).MayBeEmpty(),
};
inline constexpr Struct kTlsClientConfig{"TlsClientConfig", kTlsClientConfigOptions};

inline constexpr Option kTcpServersTransportOptions[] = {
    Time("dialKeepAlive").Default("15s"),
    Time("dialTimeout").Default("30s"),
    One("proxyProtocol", kProxyProtocol).MayBeEmpty().Since(kV3_5),
    Time("terminationDelay").Default("100ms"),
    One("tls", kTlsClientConfig).MayBeEmpty(),
};
inline constexpr Struct kTcpServersTransport{"TcpServersTransport", kTcpServersTransportOptions};

}  // namespace traefik::schema
