#include "orchestrator/cli/program.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "orchestrator/app/serve.h"
#include "orchestrator/cli/api_client.h"
#include "orchestrator/cli/import_commands.h"
#include "orchestrator/cli/migration_commands.h"
#include "orchestrator/cli/output.h"
#include "orchestrator/cli/routing_commands.h"
#include "orchestrator/cli/shell.h"
#include "orchestrator/cli/site_commands.h"
#include "orchestrator/cli/traefik_commands.h"
#include "orchestrator/config/config.h"
#include "orchestrator/fault/crash_point.h"
#include "orchestrator/routing/routes.h"
#include "orchestrator/routing/shared_objects.h"
#include "orchestrator/site/units.h"
#include "provider/base/secret.h"
#include "traefik/compile.h"
#include "traefik/static_configuration.h"

namespace orchestrator::cli {
namespace {

// Everything that options fill in.
struct Options {
  std::string config_file;
  ApiAddress api;
  bool json = false;
  WaitFlags wait;
  LogFlags logs;
  std::int64_t id = 0;
  std::vector<std::int64_t> ids;
  std::vector<std::string> files;
  SwitchOrder order;
  std::optional<std::uint64_t> migration;
  std::size_t large = traefik::CompileOptions().large;
  std::string instance = "traefik";
  std::string instance_gone;
  std::string pool;
  std::string revision;
  std::string other_revision;
  std::uint64_t confirmed = 0;
  std::string switch_timeout = "10m";
  bool no_wait = false;
  std::string target;
  bool toml = false;
  bool tcp_rule = false;
  bool v2_rule = false;
  LabelledService service;
};

using Command = std::function<int()>;

int Serve(const Options& options) {
  const auto config = config::Load(options.config_file, config::ProcessEnvironment);
  if (!config) return PrintError(config.error());
  const auto served = app::Serve(*config);
  return served ? kDone : PrintError(served.error());
}

int CheckConfig(const std::string& file) {
  const auto config = config::Load(file, config::ProcessEnvironment);
  if (!config) return PrintError(config.error());
  const auto shared = routing::LoadSharedObjects(config->routing.shared, config->traefik.Target());
  if (!shared) return PrintError(shared.error());
  if (config->provider.tls) {
    const auto tls = provider::http::TlsContext::Load(*config->provider.tls, {});
    if (!tls) return PrintError({ErrorKind::kInvalid, "provider.tls: " + tls.error()});
  }
  fmt::print("{} is good\n", file);
  return kDone;
}

// The pool of the Traefik that a static configuration is for.
Result<std::string> ChosenPool(const config::Config& config, const Options& options) {
  std::string pool = options.pool;
  for (const provider::ConfiguredInstance& instance : config.traefik.instances) {
    if (instance.name != options.instance) continue;
    if (!pool.empty() && pool != instance.pool) {
      return Failure(Error{ErrorKind::kInvalid,
                           fmt::format("{} is in the pool {} (traefik.instances), not in {}",
                                       instance.name, instance.pool, pool)});
    }
    pool = instance.pool;
  }
  if (pool.empty()) pool = site::kDefaultPool;
  const std::vector<std::string>& pools = config.routing.pools;
  if (std::ranges::find(pools, pool) != pools.end()) return pool;
  return Failure(
      Error{ErrorKind::kInvalid, fmt::format("there is no pool {} in routing.pools", pool)});
}

bool IsReachable(const provider::http::ListenAddress& address) {
  static constexpr std::array<std::string_view, 5> kOnlyHere{"127.0.0.1", "localhost", "::1",
                                                             "0.0.0.0", "::"};
  return std::ranges::find(kOnlyHere, address.host) == kOnlyHere.end();
}

int PrintStaticConfiguration(const Options& options) {
  const auto config = config::Load(options.config_file, config::ProcessEnvironment);
  if (!config) return PrintError(config.error());
  traefik::StaticConfiguration out;
  out.instance = options.instance;
  const auto pool = ChosenPool(*config, options);
  if (!pool) return PrintError(pool.error());
  out.provider_endpoint = config->ProviderUrl() + "/configuration";
  if (*pool != site::kDefaultPool) out.provider_endpoint += "?pool=" + *pool;
  if (!config->provider.tokens.empty()) {
    const std::string& token = config->provider.tokens.front();
    out.provider_token =
        provider::IsHashedToken(token) ? "THE-TOKEN-OF-WHICH-ONLY-THE-HASH-IS-KNOWN" : token;
  }
  out.provider_knows_clients = config->provider.tls && !config->provider.tls->client_ca.empty();
  out.entry_points = config->routing.entry_points;
  if (config->docker.host) {
    // A Unix socket is mounted into Traefik's container at its usual place.
    out.docker_endpoint = config->docker.host->starts_with("unix://")
                              ? "unix:///var/run/docker.sock"
                              : *config->docker.host;
  }
  out.network = config->docker.network;
  if (config->routing.pools.size() > 1) out.swarm_constraint = routing::PoolConstraint(*pool);
  out.swarm_refresh_seconds = config->traefik.swarm_refresh_seconds;
  fmt::print("{}", traefik::RenderStaticConfiguration(out));
  if (config->provider.advertise.empty() && !IsReachable(config->provider.listen)) {
    fmt::print(stderr,
               "the endpoint above is {}, which a Traefik in a container or on another machine "
               "does not reach: set provider.listen, or provider.advertise, in {}\n",
               config->ProviderUrl(), options.config_file);
  }
  return kDone;
}

int WithApi(const Options& options, const std::function<int(const ApiClient&)>& run) {
  const auto api = ApiClient::Connect(options.api, options.config_file);
  return api ? run(*api) : PrintError(api.error());
}

int Switch(const Options& options) {
  const auto timeout = site::ParseDuration(options.switch_timeout);
  if (!timeout) return PrintError({ErrorKind::kInvalid, "--timeout " + timeout.error()});
  return WithApi(options, [&](const ApiClient& api) {
    return SwitchMode(api, options.order, options.no_wait ? std::chrono::milliseconds(0) : *timeout,
                      options.json);
  });
}

void AddApiOptions(CLI::App* command, Options& options) {
  command->add_option("--url", options.api.url, "The API: http://host:port or unix:/path");
  command->add_option("--token", options.api.token, "Its token (also ORCHESTRATOR_TOKEN)");
  command->add_flag("--json", options.json, "Print JSON");
}

void AddWaitOptions(CLI::App* command, Options& options) {
  command->add_option("--wait", options.wait.level, "Wait until the change is running or routed")
      ->check(CLI::IsMember({"running", "routed"}));
  command->add_option("--timeout", options.wait.timeout, "How long to wait at most")
      ->capture_default_str();
}

void AddSiteCommands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* site = app.add_subcommand("site", "Look at and change sites")->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& help,
                       std::function<int(const ApiClient&)> run) {
    CLI::App* command = site->add_subcommand(name, help);
    AddApiOptions(command, options);
    command->callback([&options, &chosen, run = std::move(run)] {
      chosen = [&options, run] { return WithApi(options, run); };
    });
    return command;
  };
  add("list", "All sites", [&](const ApiClient& api) { return ListSites(api, options.json); });
  add("show", "One site as it is wanted",
      [&](const ApiClient& api) { return ShowSite(api, options.id, options.json); })
      ->add_option("id", options.id, "The site")
      ->required();
  add("status", "How far a site's deployment and routes are, and why",
      [&](const ApiClient& api) { return ShowSiteStatus(api, options.id, options.json); })
      ->add_option("id", options.id, "The site")
      ->required();
  CLI::App* apply =
      add("apply", "Create or replace sites from YAML or JSON files", [&](const ApiClient& api) {
        return ApplySites(api, options.files, options.wait, options.json);
      });
  apply->add_option("-f,--file", options.files, "File, or - for standard input")->required();
  AddWaitOptions(apply, options);
  CLI::App* restart = add("restart", "Replace the tasks of a site", [&](const ApiClient& api) {
    return RestartSite(api, options.id, options.wait);
  });
  restart->add_option("id", options.id, "The site")->required();
  AddWaitOptions(restart, options);
  CLI::App* logs = add("logs", "What the tasks of a site write", [&](const ApiClient& api) {
    return ShowLogs(api, options.id, options.logs, options.json);
  });
  logs->add_option("id", options.id, "The site")->required();
  logs->add_flag("-f,--follow", options.logs.follow, "Go on with what comes");
  logs->add_option("-n,--tail", options.logs.tail, "The last so many lines, or all")
      ->capture_default_str();
  logs->add_option("--since", options.logs.since, "A time, or how long ago, as in 10m");
  add("shell", "Open a terminal in a container of a site",
      [&](const ApiClient& api) { return OpenShell(api, options.id); })
      ->add_option("id", options.id, "The site")
      ->required();
  CLI::App* remove =
      add("delete", "Remove sites; their directories stay", [&](const ApiClient& api) {
        return DeleteSites(api, options.ids, options.wait, options.json);
      });
  remove->add_option("id", options.ids, "The sites")->required();
  AddWaitOptions(remove, options);
}

// What is to be switched.
void AddOrderOptions(CLI::App* command, SwitchOrder& order) {
  command->add_option("mode", order.to, "labels or provider")
      ->required()
      ->check(CLI::IsMember({"labels", "provider"}));
  command->add_option("--site", order.sites,
                      "Only these sites; otherwise all that do not choose themselves");
  command->add_option("--pool", order.pool, "Only the sites of this pool");
  command->add_option("--kind", order.kind, "Only sites of this kind")
      ->check(CLI::IsMember({"dynamic", "static", "external"}));
  command->add_option("--accept", order.accept,
                      "A difference of their routes, as the plan names it, that is good enough");
}

void AddMigrationCommands(CLI::App& migrations, Options& options, Command& chosen) {
  // Called after that of a subcommand.
  migrations.callback([&] {
    if (!migrations.get_subcommands().empty()) return;
    chosen = [&options] {
      return WithApi(options,
                     [&](const ApiClient& api) { return ListMigrations(api, options.json); });
    };
  });
  const auto add = [&](const char* name, const char* help) {
    CLI::App* command = migrations.add_subcommand(name, help);
    AddApiOptions(command, options);
    command->add_option("id", options.migration, "Its number; else the newest one is meant");
    command->callback([&chosen, &options, name] {
      chosen = [&options, name] {
        return WithApi(options, [&](const ApiClient& api) {
          return CommandMigration(api, name, options.migration, options.json);
        });
      };
    });
  };
  add("pause", "Begin no other batch for now");
  add("resume", "Go on");
  add("abort", "Leave sites where they are");
  add("rollback", "Send back what was moved, also after the end");
}

void AddRoutingCommands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* routing =
      app.add_subcommand("routing", "Look at and switch routing")->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& help, Command run) {
    CLI::App* command = routing->add_subcommand(name, help);
    AddApiOptions(command, options);
    command->callback([&chosen, run = std::move(run)] { chosen = run; });
    return command;
  };
  const auto add_of_pool = [&](const std::string& name, const std::string& help, Command run) {
    CLI::App* command = add(name, help, std::move(run));
    command->add_option("--pool", options.pool, "The pool that is meant; else the default one");
    return command;
  };
  const auto with_api = [&](int (*run)(const ApiClient&, bool)) -> Command {
    return [&options, run] {
      return WithApi(options, [&](const ApiClient& api) { return run(api, options.json); });
    };
  };
  add("status", "Modes, counts, revision and every Traefik", with_api(ShowRouting));
  add("instances", "Every Traefik and what it serves",
      [&options] {
        return WithApi(options, [&](const ApiClient& api) {
          return options.instance_gone.empty()
                     ? ListInstances(api, options.json)
                     : DeclareGone(api, options.instance_gone, options.json);
        });
      })
      ->add_option(
          "--gone", options.instance_gone,
          "Say that this one is no more, so that nobody waits for it; it counts again when "
          "it is heard of");
  AddMigrationCommands(*add("migrations", "The last switches", {}), options, chosen);
  add_of_pool("revisions", "What was published, the newest first", [&options] {
    return WithApi(options, [&](const ApiClient& api) {
      return ListRevisions(api, options.pool, options.json);
    });
  });
  CLI::App* diff =
      add_of_pool("diff", "What differs between two published revisions, site by site", [&options] {
        return WithApi(options, [&](const ApiClient& api) {
          return ShowDifference(api, options.pool, options.revision, options.other_revision,
                                options.json);
        });
      });
  diff->add_option("from", options.revision, "A revision")->required()->check(CLI::Number);
  diff->add_option("to", options.other_revision, "Another one; the newest where it is left out")
      ->check(CLI::Number);
  add_of_pool("rollback",
              "Give sites the routes that they had in a revision; sites themselves stay",
              [&options] {
                return WithApi(options, [&](const ApiClient& api) {
                  return RollBack(api, options.pool, options.revision, options.json);
                });
              })
      ->add_option("revision", options.revision, "The revision, or latest: the present routes")
      ->required()
      ->check(CLI::Number | CLI::IsMember({"latest"}));
  add_of_pool("confirm", "Let a document pass that is held back because much would vanish",
              [&options] {
                return WithApi(options, [&](const ApiClient& api) {
                  return ConfirmLoss(api, options.pool, options.confirmed, options.json);
                });
              })
      ->add_option("revision", options.confirmed, "Its revision, as `routing status` shows it")
      ->required();
  add_of_pool("document", "What Traefik is given, as plain JSON, with its secrets hidden",
              [&options] {
                return WithApi(
                    options, [&](const ApiClient& api) { return ShowDocument(api, options.pool); });
              });
  AddOrderOptions(add("plan", "What a switch would do, and where routes would not be the same",
                      [&options] {
                        return WithApi(options, [&](const ApiClient& api) {
                          return PlanSwitch(api, options.order, options.json);
                        });
                      }),
                  options.order);
  CLI::App* mode = add("mode", "Route sites by labels or by the provider, without a failed request",
                       [&options] { return Switch(options); });
  AddOrderOptions(mode, options.order);
  mode->add_option("--batch", options.order.batch, "How many sites go at once (100)");
  mode->add_option("--canary", options.order.canary,
                   "How many go first and are watched; 0: none (5)");
  mode->add_option("--pause", options.order.pause, "Between two batches, as 10s (none)");
  mode->add_option("--timeout", options.switch_timeout, "How long to follow it")
      ->capture_default_str();
  mode->add_flag("--no-wait", options.no_wait, "Order it and return");
}

void AddTraefikCommands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* traefik =
      app.add_subcommand("traefik",
                         "Check, convert and compare Traefik's configuration, without a server")
          ->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& help, Command run) {
    CLI::App* command = traefik->add_subcommand(name, help);
    command->callback([&chosen, run = std::move(run)] { chosen = run; });
    return command;
  };
  CLI::App* decode = add("decode-labels",
                         "A JSON object of labels to the configuration that Traefik reads from it",
                         [&options] { return DecodeTraefikLabels(options.service); });
  decode->add_option("--service", options.service.name,
                     "Also what Traefik adds for a service of this name in a swarm");
  decode->add_option("--address", options.service.addresses,
                     "An address of its tasks, or the virtual one; may be repeated");
  decode->add_option("--default-rule", options.service.default_rule,
                     "Traefik's defaultRule, where it is not the usual one");
  add("encode-labels", "A configuration to labels; names what labels cannot say",
      EncodeTraefikLabels);
  CLI::App* check =
      add("check", "A document (JSON or YAML) as Traefik would take it, or what is wrong with it",
          [&options] { return CheckTraefikDocument(options.target, options.toml); });
  check->add_option("--target", options.target, "The version of Traefik that it is for, as 3.4");
  check->add_flag("--toml", options.toml, "It is TOML, as a file of Traefik's file provider");
  CLI::App* compile =
      add("compile",
          "A document with flat routers as the provider would serve it: of many routers a tree, "
          "and maps merged from parts",
          [&options] { return CompileTraefikDocument(options.target, options.large); });
  compile->add_option("--target", options.target, "The version of Traefik that it is for, as 3.4");
  compile->add_option("--large", options.large, "From so many HTTP routers on; 0: always")
      ->capture_default_str();
  CLI::App* diff =
      add("diff", "What differs between two documents; status 1 when something does", [&options] {
        return DiffTraefikDocuments(options.files[0], options.files[1], options.json);
      });
  diff->add_option("files", options.files, "The document before and the one after")
      ->required()
      ->expected(2);
  diff->add_flag("--json", options.json, "Print JSON");
  add("options", "Every option of Traefik's dynamic configuration, as a table",
      PrintTraefikOptions);
  CLI::App* rule = add("check-rule", "Whether Traefik takes a rule, and the hosts that it names",
                       [&options] { return CheckTraefikRule(options.tcp_rule, options.v2_rule); });
  rule->add_flag("--tcp", options.tcp_rule, "The rule of a TCP router");
  rule->add_flag("--v2", options.v2_rule, "In the syntax of Traefik 2 (ruleSyntax: v2)");
}

}  // namespace

int Run(int argc, char** argv) {
  CLI::App app{
      "Sites on a Docker Swarm, routed by Traefik: through its HTTP provider or through labels.\n"
      "Start with `orchestrator serve --config orchestrator.yaml`; the other commands talk to it."};
  app.set_version_flag("--version", ORCHESTRATOR_VERSION);
  app.require_subcommand(1);
  Options options;
  Command chosen;
  app.add_option("--config", options.config_file, "Configuration file")
      ->envname("ORCHESTRATOR_CONFIG");
  app.fallthrough();

  app.add_subcommand("serve", "Run the orchestrator until SIGTERM")->callback([&] {
    chosen = [&] { return Serve(options); };
  });
  CLI::App* config =
      app.add_subcommand("config", "Work with configuration files")->require_subcommand(1);
  std::string checked;
  CLI::App* check = config->add_subcommand("check", "Say what is wrong with a file, if anything");
  check->add_option("file", checked, "The file")->required();
  check->callback([&] { chosen = [&] { return CheckConfig(checked); }; });
  CLI::App* print =
      app.add_subcommand("static-config", "Print the static configuration for a Traefik");
  print->add_option("--instance", options.instance, "The name of that Traefik")
      ->capture_default_str();
  print->add_option("--pool", options.pool,
                    "The pool that it belongs to; else as traefik.instances says");
  print->callback([&] { chosen = [&] { return PrintStaticConfiguration(options); }; });
  AddSiteCommands(app, options, chosen);
  AddRoutingCommands(app, options, chosen);
  AddTraefikCommands(app, options, chosen);
  CLI::App* import =
      app.add_subcommand("import", "Take over what runs already")->require_subcommand(1);
  CLI::App* swarm = import->add_subcommand(
      "swarm", "Make sites of the services that the swarm has, without restarting a task");
  AddApiOptions(swarm, options);
  bool dry_run = false;
  swarm->add_flag("--dry-run", dry_run, "Only show what would be created");
  swarm->callback([&] {
    chosen = [&] {
      return WithApi(options,
                     [&](const ApiClient& api) { return ImportSwarm(api, dry_run, options.json); });
    };
  });
  RoutingImportOptions imported;
  const auto add_import = [&](const std::string& kind, const std::string& help) {
    CLI::App* command = import->add_subcommand(kind, help);
    AddApiOptions(command, options);
    command->add_flag("--dry-run", imported.dry_run, "Only show what would be created");
    command->add_option("--rest", imported.rest_file,
                        "Write what becomes no site to this file, fit for routing.shared");
    command->callback([&, kind] {
      chosen = [&, kind] {
        imported.json = options.json;
        return WithApi(options,
                       [&](const ApiClient& api) { return ImportRouting(api, kind, imported); });
      };
    });
    return command;
  };
  add_import(
      "document",
      "Make external sites of a file of Traefik's file provider (JSON or YAML; TOML by its ending)")
      ->add_option("file", imported.file, "The file")
      ->required();
  CLI::App* labels = add_import(
      "labels", "Make external sites of the Traefik labels of a stack file, or of the swarm");
  labels->add_option("file", imported.file, "The stack file; left out: what the swarm runs");
  labels->add_option("--stack", imported.stack, "The name of the stack, as it is deployed")
      ->check([](const std::string& name) {
        return name.find_first_not_of(
                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789-_") == std::string::npos
                   ? std::string()
                   : "may have letters, digits, - and _ only";
      });
  // For tests: the places at which ORCHESTRATOR_CRASH_POINT can kill `serve`.
  app.add_subcommand("crash-points", "")->group("")->callback([&] {
    chosen = [] {
      for (const std::string_view name : fault::CrashPointNames()) fmt::print("{}\n", name);
      return kDone;
    };
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  return chosen();
}

}  // namespace orchestrator::cli
