#pragma once

#include "traefik/schema/option.h"

// Parts that only Traefik's own Kubernetes and Gateway providers set. From everywhere else they are
// taken and ignored, but their names are looked at.
namespace traefik::schema {

inline constexpr Option kRouterDeniedEncodedPathCharactersOptions[] = {
    Flag("allowEncodedSlash"),     Flag("allowEncodedBackSlash"), Flag("allowEncodedNullCharacter"),
    Flag("allowEncodedSemicolon"), Flag("allowEncodedPercent"),   Flag("allowEncodedQuestionMark"),
    Flag("allowEncodedHash"),
};
inline constexpr Struct kRouterDeniedEncodedPathCharacters{
    "RouterDeniedEncodedPathCharacters", kRouterDeniedEncodedPathCharactersOptions};

inline constexpr Option kGrpcStatusOptions[] = {
    Number("code"),
    Text("msg"),
};
inline constexpr Struct kGrpcStatus{"GrpcStatus", kGrpcStatusOptions};

inline constexpr Option kHeaderModifierOptions[] = {
    TextMap("set"),
    TextMap("add"),
    Texts("remove"),
};
inline constexpr Struct kHeaderModifier{"HeaderModifier", kHeaderModifierOptions};

inline constexpr Option kRequestRedirectOptions[] = {
    Text("scheme").Optional(), Text("hostname").Optional(),   Text("port").Optional(),
    Text("path").Optional(),   Text("pathPrefix").Optional(), Number("statusCode"),
};
inline constexpr Struct kRequestRedirect{"RequestRedirect", kRequestRedirectOptions};

inline constexpr Option kUrlRewriteOptions[] = {
    Text("hostname").Optional(),
    Text("path").Optional(),
    Text("pathPrefix").Optional(),
};
inline constexpr Struct kUrlRewrite{"UrlRewrite", kUrlRewriteOptions};

inline constexpr Option kAuthTlsPassCertificateToUpstreamOptions[] = {
    Text("clientAuthType"),
    Texts("caFiles"),
};
inline constexpr Struct kAuthTlsPassCertificateToUpstream{"AuthTlsPassCertificateToUpstream",
                                                          kAuthTlsPassCertificateToUpstreamOptions};

inline constexpr Option kAuthOptions[] = {
    Text("address"),       Text("method"), Text("snippet"), Texts("authResponseHeaders"),
    Text("authSigninURL"),
};
inline constexpr Struct kAuth{"Auth", kAuthOptions};

inline constexpr Option kSnippetOptions[] = {
    Text("serverSnippet"),
    Text("configurationSnippet"),
    One("auth", kAuth),
};
inline constexpr Struct kSnippet{"Snippet", kSnippetOptions};

inline constexpr Option kRewriteTargetOptions[] = {
    Text("regex"),
    Text("replacement"),
    Text("xForwardedPrefix"),
};
inline constexpr Struct kRewriteTarget{"RewriteTarget", kRewriteTargetOptions};

inline constexpr Option kUpstreamVHostOptions[] = {
    Text("vHost"),
    TextMap("vars"),
};
inline constexpr Struct kUpstreamVHost{"UpstreamVHost", kUpstreamVHostOptions};

inline constexpr Option kAppRootOptions[] = {
    Text("path"),
};
inline constexpr Struct kAppRoot{"AppRoot", kAppRootOptions};

inline constexpr Option kTcpModelOptions[] = {
    Text("defaultRuleSyntax").Internal(),
};
inline constexpr Struct kTcpModel{"TcpModel", kTcpModelOptions};

}  // namespace traefik::schema
