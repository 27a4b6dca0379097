#pragma once

#include <set>
#include <string>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/routing/routes.h"
#include "orchestrator/site/site.h"
#include "traefik/codec/diff.h"
#include "traefik/codec/value.h"

// What sites would serve a dynamic configuration of Traefik, as of its file provider. Nothing is
// changed here, and nothing is left out in silence. Pure function.
namespace orchestrator::adopt {

struct ImportedRouter {
  std::string router;               // its name in the document
  std::vector<std::string> others;  // routers of the same addresses, which are in its extra
  site::Site site;  // external; valid, with what its own fields cannot say in routing.extra
  // What Traefik would have otherwise than by the document: objects have the names of the document,
  // and what the orchestrator makes for all sites is left out. Empty: the same.
  std::vector<traefik::codec::Change> difference;
};

struct LeftOver {
  std::string object;  // "/http/routers/x"
  std::string reason;
};

struct DocumentImport {
  std::vector<ImportedRouter> routers;
  std::vector<LeftOver> left_over;   // routers that become no site
  std::vector<std::string> remarks;  // what Traefik reads otherwise than it is written
  // Those routers with what they need, what no router needs, and certificates: fit for
  // routing.shared. Not set where there is nothing.
  traefik::codec::Value rest;
};

enum class DocumentFormat { kYaml, kToml };  // JSON is YAML

// Each HTTP router whose rule says no more than hosts and paths becomes a site; others of the same
// addresses (as on another entry point, or for some requests only) become part of it.
// The error has a field for each thing that Traefik would refuse.
Result<DocumentImport> ImportDocument(std::string_view text, DocumentFormat format,
                                      site::SiteId next_id, const routing::RouteOptions& options);

// The same of a configuration that is read already.
Result<DocumentImport> ImportConfiguration(traefik::codec::Value configuration,
                                           site::SiteId next_id,
                                           const routing::RouteOptions& options);

}  // namespace orchestrator::adopt
