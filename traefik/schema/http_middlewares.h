#pragma once

#include "traefik/schema/common.h"
#include "traefik/schema/internal.h"
#include "traefik/schema/option.h"

// http.middlewares. The order is Traefik's own.
namespace traefik::schema {

inline constexpr Option kAddPrefixOptions[] = {
    Text("prefix"),
};
inline constexpr Struct kAddPrefix{"AddPrefix", kAddPrefixOptions};

inline constexpr Option kStripPrefixOptions[] = {
    Texts("prefixes"),
    Flag("forceSlash").Optional(),
};
inline constexpr Struct kStripPrefix{"StripPrefix", kStripPrefixOptions};

inline constexpr Option kStripPrefixRegexOptions[] = {
    Texts("regex"),
};
inline constexpr Struct kStripPrefixRegex{"StripPrefixRegex", kStripPrefixRegexOptions};

inline constexpr Option kReplacePathOptions[] = {
    Text("path"),
};
inline constexpr Struct kReplacePath{"ReplacePath", kReplacePathOptions};

inline constexpr Option kReplacePathRegexOptions[] = {
    Text("regex"),
    Text("replacement"),
};
inline constexpr Struct kReplacePathRegex{"ReplacePathRegex", kReplacePathRegexOptions};

inline constexpr Option kChainOptions[] = {
    Texts("middlewares"),
};
inline constexpr Struct kChain{"Chain", kChainOptions};

inline constexpr Option kIpStrategyOptions[] = {
    Number("depth"),
    Texts("excludedIPs"),
    Number("ipv6Subnet").Optional().Since(kV3_2),
};
inline constexpr Struct kIpStrategy{"IpStrategy", kIpStrategyOptions};

inline constexpr Option kIpWhiteListOptions[] = {
    Texts("sourceRange"),
    One("ipStrategy", kIpStrategy).MayBeEmpty(),
};
inline constexpr Struct kIpWhiteList{"IpWhiteList", kIpWhiteListOptions};

inline constexpr Option kIpAllowListOptions[] = {
    Texts("sourceRange"),
    One("ipStrategy", kIpStrategy).MayBeEmpty(),
    Number("rejectStatusCode").MayBeEmpty().Since(kV3_0),
};
inline constexpr Struct kIpAllowList{"IpAllowList", kIpAllowListOptions};

inline constexpr Option kHeadersOptions[] = {
    TextMap("customRequestHeaders"),
    TextMap("customResponseHeaders"),
    Flag("accessControlAllowCredentials"),
    Texts("accessControlAllowHeaders"),
    Texts("accessControlAllowMethods"),
    Texts("accessControlAllowOriginList"),
    Texts("accessControlAllowOriginListRegex"),
    Texts("accessControlExposeHeaders"),
    Number("accessControlMaxAge").Optional(),
    Flag("addVaryHeader"),
    Texts("allowedHosts"),
    Texts("hostsProxyHeaders"),
    TextMap("sslProxyHeaders"),
    Number("stsSeconds").Optional(),
    Flag("stsIncludeSubdomains"),
    Flag("stsPreload"),
    Flag("forceSTSHeader"),
    Flag("frameDeny"),
    Text("customFrameOptionsValue"),
    Flag("contentTypeNosniff"),
    Flag("browserXssFilter"),
    Text("customBrowserXSSValue"),
    Text("contentSecurityPolicy"),
    Text("contentSecurityPolicyReportOnly").Since(kV3_1),
    Text("publicKey"),
    Text("referrerPolicy"),
    Text("permissionsPolicy"),
    Flag("isDevelopment"),
    Text("featurePolicy").Optional(),
    Flag("sslRedirect").Optional(),
    Flag("sslTemporaryRedirect").Optional(),
    Text("sslHost").Optional(),
    Flag("sslForceHost").Optional(),
};
inline constexpr Struct kHeaders{"Headers", kHeadersOptions};

inline constexpr Option kEncodedCharactersOptions[] = {
    Flag("allowEncodedSlash"),     Flag("allowEncodedBackSlash"), Flag("allowEncodedNullCharacter"),
    Flag("allowEncodedSemicolon"), Flag("allowEncodedPercent"),   Flag("allowEncodedQuestionMark"),
    Flag("allowEncodedHash"),
};
inline constexpr Struct kEncodedCharacters{"EncodedCharacters", kEncodedCharactersOptions};

inline constexpr Option kErrorPageOptions[] = {
    Texts("status"),
    NumberMap("statusRewrites").Since(kV3_4),
    Text("service"),
    Text("query"),
    Texts("errorRequestHeaders").Since(kV3_6),
    Anything("nginxHeaders").Optional().Internal().Since(kV3_7),
};
inline constexpr Struct kErrorPage{"ErrorPage", kErrorPageOptions};

inline constexpr Option kSourceCriterionOptions[] = {
    One("ipStrategy", kIpStrategy),
    Text("requestHeaderName"),
    Flag("requestHost"),
};
inline constexpr Struct kSourceCriterion{"SourceCriterion", kSourceCriterionOptions};

inline constexpr Option kRedisTlsOptions[] = {
    Text("ca"),
    Text("cert"),
    Text("key"),
    Flag("insecureSkipVerify"),
};
inline constexpr Struct kRedisTls{"RedisTls", kRedisTlsOptions};

inline constexpr Option kRedisOptions[] = {
    Texts("endpoints").Default("localhost:6379"),
    One("tls", kRedisTls),
    Text("username"),
    Text("password"),
    Number("db"),
    Number("poolSize"),
    Number("minIdleConns"),
    Number("maxActiveConns"),
    Time("readTimeout").Optional().Default("3s"),
    Time("writeTimeout").Optional().Default("3s"),
    Time("dialTimeout").Optional().Default("5s"),
};
inline constexpr Struct kRedis{"Redis", kRedisOptions};

inline constexpr Option kRateLimitOptions[] = {
    Number("average"),
    Time("period").Default("1s"),
    Number("burst").Default("1"),
    One("sourceCriterion", kSourceCriterion),
    One("redis", kRedis).Since(kV3_4),
};
inline constexpr Struct kRateLimit{"RateLimit", kRateLimitOptions};

inline constexpr Option kRedirectRegexOptions[] = {
    Text("regex"),
    Text("replacement"),
    Flag("permanent"),
    Number("statusCode").Optional().Internal().Since(kV3_7),
};
inline constexpr Struct kRedirectRegex{"RedirectRegex", kRedirectRegexOptions};

inline constexpr Option kRedirectSchemeOptions[] = {
    Text("scheme"),
    Text("port"),
    Flag("permanent"),
    Flag("forcePermanentRedirect").Internal().Since(kV3_6),
};
inline constexpr Struct kRedirectScheme{"RedirectScheme", kRedirectSchemeOptions};

inline constexpr Option kBasicAuthOptions[] = {
    Texts("users"), Text("usersFile"), Text("realm"), Flag("removeHeader"), Text("headerField"),
};
inline constexpr Struct kBasicAuth{"BasicAuth", kBasicAuthOptions};

inline constexpr Option kDigestAuthOptions[] = {
    Texts("users"), Text("usersFile"), Flag("removeHeader"), Text("realm"), Text("headerField"),
};
inline constexpr Struct kDigestAuth{"DigestAuth", kDigestAuthOptions};

inline constexpr Option kClientTlsOptions[] = {
    Text("ca"),
    Text("cert"),
    Text("key"),
    Flag("insecureSkipVerify"),
    Flag("caOptional").Optional(),
};
inline constexpr Struct kClientTls{"ClientTls", kClientTlsOptions};

inline constexpr Option kForwardAuthOptions[] = {
    Text("address"),
    One("tls", kClientTls),
    Flag("trustForwardHeader").Optional(),
    Texts("authResponseHeaders"),
    Text("authResponseHeadersRegex"),
    Texts("authRequestHeaders"),
    Number("maxResponseBodySize").Optional().Since(kV3_6),
    Texts("addAuthCookiesToResponse").Since(kV3_0),
    Text("headerField").Since(kV3_2),
    Flag("forwardBody").Since(kV3_3),
    Number("maxBodySize").Optional().Default("-1").Since(kV3_3),
    Flag("preserveLocationHeader").Since(kV3_3),
    Flag("preserveRequestMethod").Since(kV3_4),
    Text("authSigninURL").Since(kV3_7),
};
inline constexpr Struct kForwardAuth{"ForwardAuth", kForwardAuthOptions};

inline constexpr Option kInFlightReqOptions[] = {
    Number("amount"),
    One("sourceCriterion", kSourceCriterion),
};
inline constexpr Struct kInFlightReq{"InFlightReq", kInFlightReqOptions};

inline constexpr Option kBufferingOptions[] = {
    Number("maxRequestBodyBytes"),
    Number("memRequestBodyBytes"),
    Number("maxResponseBodyBytes"),
    Number("memResponseBodyBytes"),
    Text("retryExpression"),
    Flag("disableRequestBuffer").Internal().Since(kV3_7),
    Flag("disableResponseBuffer").Internal().Since(kV3_7),
};
inline constexpr Struct kBuffering{"Buffering", kBufferingOptions};

inline constexpr Option kCircuitBreakerOptions[] = {
    Text("expression"),
    Time("checkPeriod").Default("100ms"),
    Time("fallbackDuration").Default("10s"),
    Time("recoveryDuration").Default("10s"),
    Number("responseCode").Default("503").Since(kV3_0),
};
inline constexpr Struct kCircuitBreaker{"CircuitBreaker", kCircuitBreakerOptions};

inline constexpr Option kCompressOptions[] = {
    Texts("excludedContentTypes"),        Texts("includedContentTypes").Since(kV3_0),
    Number("minResponseBodyBytes"),       Texts("encodings").Default("gzip,br,zstd").Since(kV3_2),
    Text("defaultEncoding").Since(kV3_0),
};
inline constexpr Struct kCompress{"Compress", kCompressOptions};

inline constexpr Option kTlsClientCertificateSubjectDNInfoOptions[] = {
    Flag("country"),      Flag("province"),           Flag("locality"),
    Flag("organization"), Flag("organizationalUnit"), Flag("commonName"),
    Flag("serialNumber"), Flag("domainComponent"),
};
inline constexpr Struct kTlsClientCertificateSubjectDNInfo{
    "TlsClientCertificateSubjectDNInfo", kTlsClientCertificateSubjectDNInfoOptions};

inline constexpr Option kTlsClientCertificateIssuerDNInfoOptions[] = {
    Flag("country"),    Flag("province"),     Flag("locality"),        Flag("organization"),
    Flag("commonName"), Flag("serialNumber"), Flag("domainComponent"),
};
inline constexpr Struct kTlsClientCertificateIssuerDNInfo{"TlsClientCertificateIssuerDNInfo",
                                                          kTlsClientCertificateIssuerDNInfoOptions};

inline constexpr Option kTlsClientCertificateInfoOptions[] = {
    Flag("notAfter"),
    Flag("notBefore"),
    Flag("sans"),
    Flag("serialNumber"),
    One("subject", kTlsClientCertificateSubjectDNInfo),
    One("issuer", kTlsClientCertificateIssuerDNInfo),
};
inline constexpr Struct kTlsClientCertificateInfo{"TlsClientCertificateInfo",
                                                  kTlsClientCertificateInfoOptions};

inline constexpr Option kPassTlsClientCertOptions[] = {
    Flag("pem"),
    One("info", kTlsClientCertificateInfo),
};
inline constexpr Struct kPassTlsClientCert{"PassTlsClientCert", kPassTlsClientCertOptions};

inline constexpr Option kRetryOptions[] = {
    Number("attempts"),
    Time("timeout").Since(kV3_7),
    Time("initialInterval"),
    Number("maxRequestBodyBytes").Optional().Default("2097152").Since(kV3_7),
    Texts("status").Since(kV3_7),
    Flag("disableRetryOnNetworkError").Since(kV3_7),
    Flag("retryNonIdempotentMethod").Since(kV3_7),
};
inline constexpr Struct kRetry{"Retry", kRetryOptions};

inline constexpr Option kContentTypeOptions[] = {
    Flag("autoDetect").Optional(),
};
inline constexpr Struct kContentType{"ContentType", kContentTypeOptions};

inline constexpr Option kGrpcWebOptions[] = {
    Texts("allowOrigins"),
};
inline constexpr Struct kGrpcWeb{"GrpcWeb", kGrpcWebOptions};

inline constexpr Option kMiddlewareOptions[] = {
    One("addPrefix", kAddPrefix),
    One("stripPrefix", kStripPrefix),
    One("stripPrefixRegex", kStripPrefixRegex),
    One("replacePath", kReplacePath),
    One("replacePathRegex", kReplacePathRegex),
    One("chain", kChain),
    One("ipWhiteList", kIpWhiteList),
    One("ipAllowList", kIpAllowList),
    One("headers", kHeaders),
    One("encodedCharacters", kEncodedCharacters).Since(kV3_7),
    One("errors", kErrorPage),
    One("rateLimit", kRateLimit),
    One("redirectRegex", kRedirectRegex),
    One("redirectScheme", kRedirectScheme),
    One("basicAuth", kBasicAuth),
    One("digestAuth", kDigestAuth),
    One("forwardAuth", kForwardAuth),
    One("inFlightReq", kInFlightReq),
    One("buffering", kBuffering),
    One("circuitBreaker", kCircuitBreaker),
    One("compress", kCompress).MayBeEmpty(),
    One("passTLSClientCert", kPassTlsClientCert),
    One("retry", kRetry),
    One("contentType", kContentType).MayBeEmpty(),
    One("grpcWeb", kGrpcWeb).Since(kV3_0),
    Plugins("plugin"),
    One("requestHeaderModifier", kHeaderModifier).Internal().Since(kV3_0),
    One("responseHeaderModifier", kHeaderModifier).Internal().Since(kV3_2),
    One("requestRedirect", kRequestRedirect).Internal().Since(kV3_1),
    One("URLRewrite", kUrlRewrite).Internal().Since(kV3_1),
    One("authTLSPassCertificateToUpstream", kAuthTlsPassCertificateToUpstream)
        .Internal()
        .Since(kV3_7),
    One("snippet", kSnippet).Internal().Since(kV3_7),
    One("rewriteTarget", kRewriteTarget).Internal().Since(kV3_7),
    One("upstreamVHost", kUpstreamVHost).Internal().Since(kV3_7),
    One("appRoot", kAppRoot).Internal().Since(kV3_7),
};
inline constexpr Struct kMiddleware{"Middleware", kMiddlewareOptions};

}  // namespace traefik::schema
