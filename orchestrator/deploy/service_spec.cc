#include "orchestrator/deploy/service_spec.h"

#include <algorithm>
#include <array>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "orchestrator/deploy/entry_script.h"
#include "orchestrator/deploy/site_directory.h"
#include "orchestrator/docker/codec.h"
#include "provider/base/secret.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kTmpBytes = 10'000'000;
constexpr std::int64_t kRunBytes = 1'000'000;
constexpr std::uint32_t kSticky = 01777;
constexpr std::size_t kShortHash = 16;
constexpr std::string_view kScriptSignal = "SIGTERM";  // that the entry script hears
constexpr std::string_view kReadinessName = "orchestrator-readiness";  // $0 of its script

constexpr std::string_view kSiteFolder = "/site";
constexpr std::array<std::string_view, 6> kMountPoints = {
    kSiteFolder, "/site/.home", "/root", "/usr/share/nginx/html", "/tmp", "/run",
};

std::string UrlPart(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_URLDECODE | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return {};
  const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
  return owned.get();
}

void AddDatabase(const site::Database& database, std::map<std::string, std::string>& variables) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  curl_url_set(url.get(), CURLUPART_URL, database.url.c_str(), CURLU_NON_SUPPORT_SCHEME);
  variables["DATABASE_URL"] = database.url;
  variables["DIRECTOR_DATABASE_URL"] = database.url;
  variables["DIRECTOR_DATABASE_TYPE"] = UrlPart(url.get(), CURLUPART_SCHEME);
  variables["DIRECTOR_DATABASE_HOST"] = UrlPart(url.get(), CURLUPART_HOST);
  variables["DIRECTOR_DATABASE_PORT"] = UrlPart(url.get(), CURLUPART_PORT);
  variables["DIRECTOR_DATABASE_NAME"] = database.name;
  variables["DIRECTOR_DATABASE_USERNAME"] = database.username;
  variables["DIRECTOR_DATABASE_PASSWORD"] = database.password;
}

std::vector<std::string> Environment(const site::Site& site, const ServiceOptions& options) {
  std::map<std::string, std::string> variables = site.environment;
  if (site.database) AddDatabase(*site.database, variables);
  variables.try_emplace("TZ", options.time_zone);
  variables["PORT"] = "80";
  variables["HOST"] = "0.0.0.0";
  std::vector<std::string> environment;
  environment.reserve(variables.size());
  for (const auto& [name, value] : variables) {
    environment.push_back(fmt::format("{}={}", name, value));
  }
  return environment;
}

docker::Mount Tmpfs(std::string target, std::int64_t bytes) {
  docker::Mount mount;
  mount.type = docker::Mount::Type::kTmpfs;
  mount.target = std::move(target);
  mount.tmpfs_bytes = bytes;
  mount.tmpfs_mode = kSticky;
  return mount;
}

docker::Mount Bind(const std::filesystem::path& source, std::string target, bool read_only) {
  docker::Mount mount;
  mount.source = source;
  mount.target = std::move(target);
  mount.read_only = read_only;
  return mount;
}

// The program that is asked has its own time limit, so the engine's are only to be out of its way:
// after the first good answer it sleeps, since a check that comes again and again would cost each
// site the start of a process.
docker::HealthCheck ReadinessCheck(const site::Readiness& readiness) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(readiness.timeout).count();
  return {.command = {"sh", "-c", std::string(ReadinessScript()), std::string(kReadinessName),
                      std::to_string(seconds)},
          .interval = 250ms,
          .timeout = std::chrono::years(10),
          .retries = 2};
}

docker::TaskTemplate WantedTask(const store::SiteRecord& record, const ServiceOptions& options,
                                const std::string& network_id) {
  const site::Site& site = record.site;
  docker::TaskTemplate task;
  task.image = WantedImage(record, options);
  const std::filesystem::path directory = SitePath(options.sites_directory, site.id);
  const bool drains = options.drain.count() > 0;
  task.stop_grace_period = options.drain + 3s;
  if (site.kind == site::Kind::kStatic) {
    task.mounts = {Bind(directory / "public", "/usr/share/nginx/html", /*read_only=*/true)};
    // Whatever the image starts, and though it may have no shell: it is not told, only killed.
    if (drains) {
      task.stop_signal = kIgnoredSignal;
      task.stop_grace_period = options.drain;
    }
  } else {
    task.command = EntryCommand(options.drain, site.run);
    if (drains) task.stop_signal = kScriptSignal;  // whatever the image says, the script hears that
    task.read_only_root = true;
    task.mounts = {Bind(directory, std::string(kSiteFolder), /*read_only=*/false),
                   Bind(directory / ".home", "/root", /*read_only=*/false),
                   // A mount point cannot be taken away: a link in its place would be followed by
                   // the engine when it starts the next task.
                   Bind(directory / ".home", "/site/.home", /*read_only=*/false)};
  }
  if (record.restarts > 0) {
    task.container_labels["orchestrator.restarts"] = std::to_string(record.restarts);
  }
  task.mounts.push_back(Tmpfs("/tmp", kTmpBytes));
  task.mounts.push_back(Tmpfs("/run", kRunBytes));
  task.environment = Environment(site, options);
  task.working_directory = "/site/public";
  task.user = "root";
  task.init = true;
  task.nano_cpus = site.resources.cpus.count;
  task.memory_bytes = site.resources.memory.count;
  task.restart = {.condition = "any", .delay = 5s, .max_attempts = 0};
  task.log_driver = "json-file";
  task.log_options = {{"max-size", "500k"}, {"max-file", "1"}};
  task.networks = {network_id};
  if (site.readiness) task.health_check = ReadinessCheck(*site.readiness);
  return task;
}

// A service that never has a task: only Traefik reads it.
docker::ServiceSpec LabelCarrier(const ServiceOptions& options, const std::string& network_id) {
  docker::ServiceSpec spec;
  spec.task.image = options.static_image;
  spec.task.networks = {network_id};
  spec.task.restart = {.condition = "any", .delay = 5s, .max_attempts = 0};
  spec.task.log_driver = "json-file";
  // As the engine gives back what is left out.
  spec.update = {.failure_action = "pause", .order = "stop-first"};
  spec.rollback = spec.update;
  // Traefik passes over a service that has neither tasks nor this.
  spec.endpoint_mode = "vip";
  spec.replicas = 0;
  return spec;
}

}  // namespace

bool HasService(const store::SiteRecord& record) {
  if (record.removing) return false;
  return record.site.kind != site::Kind::kExternal ||
         (record.site.served && store::HasLabels(record.phase));
}

std::string WantedImage(const store::SiteRecord& record, const ServiceOptions& options) {
  if (record.site.image) return *record.site.image;
  if (record.site.kind == site::Kind::kStatic) return options.static_image;
  return record.built_image.empty() ? options.dynamic_image : record.built_image;
}

bool IsReadinessCheck(const docker::HealthCheck& check) {
  return std::ranges::find(check.command, kReadinessName) != check.command.end();
}

bool OwnsStopSignal(std::string_view signal) {
  return signal == kIgnoredSignal || signal == kScriptSignal;
}

bool OwnsMountPoint(std::string_view target) {
  return std::ranges::find(kMountPoints, target) != kMountPoints.end();
}

bool RunsOwnProgram(const docker::TaskTemplate& task) {
  return std::ranges::find(task.mounts, kSiteFolder, &docker::Mount::target) != task.mounts.end();
}

std::string Fingerprint(const docker::TaskTemplate& task) {
  return provider::Sha256Hex(docker::TaskToJson(task));
}

std::string Fingerprint(const docker::ServiceSpec& spec) {
  return provider::Sha256Hex(docker::ServiceToJson(spec)).substr(0, kShortHash);
}

docker::ServiceSpec WantedService(const store::SiteRecord& record, const ServiceOptions& options,
                                  const std::string& network_id) {
  const site::Site& site = record.site;
  docker::ServiceSpec spec;
  const bool is_carrier = site.kind == site::Kind::kExternal;
  if (is_carrier) spec = LabelCarrier(options, network_id);
  spec.name = site::ServiceName(site.id);
  spec.labels = {{std::string(kSiteLabel), std::to_string(site.id.value)}};
  if (is_carrier) return spec;
  spec.task = WantedTask(record, options, network_id);
  spec.update = {.parallelism = 1,
                 .delay = 5s,
                 .failure_action = "rollback",
                 .monitor = 5s,
                 .order = site::Name(site.update_order)};
  spec.rollback = {.parallelism = 1,
                   .delay = 0s,
                   .failure_action = "pause",
                   .monitor = 5s,
                   .order = site::Name(site.update_order)};
  spec.endpoint_mode = options.endpoint_mode;
  spec.replicas = site.served ? 1 : 0;
  return spec;
}

}  // namespace orchestrator::deploy
