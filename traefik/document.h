#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traefik/codec/value.h"
#include "traefik/configuration.h"
#include "traefik/router_text.h"

// Bytes of the document that Traefik's HTTP provider reads. Fragments are rendered once when their
// part changes; a document is then put together from rendered text, in a fixed order, so that the
// same configuration gives the same bytes.
namespace traefik {

// One part of a document in rendered form. Texts are `"name": {…}` members without the outer
// braces, joined by commas. Names of routers, services and transports must be unique over all
// fragments of a document; a middleware may be named by several fragments when its text is the
// same.
struct Fragment {
  std::vector<RouterText> routers = {};  // of HTTP
  std::string services;
  std::string servers_transports;
  std::map<std::string, std::string> middlewares;  // name → rendered value
  // All else, by "tcp/routers", "tls/certificates" (a list) and so on.
  std::map<std::string, std::string> others = {};

  friend bool operator==(const Fragment&, const Fragment&) = default;
};

Fragment RenderFragment(const Configuration& configuration);

// The same of a decoded configuration, of which everything is rendered but `tls.stores`.
Fragment RenderFragment(const codec::Value& configuration);

// Both in one; they must not have a name in common.
Fragment Joined(Fragment first, const Fragment& second);

// A route that answers which revision the data plane of a Traefik is using now: a request to `host`
// with the header `secret_header: secret` gets status 418 and `revision_header: <revision>`, from
// Traefik itself ("noop@internal"), without its API.
struct RevisionProbe {
  std::string host;
  std::string secret_header;
  std::string secret;
  std::string revision_header;

  friend bool operator==(const RevisionProbe&, const RevisionProbe&) = default;
};

// The probe's router and middleware, named `orchestrator-probe`, on the given entry points.
Configuration ProbeConfiguration(const RevisionProbe& probe, std::uint64_t revision,
                                 std::span<const std::string> entry_points);

// Members of the middlewares' map, from what is in Fragment::middlewares.
std::string RenderMiddlewares(const std::map<std::string, std::string>& middlewares);

// The member of tls.stores with Traefik's default certificate. Holds its key.
std::string RenderDefaultStore(const Certificate& certificate);

// The whole document. Sections that would be empty are left out, since one empty section makes
// Traefik refuse everything. The result holds the certificate's key: treat it as a secret.
std::string RenderDocument(std::span<const Fragment* const> fragments,
                           const std::optional<Certificate>& default_certificate);

}  // namespace traefik
