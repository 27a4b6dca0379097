#pragma once

#include "traefik/schema/common.h"
#include "traefik/schema/option.h"

// tls: certificates, options and stores. The order is Traefik's own.
namespace traefik::schema {

inline constexpr Option kCertAndStoresOptions[] = {
    Text("certFile"),
    Text("keyFile"),
    Texts("stores"),
};
inline constexpr Struct kCertAndStores{"CertAndStores", kCertAndStoresOptions};

inline constexpr Option kClientAuthOptions[] = {
    Texts("caFiles"),
    Text("clientAuthType"),
};
inline constexpr Struct kClientAuth{"ClientAuth", kClientAuthOptions};

inline constexpr Option kTlsOptionsOptions[] = {
    Text("minVersion"),
    Text("maxVersion"),
    Texts("cipherSuites")
        .Default("TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256,TLS_"
                 "ECDHE_ECDSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,TLS_ECDHE_"
                 "RSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,TLS_ECDHE_ECDSA_WITH_"
                 "AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_"
                 "AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_"
                 "CHACHA20_POLY1305_SHA256,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    Texts("curvePreferences"),
    One("clientAuth", kClientAuth),
    Flag("sniStrict"),
    Texts("alpnProtocols").Default("h2,http/1.1,acme-tls/1"),
    Flag("disableSessionTickets").Since(kV3_4),
    Flag("preferServerCipherSuites").Optional(),
};
inline constexpr Struct kTlsOptions{"TlsOptions", kTlsOptionsOptions};

inline constexpr Option kGeneratedCertOptions[] = {
    Text("resolver"),
    One("domain", kDomain),
};
inline constexpr Struct kGeneratedCert{"GeneratedCert", kGeneratedCertOptions};

inline constexpr Option kTlsStoreOptions[] = {
    One("defaultCertificate", kCertificate).NotInLabels(),
    One("defaultGeneratedCert", kGeneratedCert),
};
inline constexpr Struct kTlsStore{"TlsStore", kTlsStoreOptions};

inline constexpr Option kTlsConfigurationOptions[] = {
    Many("certificates", kCertAndStores).NotInLabels(),
    Named("options", kTlsOptions).NotInLabels(),
    Named("stores", kTlsStore),
};
inline constexpr Struct kTlsConfiguration{"TlsConfiguration", kTlsConfigurationOptions};

}  // namespace traefik::schema
