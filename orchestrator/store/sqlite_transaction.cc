#include "orchestrator/store/sqlite_transaction.h"

#include <algorithm>

#include <fmt/format.h>

#include "orchestrator/site/codec.h"
#include "orchestrator/store/sqlite_failure.h"
#include "orchestrator/store/sqlite_migrations.h"
#include "orchestrator/store/sqlite_record.h"
#include "orchestrator/store/sqlite_settings.h"

namespace orchestrator::store {

Result<site::SiteId> FindNextId(SqliteDatabase& database) {
  return Guard("cannot choose an id", [&]() -> Result<site::SiteId> {
    auto row = database.Prepare("SELECT coalesce(max(site), 0) + 1 FROM changes");
    row.Step();
    const site::SiteId id{row.Integer(0)};
    if (id.value <= site::SiteId::kLargest) return id;
    return Failure(Error{ErrorKind::kConflict, "the largest id is in use: give an id of your own"});
  });
}

Result<std::optional<SiteRecord>> SqliteTransaction::Find(site::SiteId id) {
  return Guard("cannot read the site", [&]() -> Result<std::optional<SiteRecord>> {
    return FindRecord(database_, id, parsed_);
  });
}

Result<void> SqliteTransaction::Put(std::span<const SiteRecord> records) {
  return Guard("cannot store the site", [&]() -> Result<void> {
    for (const SiteRecord& record : records) {
      database_.Prepare("DELETE FROM hosts WHERE site = ?").Bind(record.site.id.value).Run();
      database_.Prepare("DELETE FROM streams WHERE site = ?").Bind(record.site.id.value).Run();
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      PutOne(records[i]);
      if (records[i].removing) continue;
      if (auto claimed = Claim(records[i].site, i); !claimed) return claimed;
      if (auto claimed = ClaimStreams(records[i], i); !claimed) return claimed;
    }
    return {};
  });
}

Result<void> SqliteTransaction::Erase(site::SiteId id) {
  return Guard("cannot remove the site", [&]() -> Result<void> {
    database_.Prepare("DELETE FROM sites WHERE id = ?").Bind(id.value).Run();
    MarkChanged(id);
    return {};
  });
}

Result<void> SqliteTransaction::SkipBeyond(Revision revision) {
  revision_ = std::max(revision_, revision + 1);
  return {};
}

Result<void> SqliteTransaction::MarkDocumentChanged(std::string_view pool) {
  changes_document_ = true;
  return SetSetting(DocumentRevisionKey(pool), std::to_string(revision_));
}

Result<site::SiteId> SqliteTransaction::NextId() { return FindNextId(database_); }

Result<std::optional<std::string>> SqliteTransaction::Setting(std::string_view key) {
  return Guard("cannot read a setting",
               [&]() -> Result<std::optional<std::string>> { return FindSetting(database_, key); });
}

Result<void> SqliteTransaction::SetSetting(std::string_view key, std::string_view value) {
  return Guard("cannot store a setting", [&]() -> Result<void> {
    PutSetting(database_, key, value);
    return {};
  });
}

Result<std::vector<Migration>> SqliteTransaction::Migrations() {
  return Guard("cannot list the migrations",
               [&]() -> Result<std::vector<Migration>> { return ReadMigrations(database_); });
}

Result<void> SqliteTransaction::PutMigration(const Migration& migration) {
  return Guard("cannot store the migration", [&]() -> Result<void> {
    WriteMigration(database_, migration);
    return {};
  });
}

Result<void> SqliteTransaction::PutSteps(std::span<const MigrationStep> steps) {
  return Guard("cannot store the steps of the migration", [&]() -> Result<void> {
    WriteSteps(database_, steps);
    return {};
  });
}

void SqliteTransaction::PutOne(const SiteRecord& record) {
  database_
      .Prepare(
          "INSERT INTO sites (id, kind, phase, revision, routes_revision, labels_confirmed, "
          "removing, restarts, built_image, refused_task, adopted_task, specification, "
          "streams, pool, task_addresses, followed, adopted_labels, takes_over) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
          "ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, phase = excluded.phase, "
          "revision = excluded.revision, routes_revision = excluded.routes_revision, "
          "labels_confirmed = excluded.labels_confirmed, removing = excluded.removing, "
          "restarts = excluded.restarts, built_image = excluded.built_image, "
          "refused_task = excluded.refused_task, adopted_task = excluded.adopted_task, "
          "specification = excluded.specification, streams = excluded.streams, "
          "pool = excluded.pool, task_addresses = excluded.task_addresses, "
          "followed = excluded.followed, adopted_labels = excluded.adopted_labels, "
          "takes_over = excluded.takes_over")
      .Bind(record.site.id.value)
      .Bind(static_cast<std::int64_t>(record.site.kind))
      .Bind(static_cast<std::int64_t>(record.phase))
      .Bind(record.revision)
      .Bind(record.routes_revision)
      .Bind(record.labels_confirmed)
      .Bind(static_cast<std::int64_t>(record.removing))
      .Bind(record.restarts)
      .Bind(record.built_image)
      .Bind(record.refused_task)
      .Bind(record.adopted_task)
      .Bind(site::ToJson(record.site))
      .Bind(JoinLines(record.streams))
      .Bind(record.site.routing.pool)
      .BindOptional(record.task_addresses ? std::optional(JoinLines(*record.task_addresses))
                                          : std::nullopt)
      .Bind(static_cast<std::int64_t>(record.followed))
      .Bind(LabelsText(record.adopted_labels))
      .Bind(static_cast<std::int64_t>(record.takes_over))
      .Run();
  MarkChanged(record.site.id);
}

void SqliteTransaction::MarkChanged(site::SiteId id) {
  database_
      .Prepare(
          "INSERT INTO changes (site, revision) VALUES (?, ?) "
          "ON CONFLICT (site) DO UPDATE SET revision = excluded.revision")
      .Bind(id.value)
      .Bind(revision_)
      .Run();
}

Result<void> SqliteTransaction::Claim(const site::Site& site, std::size_t index) {
  for (std::size_t i = 0; i < site.hosts.size(); ++i) {
    const std::string& host = site.hosts[i].host.text();
    const traefik::PathPrefix* const path = site::EffectivePath(site, site.hosts[i]);
    const std::string prefix = path ? path->text() : "";
    auto owner = database_.Prepare("SELECT site FROM hosts WHERE host = ? AND path_prefix = ?");
    owner.Bind(host).Bind(prefix);
    if (owner.Step()) {
      const std::string what =
          fmt::format("{}{} belongs to site {}", host, prefix, owner.Integer(0));
      return Failure(
          Error{ErrorKind::kConflict, what, {}, {{fmt::format("/{}/hosts/{}", index, i), what}}});
    }
    database_.Prepare("INSERT INTO hosts (host, path_prefix, site) VALUES (?, ?, ?)")
        .Bind(host)
        .Bind(prefix)
        .Bind(site.id.value)
        .Run();
  }
  return {};
}

Result<void> SqliteTransaction::ClaimStreams(const SiteRecord& record, std::size_t index) {
  for (const std::string& stream : record.streams) {
    auto owner = database_.Prepare("SELECT site FROM streams WHERE stream = ?");
    owner.Bind(stream);
    if (owner.Step()) {
      const std::string what =
          fmt::format("all of the entry point {} belongs to site {}", stream, owner.Integer(0));
      const std::string pointer = fmt::format("/{}/routing/extra", index);
      return Failure(Error{ErrorKind::kConflict, what, {}, {{pointer, what}}});
    }
    database_.Prepare("INSERT INTO streams (stream, site) VALUES (?, ?)")
        .Bind(stream)
        .Bind(record.site.id.value)
        .Run();
  }
  return {};
}

}  // namespace orchestrator::store
