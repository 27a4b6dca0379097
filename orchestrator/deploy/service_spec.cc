#include "orchestrator/deploy/service_spec.h"

#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "orchestrator/deploy/site_directory.h"
#include "provider/secret.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kTmpBytes = 10'000'000;
constexpr std::int64_t kRunBytes = 1'000'000;
constexpr std::uint32_t kSticky = 01777;

// Runs the first executable run file. `exec` keeps its exit code and lets signals reach it
// directly.
constexpr const char* kEntryScript = R"sh(
for file in /site/.orchestrator/run /site/run.sh /site/private/run.sh /site/public/run.sh; do
  if [ -f "$file" ] && [ -x "$file" ]; then
    echo "DIRECTOR: Starting server at $(date)"
    exec "$file"
  fi
done
echo "DIRECTOR: No executable run.sh was found in /site, /site/private or /site/public"
trap 'exit 0' TERM
while :; do sleep 3600 & wait $!; done
)sh";

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
  for (const auto& [name, value] : variables)
    environment.push_back(fmt::format("{}={}", name, value));
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

docker::TaskTemplate WantedTask(const site::Site& site, const ServiceOptions& options,
                                const std::string& network_id) {
  docker::TaskTemplate task;
  const std::filesystem::path directory = SitePath(options.sites_directory, site.id);
  if (site.kind == site::Kind::kStatic) {
    task.image = site.image.value_or(options.static_image);
    task.mounts = {Bind(directory / "public", "/usr/share/nginx/html", /*read_only=*/true)};
  } else {
    task.image = site.image.value_or(options.dynamic_image);
    task.command = {"sh", "-c", kEntryScript};
    task.read_only_root = true;
    task.mounts = {Bind(directory, "/site", /*read_only=*/false),
                   Bind(directory / ".home", "/root", /*read_only=*/false)};
    // The file's text is no part of the template: its hash makes a change of it a new deployment.
    if (site.run) task.container_labels["orchestrator.run"] = provider::Sha256Hex(*site.run);
  }
  task.mounts.push_back(Tmpfs("/tmp", kTmpBytes));
  task.mounts.push_back(Tmpfs("/run", kRunBytes));
  task.environment = Environment(site, options);
  task.working_directory = "/site/public";
  task.user = "root";
  task.init = true;
  task.stop_grace_period = 3s;
  task.nano_cpus = site.resources.cpus.count;
  task.memory_bytes = site.resources.memory.count;
  task.restart = {.condition = "any", .delay = 5s, .max_attempts = 0};
  task.log_driver = "json-file";
  task.log_options = {{"max-size", "500k"}, {"max-file", "1"}};
  task.networks = {network_id};
  return task;
}

}  // namespace

docker::ServiceSpec WantedService(const site::Site& site, const ServiceOptions& options,
                                  const std::string& network_id) {
  docker::ServiceSpec spec;
  spec.name = site::ServiceName(site.id);
  spec.labels = {{std::string(kSiteLabel), std::to_string(site.id.value)}};
  spec.task = WantedTask(site, options, network_id);
  spec.update = {.parallelism = 1,
                 .delay = 5s,
                 .failure_action = "rollback",
                 .monitor = 5s,
                 .order = "stop-first"};
  spec.rollback = {.parallelism = 1,
                   .delay = 0s,
                   .failure_action = "pause",
                   .monitor = 5s,
                   .order = "stop-first"};
  spec.endpoint_mode = options.endpoint_mode;
  spec.replicas = site.served ? 1 : 0;
  return spec;
}

}  // namespace orchestrator::deploy
