#pragma once

#include "traefik/schema/option.h"

// Parts that several kinds of objects share. The order is Traefik's own.
namespace traefik::schema {

inline constexpr Option kDomainOptions[] = {
    Text("main"),
    Texts("sans"),
};
inline constexpr Struct kDomain{"Domain", kDomainOptions};

inline constexpr Option kCookieOptions[] = {
    Text("name"),
    Flag("secure"),
    Flag("httpOnly"),
    Text("sameSite"),
    Number("maxAge").Since(kV3_0),
    Text("path").Optional().Default("/").Since(kV3_3),
    Text("domain").Since(kV3_4),
    Number("expires").Internal().Since(kV3_7),
    Flag("preserveLeadingDot").Internal().Since(kV3_7),
};
inline constexpr Struct kCookie{"Cookie", kCookieOptions};

inline constexpr Option kStickyOptions[] = {
    One("cookie", kCookie).MayBeEmpty(),
};
inline constexpr Struct kSticky{"Sticky", kStickyOptions};

inline constexpr Struct kHealthCheck{"HealthCheck", {}};

inline constexpr Option kCertificateOptions[] = {
    Text("certFile"),
    Text("keyFile"),
};
inline constexpr Struct kCertificate{"Certificate", kCertificateOptions};

inline constexpr Option kSpiffeOptions[] = {
    Texts("ids"),
    Text("trustDomain"),
};
inline constexpr Struct kSpiffe{"Spiffe", kSpiffeOptions};

inline constexpr Option kProxyProtocolOptions[] = {
    Number("version").Default("2"),
};
inline constexpr Struct kProxyProtocol{"ProxyProtocol", kProxyProtocolOptions};

}  // namespace traefik::schema
