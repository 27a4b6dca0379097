#include "orchestrator/routing/migrations.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/routing/extra.h"
#include "orchestrator/routing/mode_switch.h"
#include "orchestrator/routing/routes.h"
#include "orchestrator/store/for_each_record.h"

namespace orchestrator::routing {
namespace {

using nlohmann::json;

constexpr std::string_view kMigrationsSetting = "migrations";
constexpr std::size_t kMigrationsKept = 100;
constexpr std::size_t kUnfinishedShown = 10;

json ToJson(const Migration& migration) {
  json out{{"id", migration.id}, {"to", site::Name(migration.to)}, {"created", migration.created}};
  if (migration.sites) {
    out["sites"] = json::array();
    for (const site::SiteId id : *migration.sites) out["sites"].push_back(id.value);
  }
  return out;
}

Migration FromJson(const json& in) {
  Migration migration;
  migration.id = in.at("id").get<std::uint64_t>();
  migration.to =
      in.at("to") == "labels" ? site::RoutingMode::kLabels : site::RoutingMode::kProvider;
  migration.created = in.at("created").get<std::int64_t>();
  if (in.contains("sites")) {
    migration.sites.emplace();
    for (const json& id : in.at("sites")) migration.sites->push_back({id.get<std::int64_t>()});
  }
  return migration;
}

Result<std::vector<Migration>> Decode(const std::optional<std::string>& setting) {
  std::vector<Migration> migrations;
  if (!setting) return migrations;
  try {
    for (const json& item : json::parse(*setting)) migrations.push_back(FromJson(item));
    return migrations;
  } catch (const json::exception& error) {
    return Failure(
        Error{ErrorKind::kStorage, "the stored migrations cannot be read", error.what()});
  }
}

Result<void> SetModes(store::Transaction& transaction, site::RoutingMode to,
                      const std::vector<site::SiteId>& sites) {
  std::vector<store::SiteRecord> records;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const std::string pointer = fmt::format("/sites/{}", i);
    auto record = transaction.Find(sites[i]);
    if (!record) return Failure(record.error());
    if (!*record || (*record)->removing) {
      const std::string what = fmt::format("there is no site {}", sites[i].value);
      return Failure(Error{ErrorKind::kNotFound, what, {}, {{pointer, what}}});
    }
    const auto obstacle = LabelObstacle((*record)->site);
    if (obstacle && to == site::RoutingMode::kLabels) {
      const std::string what = fmt::format("site {} {}", sites[i].value, *obstacle);
      return Failure(Error{ErrorKind::kInvalid, what, {}, {{pointer, what}}});
    }
    records.push_back(**std::move(record));
    records.back().site.routing.mode = to;
    records.back().revision = transaction.revision();
  }
  return transaction.Put(records);
}

bool IsAbout(const Migration& migration, const std::set<site::SiteId>& chosen,
             const store::SiteRecord& record) {
  if (migration.sites) return chosen.contains(record.site.id);
  return record.site.kind != site::Kind::kExternal;
}

void CountSite(const Migration& migration, const store::SiteRecord& record,
               site::RoutingMode default_mode, MigrationProgress& progress) {
  ++progress.sites;
  const bool settled =
      record.phase == (migration.to == site::RoutingMode::kLabels ? store::Phase::kLabels
                                                                  : store::Phase::kProvider);
  if (ResolveMode(record.site, default_mode) != migration.to) {
    ++progress.overridden;
  } else if (settled) {
    ++progress.moved;
  } else {
    ++progress.moving;
    if (progress.unfinished.size() < kUnfinishedShown)
      progress.unfinished.push_back(record.site.id);
  }
}

}  // namespace

Result<Migration> StartMigration(store::Store& store, site::RoutingMode to,
                                 std::optional<std::vector<site::SiteId>> sites) {
  Migration migration;
  migration.to = to;
  migration.sites = std::move(sites);
  migration.created = std::chrono::duration_cast<std::chrono::seconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  const auto written = store.Write([&](store::Transaction& transaction) -> Result<void> {
    migration.id = transaction.revision();
    const auto changed = migration.sites
                             ? SetModes(transaction, to, *migration.sites)
                             : transaction.SetSetting(kDefaultModeSetting, site::Name(to));
    if (!changed) return changed;
    const auto setting = transaction.Setting(kMigrationsSetting);
    if (!setting) return Failure(setting.error());
    auto migrations = Decode(*setting);
    if (!migrations) return Failure(migrations.error());
    migrations->insert(migrations->begin(), migration);
    if (migrations->size() > kMigrationsKept) migrations->resize(kMigrationsKept);
    json out = json::array();
    for (const Migration& item : *migrations) out.push_back(ToJson(item));
    return transaction.SetSetting(kMigrationsSetting, out.dump());
  });
  if (!written) return Failure(written.error());
  return migration;
}

Result<std::vector<Migration>> ListMigrations(const store::Store& store) {
  const auto setting = store.Setting(kMigrationsSetting);
  if (!setting) return Failure(setting.error());
  return Decode(*setting);
}

Result<MigrationProgress> ProgressOf(const store::Store& store, const Migration& migration) {
  const auto default_mode = DefaultMode(store);
  if (!default_mode) return Failure(default_mode.error());
  std::set<site::SiteId> chosen;
  if (migration.sites) chosen.insert(migration.sites->begin(), migration.sites->end());
  MigrationProgress progress;
  const auto read = store::ForEachRecord(store, [&](const store::SiteRecord& record) {
    if (IsAbout(migration, chosen, record)) CountSite(migration, record, *default_mode, progress);
  });
  if (!read) return Failure(read.error());
  return progress;
}

}  // namespace orchestrator::routing
