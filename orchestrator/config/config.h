#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/files/upload.h"
#include "orchestrator/site/site.h"
#include "provider/http/tls_context.h"
#include "provider/http/url.h"
#include "provider/instances.h"
#include "traefik/schema/option.h"

// The configuration file. Every key has a default, so that an empty file is a good one.
namespace orchestrator::config {

struct Api {
  provider::http::ListenAddress listen{"127.0.0.1", 9080, {}};
  bool tokens = true;  // false: everyone who can connect may do everything
};

struct Provider {
  provider::http::ListenAddress listen{"127.0.0.1", 9081, {}};
  // Each a token, or "sha256:" and the SHA-256 of one in hexadecimal digits; any lets a client in,
  // so that two are good while one takes the place of the other. Empty: none is asked for.
  std::vector<std::string> tokens;
  std::string advertise;  // http://host:port as Traefik reaches it; empty: from `listen`
  std::optional<provider::http::TlsFiles> tls;
};

// The pages that visitors of sites see which cannot answer.
struct Pages {
  // Where Traefik finds them; none: at the provider's listener, unless that has TLS.
  std::optional<provider::http::ListenAddress> listen;
  std::string advertise;  // http://host:port as Traefik reaches it; empty: from `listen`
};

struct Docker {
  std::optional<std::string> host = "unix:///var/run/docker.sock";  // none: external sites only
  std::string network = "director-sites";
  std::string subnet;  // of that network where we make it, as 10.20.0.0/16; empty: the engine's
  std::string endpoint_mode = "vip";
  bool repair_drift = true;  // undo what others change on services of sites; false: only say so
};

struct Routing {
  site::RoutingMode default_mode = site::RoutingMode::kProvider;
  std::vector<std::string> entry_points{"web"};
  std::vector<std::string> stream_entry_points;  // for TCP and UDP routers of extras
  std::filesystem::path shared;  // a file with objects that all sites may use; empty: none
  // Whether the servers of sites are the addresses of their tasks, not the names of their services.
  bool follow_tasks = false;
  std::chrono::seconds drain{3};  // how long a task serves on after it was told to end, then
  // Whether services of sites in the document keep labels behind it, for a Traefik that cannot get
  // it.
  bool standby_labels = false;
  bool tree = true;  // whether routers of a large document become a tree, where Traefik knows it
  // How much may vanish from one document to the next without consent: the larger of the two.
  unsigned vanish_percent = 20;
  unsigned vanish_sites = 10;
  unsigned history = 100;  // how many published revisions are kept; 0: none
  // Of Traefiks that each have a document of their own; the first one is site::kDefaultPool.
  std::vector<std::string> pools{std::string(site::kDefaultPool)};
};

struct Traefik {
  std::string version = "3.7";
  std::vector<::provider::ConfiguredInstance> instances;
  unsigned swarm_refresh_seconds = 15;

  ::traefik::schema::Version Target() const;  // as far as this program knows it
};

struct Sites {
  std::filesystem::path directory = "/data/sites";
  std::string dynamic_image = "ghcr.io/example/base:latest";
  std::string static_image = "nginx:latest";
  std::optional<files::Owner> owner;  // of files that the API makes; none: the process's own
  std::optional<site::Bytes> quota;   // of each site, for what the API writes
};

// Limits of builds.
struct Images {
  site::Bytes memory{std::int64_t{512} << 20};  // of each step
  site::NanoCpus cpus{1'000'000'000};
  site::Bytes largest_layer{std::int64_t{2} << 30};  // what a step may write
  std::chrono::seconds time_limit{900};
  unsigned at_once = 2;
};

struct Terminals {
  unsigned per_site = 4;
  unsigned in_all = 100;
  std::chrono::seconds idle{1800};     // without input until a terminal ends
  std::chrono::seconds reconnect{60};  // for who lost the connection to come back
};

struct Log {
  std::string level = "info";
  bool json = false;
};

struct Config {
  std::filesystem::path state_directory = "/var/lib/orchestrator";
  Api api;
  Provider provider;
  Pages pages;
  std::filesystem::path database;  // SQLite
  Docker docker;
  Routing routing;
  Traefik traefik;
  Sites sites;
  Images images;
  Terminals terminals;
  Log log;

  // http://host:port, or https, of the provider listener as Traefik reaches it.
  std::string ProviderUrl() const;

  // The same, or empty where the address is not one that Traefik could reach: then visitors of
  // sites that cannot answer see no page.
  std::string PagesUrl() const;
};

// The value of an environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> ProcessEnvironment(const std::string& name);

// Reads YAML text; `file_name` is for messages only. ORCHESTRATOR_<SECTION>_<KEY> in the
// environment goes before the file, and …_FILE names a file with the value. Every problem is in the
// error, each with line and column or the name of its variable.
Result<Config> Parse(std::string_view yaml, std::string_view file_name,
                     const Environment& environment);

// Reads the file. With an empty name: the defaults and the environment alone.
Result<Config> Load(const std::string& file_name, const Environment& environment);

}  // namespace orchestrator::config
