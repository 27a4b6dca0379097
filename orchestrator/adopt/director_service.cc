#include "orchestrator/adopt/director_service.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/deploy/site_directory.h"
#include "orchestrator/site/limits.h"

namespace orchestrator::adopt {
namespace {

using Remarks = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

constexpr std::string_view kStaticFolder = "/usr/share/nginx/html";
constexpr std::string_view kSiteFolder = "/site";
constexpr const char* kStaticImage = "nginx:latest";

bool IsStatic(const docker::TaskTemplate& task) {
  return std::ranges::any_of(task.mounts,
                             [](const docker::Mount& m) { return m.target == kStaticFolder; });
}

// The engine adds the digest to the name that a service was created with.
bool IsImage(std::string_view image, const std::string& name) {
  return image == name || image.starts_with(name + "@");
}

// Docker's command line sets these for one service, Director never.
void RemarkOnTasks(const docker::TaskTemplate& task, const std::string& network, Remarks& remarks) {
  const auto remark = [&](bool differs, std::string_view what) {
    if (!differs) return;
    remarks.push_back(
        fmt::format("{}, which the site's tasks do not, from its next deployment on", what));
  };
  remark(!task.arguments.empty(), "its command has arguments");
  remark(!task.user.empty() && task.user != "root" && task.user != "0",
         fmt::format("it runs as the user {}", task.user));
  remark(task.networks.size() > 1, fmt::format("it is in more networks than {}", network));
}

// Its content would not be seen any more.
void RemarkOnDirectory(const docker::TaskTemplate& task, const site::Site& site,
                       const std::filesystem::path& root, Remarks& remarks) {
  if (root.empty()) return;
  const bool is_static = site.kind == site::Kind::kStatic;
  const std::filesystem::path own = deploy::SitePath(root, site.id);
  const std::string wanted = is_static ? own / "public" : own;
  for (const docker::Mount& mount : task.mounts) {
    if (mount.target != (is_static ? kStaticFolder : kSiteFolder) || mount.source == wanted) {
      continue;
    }
    remarks.push_back(fmt::format(
        "its files are in {}, and those of the site will be in {} from its next deployment on: set "
        "sites.directory, or move them before",
        mount.source, wanted));
  }
}

template <typename Amount>
void ReadLimit(const char* name, std::int64_t limit, Amount least, Amount& amount,
               Remarks& remarks) {
  if (limit == 0) {
    remarks.push_back(
        fmt::format("the service has no limit of {}; the site has the usual one, {}, from its next "
                    "deployment on",
                    name, amount.count));
    return;
  }
  if (limit < least.count) {
    remarks.push_back(fmt::format("the limit of {} is {}; the least for a site, {}, replaces it",
                                  name, limit, least.count));
  }
  amount.count = std::max(limit, least.count);
}

Variables ReadVariables(const std::vector<std::string>& environment, Remarks& remarks) {
  Variables variables;
  for (const std::string& entry : environment) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) {
      remarks.push_back(
          fmt::format("the environment unsets {} without a value, which a site does not", entry));
      continue;
    }
    variables[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return variables;
}

// Takes the database's variables out of the others. Where they do not make up a database they stay,
// so that the tasks find them as before.
void TakeDatabase(Variables& variables, site::Site& site, Remarks& remarks) {
  site::Database database;
  const std::pair<const char*, std::string*> needed[] = {
      {"DIRECTOR_DATABASE_URL", &database.url},
      {"DIRECTOR_DATABASE_NAME", &database.name},
      {"DIRECTOR_DATABASE_USERNAME", &database.username},
      {"DIRECTOR_DATABASE_PASSWORD", &database.password},
  };
  std::size_t found = 0;
  for (const auto& [name, field] : needed) {
    const auto variable = variables.find(name);
    if (variable == variables.end()) continue;
    *field = variable->second;
    ++found;
  }
  if (found == 0) return;
  if (found < std::size(needed) || (!database.url.empty() && !database.url.contains("://"))) {
    remarks.push_back(
        "the variables DIRECTOR_DATABASE_… are not those of a whole database with a URL; they stay "
        "plain variables");
    return;
  }
  if (const auto url = variables.find("DATABASE_URL");
      url != variables.end() && url->second != database.url) {
    remarks.push_back(
        "DATABASE_URL is not the same as DIRECTOR_DATABASE_URL; it will be, from the next "
        "deployment on");
  }
  std::erase_if(variables, [](const auto& variable) {
    return variable.first == "DATABASE_URL" || variable.first.starts_with("DIRECTOR_DATABASE_");
  });
  site.database = std::move(database);
}

}  // namespace

site::Site ReadDirectorService(const docker::ServiceSpec& spec, site::SiteId id,
                               const ProposeOptions& options, Remarks& remarks) {
  const docker::TaskTemplate& task = spec.task;
  site::Site site;
  site.id = id;
  site.kind = IsStatic(task) ? site::Kind::kStatic : site::Kind::kDynamic;
  site.served = spec.replicas > 0;
  const bool is_usual = site.kind == site::Kind::kStatic ? IsImage(task.image, kStaticImage)
                                                         : !BuiltImageOf(spec, id).empty();
  if (!is_usual) site.image = task.image;
  ReadLimit("CPU (in billionths of a core)", task.nano_cpus, site::kLeastCpus, site.resources.cpus,
            remarks);
  ReadLimit("memory (in bytes)", task.memory_bytes, site::kLeastMemory, site.resources.memory,
            remarks);

  Variables variables = ReadVariables(task.environment, remarks);
  TakeDatabase(variables, site, remarks);
  for (const char* ours : {"PORT", "HOST"}) variables.erase(ours);
  if (const auto zone = variables.find("TZ");
      zone != variables.end() && zone->second == options.time_zone) {
    variables.erase(zone);
  }
  site.environment = std::move(variables);

  if (spec.replicas > 1) {
    remarks.push_back(fmt::format("the service has {} tasks; a site has one", spec.replicas));
  }
  if (spec.update.order == site::Name(site::UpdateOrder::kStopFirst)) {
    remarks.push_back(
        "an update stops the old task first; the site's starts the new one first, unless its "
        "update_order is stop-first");
  }
  RemarkOnTasks(task, options.network, remarks);
  RemarkOnDirectory(task, site, options.sites_directory, remarks);
  return site;
}

std::string BuiltImageOf(const docker::ServiceSpec& spec, site::SiteId id) {
  const std::string name = site::ServiceName(id);
  const std::string& image = spec.task.image;
  const bool is_built = IsImage(image, name) || IsImage(image, name + ":latest");
  return is_built && !IsStatic(spec.task) ? image : "";
}

}  // namespace orchestrator::adopt
