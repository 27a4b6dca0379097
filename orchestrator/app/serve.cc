#include "orchestrator/app/serve.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fstream>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "orchestrator/api/api_server.h"
#include "orchestrator/api/waiting_server.h"
#include "orchestrator/app/log.h"
#include "orchestrator/app/pools.h"
#include "orchestrator/app/secrets.h"
#include "orchestrator/app/state_directory.h"
#include "orchestrator/deploy/task_watcher.h"
#include "orchestrator/docker/engine_client.h"
#include "orchestrator/routing/absences.h"
#include "orchestrator/routing/document_publisher.h"
#include "orchestrator/routing/migration_runner.h"
#include "orchestrator/routing/migrations.h"
#include "orchestrator/routing/removal_gate.h"
#include "orchestrator/routing/shared_objects.h"
#include "orchestrator/store/sqlite_store.h"
#include "provider/base/secret.h"
#include "provider/page_server.h"
#include "provider/prober.h"
#include "traefik/codec/value.h"

namespace orchestrator::app {
namespace {

// Signals are blocked in every thread of the process and taken by one.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

Failure CannotStart(const std::string& reason) {
  return Failure(Error{ErrorKind::kUnavailable, reason});
}

// Without an engine there are no tasks.
bool FollowsTasks(const config::Config& config) {
  return config.routing.follow_tasks && config.docker.host;
}

routing::RouteOptions MakeRouteOptions(const config::Config& config,
                                       const traefik::RevisionProbe& probe) {
  routing::RouteOptions options;
  options.entry_points = config.routing.entry_points;
  options.stream_entry_points = config.routing.stream_entry_points;
  options.network = config.docker.network;
  options.probe = probe;
  options.pages_url = config.PagesUrl();
  options.follow_tasks = FollowsTasks(config);
  options.standby_labels = config.routing.standby_labels;
  options.has_swarm = config.docker.host.has_value();
  options.version = config.traefik.Target();
  options.rewrites_status = options.version >= traefik::schema::kV3_4;
  for (const provider::ConfiguredInstance& instance : config.traefik.instances) {
    options.probe_labels |= !instance.entry_point.empty();
    options.probe_tls |= !instance.tls_entry_point.empty();
  }
  return options;
}

deploy::ReconcilerOptions MakeReconcilerOptions(const config::Config& config) {
  deploy::ReconcilerOptions options;
  options.network = {config.docker.network, config.docker.subnet};
  options.drift =
      config.docker.repair_drift ? deploy::DriftPolicy::kRepair : deploy::DriftPolicy::kReport;
  const char* time_zone = std::getenv("TZ");
  options.service = {
      .sites_directory = config.sites.directory,
      .dynamic_image = config.sites.dynamic_image,
      .static_image = config.sites.static_image,
      .endpoint_mode = config.docker.endpoint_mode,
      .time_zone = time_zone ? time_zone : "UTC",
      .owner = config.sites.owner,
      .drain = FollowsTasks(config) ? config.routing.drain : std::chrono::seconds(0)};
  return options;
}

// What the containers and images of this orchestrator are labelled with.
std::string OwnerName(const std::string& secret) {
  return provider::Sha256Hex(secret).substr(0, 16);
}

image::BuilderOptions MakeBuilderOptions(const config::Config& config, const std::string& secret) {
  return {.sites_directory = config.sites.directory,
          .log_directory = config.state_directory / "builds",
          .files = {.owner = config.sites.owner},
          .base_image = config.sites.dynamic_image,
          .owner = OwnerName(secret),
          .memory_bytes = config.images.memory.count,
          .nano_cpus = config.images.cpus.count,
          .most_bytes = config.images.largest_layer.count,
          .time_limit = config.images.time_limit,
          .most_at_once = config.images.at_once};
}

terminal::TerminalOptions MakeTerminalOptions(const config::Config& config,
                                              const std::string& secret) {
  return {.service = MakeReconcilerOptions(config).service,
          .network = {config.docker.network, config.docker.subnet},
          .owner = OwnerName(secret),
          .per_site = config.terminals.per_site,
          .in_all = config.terminals.in_all,
          .idle = config.terminals.idle,
          .reconnect = config.terminals.reconnect};
}

files::Options MakeFilesOptions(const config::Config& config) {
  files::Options options;
  options.owner = config.sites.owner;
  if (config.sites.quota) {
    options.quota_bytes = static_cast<std::uint64_t>(config.sites.quota->count);
  }
  return options;
}

provider::Assembly::Routers RouterShape(const config::Config& config) {
  const bool has_tree = config.traefik.Target() >= traefik::schema::kV3_6;
  return config.routing.tree && has_tree ? provider::Assembly::Routers::kTree
                                         : provider::Assembly::Routers::kFlat;
}

// Where this process listens, for the command line on the same machine.
void WriteAddresses(const config::Config& config, std::uint16_t api_port,
                    std::uint16_t provider_port) {
  provider::http::ListenAddress api = config.api.listen;
  provider::http::ListenAddress provider = config.provider.listen;
  if (!api.is_unix()) api.port = api_port;
  provider.port = provider_port;
  std::ofstream(config.state_directory / "addresses.json")
      << fmt::format("{{\"api\":\"{}\",\"provider\":\"{}\"}}\n", api.text(), provider.text());
  spdlog::info("API on {}, provider on {}", api.text(), provider.text());
}

void WarnAboutMode(const store::Store& store, const config::Config& config) {
  const auto mode = routing::DefaultMode(store);
  if (!mode || *mode == config.routing.default_mode) return;
  spdlog::info(
      "the default mode is {}, as it was switched to; the configuration's {} was for the first "
      "start",
      site::Name(*mode), site::Name(config.routing.default_mode));
}

// Opens the store. Where there are documents from before, they are served while a store that cannot
// be opened is tried again and again, and the API says why it has to wait (`waiting`, until it is
// there itself); null when a signal ends that.
Result<std::unique_ptr<store::Store>> OpenStore(const config::Config& config,
                                                const routing::PoolRoutings& pools,
                                                std::uint16_t provider_port,
                                                const sigset_t& signals,
                                                std::optional<api::WaitingServer>& waiting) {
  std::string problem;
  for (;;) {
    auto store = store::OpenSqlite(config.database);
    if (store || !HasAnyFromBefore(pools)) return store;
    ServeFromBefore(pools);
    const bool is_new = problem != store.error().message;
    if (is_new) {
      problem = store.error().message;
      spdlog::error("{}; what was served before is served until that is mended", problem);
    }
    if (!waiting) {
      const auto port = waiting.emplace().Start(config.api.listen);
      if (port) {
        WriteAddresses(config, *port, provider_port);
      } else {  // what is served goes on
        if (is_new) spdlog::error("the API cannot say so: {}", port.error());
        waiting.reset();
      }
    }
    if (waiting) waiting->SetProblem(problem);
    static constexpr timespec kRetry{2, 0};
    if (sigtimedwait(&signals, nullptr, &kRetry) > 0) return std::unique_ptr<store::Store>();
  }
}

// Every connection and file has a descriptor, and the usual limit is for smaller programs.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  constexpr rlim_t kEnough = 65'536;
  limit.rlim_cur = std::min(limit.rlim_max, std::max(limit.rlim_cur, kEnough));
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) spdlog::warn("cannot raise the limit of open files");
}

// Ends the polls before what they use goes.
class PollsEnd {
 public:
  PollsEnd(provider::Pools& pools, provider::PollServer& polls) : pools_(pools), polls_(polls) {}
  ~PollsEnd() {
    pools_.Close();
    polls_.Stop();
  }
  PollsEnd(const PollsEnd&) = delete;
  PollsEnd& operator=(const PollsEnd&) = delete;

 private:
  provider::Pools& pools_;
  provider::PollServer& polls_;
};

const routing::PoolRouting* PoolOf(const routing::PoolRoutings& pools, const site::Site& site) {
  return routing::FindPool(pools, site.routing.pool);
}

// Instances that were declared gone stay so until something is heard of them.
Result<void> RestoreAbsences(store::Store& store, provider::Pools& pools) {
  const auto gone = routing::LoadAbsences(store);
  if (!gone) return Failure(gone.error());
  for (provider::Pool& pool : pools) {
    pool.instances.SetAbsences({*gone, [&store](const std::string& name) {
                                  spdlog::info("{} was declared gone, and is back", name);
                                  if (auto set = routing::SetAbsence(store, name, false); !set) {
                                    spdlog::error("{}", set.error().message);
                                  }
                                }});
  }
  return {};
}

}  // namespace

Result<void> Serve(const config::Config& config) {
  const sigset_t signals = BlockSignals();
  SetUpLog(config.log);
  RaiseDescriptorLimit();
  const auto state = StateDirectory::Open(config.state_directory);
  if (!state) return Failure(state.error());

  // The provider listens first, so that Traefik hears "not yet" rather than nothing.
  provider::Pools traefiks(config.traefik.instances, config.routing.pools);
  auto pools = LoadPools(config, traefiks);
  if (!pools) return Failure(pools.error());
  ServeCurrentFromBefore(*pools, config);
  std::shared_ptr<provider::http::TlsContext> tls;
  if (config.provider.tls) {
    auto loaded = provider::http::TlsContext::Load(
        *config.provider.tls, [](const std::string& problem) { spdlog::error("{}", problem); });
    if (!loaded) return CannotStart("provider.tls: " + loaded.error());
    tls = *std::move(loaded);
  }
  provider::PollServer polls(traefiks, {.tokens = config.provider.tokens, .tls = tls});
  const auto provider_port = polls.Start(config.provider.listen);
  if (!provider_port) return CannotStart(provider_port.error());
  provider::PageServer pages_server;
  if (config.pages.listen) {
    if (const auto port = pages_server.Start(*config.pages.listen); !port) {
      return CannotStart(port.error());
    }
  }

  std::optional<api::WaitingServer> waiting;
  const auto store = OpenStore(config, *pools, *provider_port, signals, waiting);
  if (!store || !*store) {
    traefiks.Close();
    return store ? Result<void>() : Failure(store.error());
  }
  const PollsEnd polls_end(traefiks, polls);
  if (auto known = CheckPoolsOfSites(**store, config); !known) return known;
  if (auto compared = CompareWithServed(**store, *pools); !compared) return compared;
  const auto database_name = routing::DatabaseName(**store);
  if (!database_name) return Failure(database_name.error());
  const auto shared = routing::LoadSharedObjects(config.routing.shared, config.traefik.Target());
  if (!shared) return Failure(shared.error());
  const auto secrets =
      PrepareStore(**store, config, *shared ? traefik::codec::ToJson(**shared) : "");
  if (!secrets) return Failure(secrets.error());
  std::string token;
  if (config.api.tokens) {
    const auto made = state->AdminToken();
    if (!made) return Failure(made.error());
    token = *made;
  }
  WarnAboutMode(**store, config);
  if (auto prepared = deploy::PrepareTaskAddresses(**store, FollowsTasks(config)); !prepared) {
    return prepared;
  }
  if (auto restored = RestoreAbsences(**store, traefiks); !restored) {
    return Failure(restored.error());
  }

  routing::RouteOptions routes = MakeRouteOptions(config, secrets->probe);
  routes.shared = *shared;
  provider::http::Client client;
  std::unique_ptr<docker::EngineClient> engine;
  std::unique_ptr<docker::ImageClient> images;
  std::unique_ptr<docker::ContainerClient> containers;
  if (config.docker.host) {
    const auto address = docker::EngineAddress::Parse(*config.docker.host);
    if (!address) return CannotStart("docker.host " + address.error());
    engine = std::make_unique<docker::EngineClient>(client, *address);
    images = std::make_unique<docker::ImageClient>(client, *address);
    containers = std::make_unique<docker::ContainerClient>(client, *address);
  }
  std::optional<deploy::TaskWatcher> tasks;
  if (routes.follow_tasks) {
    tasks.emplace(**store, *engine, deploy::TaskWatcherOptions{.network = config.docker.network});
  }
  BuildPools(*pools, config, **store, *database_name, routes,
             [&](const traefik::RevisionProbe& probe) {
               return provider::Assembly(probe, config.routing.entry_points,
                                         secrets->default_certificate, RouterShape(config));
             });
  static constexpr std::chrono::seconds kReadTime{2};
  const std::chrono::seconds swarm_refresh(config.traefik.swarm_refresh_seconds);
  routing::RemovalGate removals(
      traefiks,
      [&](site::SiteId id) {
        return std::ranges::any_of(*pools, [&](const routing::PoolRouting& pool) {
          const bool is_old = pool.document->held() || pool.document->rolled_back_to();
          return is_old && pool.document->Serves(id);
        });
      },
      swarm_refresh + kReadTime);
  std::unique_ptr<terminal::Terminals> terminals;
  if (engine) {
    terminals = std::make_unique<terminal::Terminals>(
        **store, *engine, *containers, MakeTerminalOptions(config, secrets->probe.secret));
  }
  deploy::ReconcilerOptions reconciler_options = MakeReconcilerOptions(config);
  if (terminals) {
    reconciler_options.end_terminals = [&](site::SiteId id, const std::stop_token& stop) {
      return terminals->EndAll(id, "the site is becoming another, or goes", stop);
    };
  }
  deploy::Reconciler reconciler(
      **store, engine.get(),
      {.labels =
           [&](const store::SiteRecord& record) { return routing::ServiceLabels(record, routes); },
       .owns_label = routing::OwnsLabel,
       .is_unused = [&](const store::SiteRecord& record,
                        bool loses_tasks) { return removals.IsUnused(record, loses_tasks); }},
      reconciler_options);
  std::vector<routing::PoolDocument*> documents;
  std::deque<provider::Prober> probers;
  for (const routing::PoolRouting& pool : *pools) {
    documents.push_back(pool.document.get());
    probers.emplace_back(client, pool.traefiks.instances, pool.traefiks.publisher,
                         ProbeOf(pool.name(), secrets->probe));
  }
  const routing::DocumentPublisher publisher(**store, documents);
  const auto labels_applied = [&](const store::SiteRecord& record) {
    const auto applied = reconciler.StatusOf(record.site.id).applied;
    const bool current = applied && applied->routes_revision == record.routes_revision &&
                         applied->phase == record.phase;
    return current ? std::optional(applied->since) : std::nullopt;
  };
  static constexpr std::chrono::seconds kReloadTime{5};
  // Longer than a Traefik counts that has gone without a word.
  static constexpr std::chrono::seconds kMigrationPatience{100};
  const std::chrono::seconds label_grace = 2 * swarm_refresh + kReloadTime;
  routing::ModeSwitch mode_switch(
      **store, traefiks, client, labels_applied,
      {.routes = routes,
       .label_grace = label_grace,
       .unkept = [&](const store::SiteRecord& record) -> std::string {
         const routing::PoolRouting* const pool = PoolOf(*pools, record.site);
         if (!pool || pool->recorder->kept() >= record.routes_revision) return {};
         const std::string problem = pool->recorder->problem();
         return problem.empty() ? "the document is being written to disk" : problem;
       },
       .quarantined = [&](const store::SiteRecord& record) -> std::string {
         const routing::PoolRouting* const pool = PoolOf(*pools, record.site);
         return pool ? pool->document->QuarantineOf(record.site.id) : "";
       }});

  const routing::MigrationRunner migrations(
      **store, traefiks, client,
      {.routes = routes,
       .unapplied = [&](const store::SiteRecord& record) -> std::string {
         if (labels_applied(record)) return {};
         const std::string problem = reconciler.StatusOf(record.site.id).problem;
         return problem.empty() ? "its service is not up to date in the swarm yet" : problem;
       },
       .waiting_for = [&](site::SiteId id) { return mode_switch.WaitingFor(id); },
       .patience = label_grace + kMigrationPatience,
       .drop_grace = swarm_refresh + kReadTime});

  command::SiteCommands commands(
      **store, {.routes = routes,
                .has_engine = engine != nullptr,
                .pools = config.routing.pools,
                .is_taken = [&](site::SiteId id) { return reconciler.IsNameOfOthers(id); }});
  std::unique_ptr<image::Builder> builder;
  if (engine) {
    builder = std::make_unique<image::Builder>(**store, *images, *containers,
                                               MakeBuilderOptions(config, secrets->probe.secret));
  }
  std::stop_source stopping;
  api::ApiServer api({.store = **store,
                      .commands = commands,
                      .reconciler = reconciler,
                      .engine = engine.get(),
                      .builder = builder.get(),
                      .terminals = terminals.get(),
                      .sites_directory = config.sites.directory,
                      .files_options = MakeFilesOptions(config),
                      .time_zone = reconciler_options.service.time_zone,
                      .network = config.docker.network,
                      .entry_points = config.routing.entry_points,
                      .routes = routes,
                      .mode_switch = mode_switch,
                      .pools = *pools,
                      .polls = polls.counters(),
                      .provider_tls = tls.get(),
                      .stopping = stopping.get_token()},
                     token);
  waiting.reset();
  const auto api_port = api.Start(config.api.listen);
  if (!api_port) return CannotStart(api_port.error());
  WriteAddresses(config, *api_port, *provider_port);

  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("stopping on signal {}", signal);
  // A second signal ends the process the hard way.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  stopping.request_stop();
  api.Stop();
  return {};
}

}  // namespace orchestrator::app
