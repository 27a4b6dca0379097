#pragma once

#include <string>
#include <string_view>

#include "orchestrator/config/config.h"
#include "orchestrator/error.h"
#include "orchestrator/store/store.h"
#include "traefik/configuration.h"
#include "traefik/document.h"

namespace orchestrator::app {

// What is made once and kept in the store, so that the document is the same after every start.
struct Secrets {
  traefik::Certificate default_certificate;
  traefik::RevisionProbe probe;
};

// Reads them, or makes them at the first start. Also writes down the configuration's default mode
// at the first start, and moves the documents of all pools on when the configuration changes what
// is in it. `shared`: the objects of the fleet, rendered.
Result<Secrets> PrepareStore(store::Store& store, const config::Config& config,
                             std::string_view shared);

}  // namespace orchestrator::app
