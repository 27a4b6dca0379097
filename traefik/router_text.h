#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "traefik/codec/value.h"

namespace traefik {

// A rendered HTTP router that may be put anywhere in a tree of routers. JSON texts, in UTF-8.
struct RouterText {
  std::string name;
  std::string body;  // members that it has wherever it stands: "rule":…,"service":…

  // What of the body the tree depends on.
  std::string rule;
  bool old_syntax = false;    // the rule is one of Traefik 2
  std::int64_t priority = 0;  // 0: the length of the rule
  std::vector<std::string> parents;

  // Their names, joined by commas. Below another router, those which that one has are left out.
  std::string middlewares;

  // What a router without parents has, and one with parents may not.
  std::vector<std::string> entry_points;  // none: Traefik's default ones
  std::string tls;                        // an object without its domains; empty: no TLS
  std::string tls_options;                // their name, which `tls` has, too
  std::string tls_domains;                // objects, joined by commas
  bool has_resolver = false;              // whether `tls` names one
  std::string observability;              // an object, or empty

  friend bool operator==(const RouterText&, const RouterText&) = default;
};

// `router` as a document has it.
RouterText RenderRouter(const std::string& name, const codec::Value& router);

// The member `"name":{…}` of a router that stands alone.
void AppendRouter(std::string& members, const RouterText& router);

// The same below `parents`, a JSON list, under the name `name`. These have the first middlewares of
// its list, `chain`, for it.
void AppendChildRouter(std::string& members, std::string_view name, const RouterText& router,
                       std::string_view parents, std::string_view chain);

// The member "middlewares", led by a comma; nothing for none.
void AppendMiddlewares(std::string& out, std::string_view middlewares);

// The members that a router without parents has beside its body: each is led by a comma.
void AppendListening(std::string& out, std::span<const std::string> entry_points,
                     std::string_view tls, std::string_view tls_domains,
                     std::string_view observability);

}  // namespace traefik
