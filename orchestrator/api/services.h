#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "orchestrator/command/site_commands.h"
#include "orchestrator/deploy/deployment.h"
#include "orchestrator/deploy/reconciler.h"
#include "orchestrator/docker/engine.h"
#include "orchestrator/files/site_files.h"
#include "orchestrator/image/builder.h"
#include "orchestrator/routing/mode_switch.h"
#include "orchestrator/routing/pool_routing.h"
#include "orchestrator/store/store.h"
#include "orchestrator/terminal/terminals.h"
#include "provider/http/tls_context.h"
#include "provider/poll_server.h"

namespace orchestrator::api {

// What the handlers work with. All of it lives longer than the API server.
struct Services {
  store::Store& store;
  command::SiteCommands& commands;
  deploy::Reconciler& reconciler;
  docker::Engine* engine;          // null: none is configured
  image::Builder* builder;         // null without an engine
  terminal::Terminals* terminals;  // null without an engine
  std::filesystem::path sites_directory;
  files::Options files_options;
  std::string time_zone;                  // of tasks whose site says none
  std::string network;                    // of the sites' services
  std::vector<std::string> entry_points;  // of sites that name none
  const routing::RouteOptions& routes;
  routing::ModeSwitch& mode_switch;
  const routing::PoolRoutings& pools;
  const provider::PollCounters& polls;
  const provider::http::TlsContext* provider_tls;  // null: the provider's listener has none
  std::stop_token stopping;  // requested when the process is to end: long answers are cut short
};

}  // namespace orchestrator::api
