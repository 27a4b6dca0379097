#include "orchestrator/command/site_commands.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/deploy/adoption.h"
#include "orchestrator/fault/crash_point.h"
#include "orchestrator/routing/extra.h"
#include "orchestrator/routing/migrations.h"
#include "orchestrator/store/mark_documents.h"

namespace orchestrator::command {
namespace {

using store::Phase;
using store::SiteRecord;
using store::Transaction;

Failure NotFound(site::SiteId id) {
  return Failure(Error{ErrorKind::kNotFound, fmt::format("there is no site {}", id.value)});
}

// A site that exists for clients: one that is being removed does not.
Result<std::optional<SiteRecord>> FindLive(Transaction& transaction, site::SiteId id) {
  auto record = transaction.Find(id);
  if (record && *record && (*record)->removing) record->reset();
  return record;
}

Result<void> CheckExpected(const std::optional<SiteRecord>& current, Expected expected,
                           site::SiteId id) {
  if (!expected) return {};
  if (!current) {
    return Failure(Error{ErrorKind::kPrecondition, fmt::format("there is no site {}", id.value)});
  }
  if (current->revision == *expected) return {};
  return Failure(Error{ErrorKind::kPrecondition,
                       fmt::format("site {} has revision {}, not {}: read it again and repeat your "
                                   "change",
                                   id.value, current->revision, *expected)});
}

// "/0/hosts/1" of a single site → "/hosts/1".
Error WithoutIndex(Error error) {
  for (FieldProblem& field : error.fields) {
    if (field.pointer.starts_with("/0/")) field.pointer.erase(0, 2);
  }
  return error;
}

Error InBatch(Error error) {
  for (FieldProblem& field : error.fields) field.pointer.insert(0, "/upsert");
  return error;
}

bool IsExternal(const site::Site& site) { return site.kind == site::Kind::kExternal; }

Phase FirstPhase(const site::Site& site, site::RoutingMode default_mode) {
  return routing::ResolveMode(site, default_mode) == site::RoutingMode::kLabels ? Phase::kLabels
                                                                                : Phase::kProvider;
}

}  // namespace

Result<Written> SiteCommands::Create(site::Site site) {
  if (auto good = CheckPlace(site); !good) return Failure(good.error());
  Prepared prepared;
  const auto revision = store_.Write([&](Transaction& transaction) -> Result<void> {
    if (site.id.value == 0) {
      const auto id = transaction.NextId();
      if (!id) return Failure(id.error());
      site.id = *id;
      while (options_.is_taken && options_.is_taken(site.id)) ++site.id.value;
    }
    const auto current = FindLive(transaction, site.id);
    if (!current) return Failure(current.error());
    if (*current) {
      const std::string what = fmt::format("site {} exists; use PUT to replace it", site.id.value);
      return Failure(Error{ErrorKind::kConflict, what, {}, {{"/id", what}}});
    }
    auto made = Prepare(transaction, site, std::nullopt);
    if (!made) return Failure(made.error());
    prepared = *std::move(made);
    return Put(transaction, prepared);
  });
  if (!revision) return Failure(WithoutIndex(revision.error()));
  fault::MaybeCrash(fault::CrashPoint::kSiteCommitted);
  return Written{std::move(prepared.record), true};
}

Result<Written> SiteCommands::Replace(const site::Site& site, Expected expected) {
  if (auto good = CheckPlace(site); !good) return Failure(good.error());
  Prepared prepared;
  const auto revision = store_.Write([&](Transaction& transaction) -> Result<void> {
    const auto current = FindLive(transaction, site.id);
    if (!current) return Failure(current.error());
    if (auto good = CheckExpected(*current, expected, site.id); !good) return good;
    auto made = Prepare(transaction, site, *current);
    if (!made) return Failure(made.error());
    prepared = *std::move(made);
    prepared.record.refused_task.clear();  // who orders the same again wants it tried again
    return Put(transaction, prepared);
  });
  if (!revision) return Failure(WithoutIndex(revision.error()));
  fault::MaybeCrash(fault::CrashPoint::kSiteCommitted);
  return Written{std::move(prepared.record), prepared.created};
}

Result<Written> SiteCommands::Patch(site::SiteId id, std::string_view merge_patch,
                                    Expected expected) {
  Prepared prepared;
  const auto revision = store_.Write([&](Transaction& transaction) -> Result<void> {
    const auto current = FindLive(transaction, id);
    if (!current) return Failure(current.error());
    if (!*current) return NotFound(id);
    if (auto good = CheckExpected(*current, expected, id); !good) return good;
    const auto site = site::Patch((*current)->site, merge_patch);
    if (!site) return Failure(site.error());
    if (auto good = CheckPlace(*site); !good) return good;
    auto made = Prepare(transaction, *site, *current);
    if (!made) return Failure(made.error());
    prepared = *std::move(made);
    return Put(transaction, prepared);
  });
  if (!revision) return Failure(WithoutIndex(revision.error()));
  fault::MaybeCrash(fault::CrashPoint::kSiteCommitted);
  return Written{std::move(prepared.record), false};
}

Result<Written> SiteCommands::Deploy(site::Site site) {
  if (auto good = CheckPlace(site); !good) return Failure(good.error());
  Prepared prepared;
  const auto revision = store_.Write([&](Transaction& transaction) -> Result<void> {
    const auto current = FindLive(transaction, site.id);
    if (!current) return Failure(current.error());
    if (*current) {
      const site::Site& before = (*current)->site;
      site.image = before.image;
      site.environment = before.environment;
      site.update_order = before.update_order;
      site.readiness = before.readiness;
      site.routing = before.routing;
      if (auto good = CheckRouting(site); !good) return good;
    }
    auto made = Prepare(transaction, site, *current);
    if (!made) return Failure(made.error());
    prepared = *std::move(made);
    prepared.record.refused_task.clear();
    prepared.record.takes_over = true;
    return Put(transaction, prepared);
  });
  if (!revision) return Failure(WithoutIndex(revision.error()));
  fault::MaybeCrash(fault::CrashPoint::kSiteCommitted);
  return Written{std::move(prepared.record), prepared.created};
}

Result<Written> SiteCommands::Restart(site::SiteId id) {
  SiteRecord changed;
  const auto revision = store_.Write([&](Transaction& transaction) -> Result<void> {
    const auto current = FindLive(transaction, id);
    if (!current) return Failure(current.error());
    if (!*current) return NotFound(id);
    if (IsExternal((*current)->site)) {
      return Failure(Error{ErrorKind::kConflict,
                           fmt::format("site {} is external: it runs elsewhere", id.value)});
    }
    changed = **current;
    changed.revision = transaction.revision();
    ++changed.restarts;
    changed.refused_task.clear();
    return transaction.Put({&changed, 1});
  });
  if (!revision) return Failure(revision.error());
  fault::MaybeCrash(fault::CrashPoint::kSiteCommitted);
  return Written{std::move(changed), false};
}

Result<Written> SiteCommands::Remove(site::SiteId id, Expected expected, bool keep_image) {
  Prepared prepared;
  const auto revision = store_.Write([&](Transaction& transaction) -> Result<void> {
    const auto current = FindLive(transaction, id);
    if (!current) return Failure(current.error());
    if (!*current) return NotFound(id);
    if (auto good = CheckExpected(*current, expected, id); !good) return good;
    prepared = PrepareRemoval(transaction, **current);
    if (keep_image) {
      const auto kept =
          transaction.SetSetting(store::BuiltImageSetting(id), (*current)->built_image);
      if (!kept) return kept;
    }
    return Put(transaction, prepared);
  });
  if (!revision) return Failure(revision.error());
  fault::MaybeCrash(fault::CrashPoint::kSiteCommitted);
  return Written{std::move(prepared.record), false};
}

Result<BatchWritten> SiteCommands::Apply(const site::Batch& batch) {
  for (std::size_t i = 0; i < batch.upsert.size(); ++i) {
    if (auto good = CheckPlace(batch.upsert[i]); !good) {
      Error error = good.error();
      for (FieldProblem& field : error.fields)
        field.pointer = fmt::format("/{}{}", i, field.pointer);
      return Failure(InBatch(std::move(error)));
    }
  }
  BatchWritten written;
  const auto revision = store_.Write([&](Transaction& transaction) -> Result<void> {
    written = {};
    PoolNames changed;
    // What is to be changed comes first, so that the index of a conflict is that of the input.
    std::vector<SiteRecord> records;
    for (const site::Site& site : batch.upsert) {
      const auto current = FindLive(transaction, site.id);
      if (!current) return Failure(current.error());
      auto made = Prepare(transaction, site, *current);
      if (!made) return Failure(made.error());
      changed.merge(made->changed_pools);
      ++(made->created ? written.created : written.updated);
      records.push_back(std::move(made->record));
    }
    std::vector<SiteRecord> removed;
    for (const site::SiteId id : batch.remove) {
      const auto current = FindLive(transaction, id);
      if (!current) return Failure(current.error());
      if (!*current) continue;  // gone already: what is wanted holds
      Prepared made = PrepareRemoval(transaction, **current);
      changed.merge(made.changed_pools);
      ++written.removed;
      removed.push_back(std::move(made.record));
    }
    if (auto marked = store::MarkDocumentsChanged(transaction, changed); !marked) return marked;
    // Removals first: a new site may take over the host of one that goes.
    if (auto put = transaction.Put(removed); !put) return put;
    return transaction.Put(records);
  });
  if (!revision) return Failure(InBatch(revision.error()));
  fault::MaybeCrash(fault::CrashPoint::kSiteCommitted);
  written.revision = *revision;
  return written;
}

Result<BatchWritten> SiteCommands::Adopt(const std::vector<Adoption>& adoptions) {
  BatchWritten written;
  const auto revision = store_.Write([&](Transaction& transaction) -> Result<void> {
    written = {};
    PoolNames changed;
    std::vector<SiteRecord> records;
    for (const Adoption& adoption : adoptions) {
      const auto current = transaction.Find(adoption.site.id);
      if (!current) return Failure(current.error());
      if (*current) {
        const char* const how =
            (*current)->removing ? "is still being removed; try again later" : "exists already";
        return Failure(
            Error{ErrorKind::kConflict, fmt::format("site {} {}", adoption.site.id.value, how)});
      }
      auto made = Prepare(transaction, adoption.site, std::nullopt);
      if (!made) return Failure(made.error());
      if (adoption.takes_over) {
        made->record.phase = Phase::kLabels;
        made->record.takes_over = true;
        if (!adoption.built_image.empty()) made->record.built_image = adoption.built_image;
        made->record.adopted_task = deploy::AdoptionKey(made->record);
        made->record.adopted_labels = adoption.labels;
        made->record.task_addresses.reset();  // it runs already
        made->changed_pools.clear();
      }
      changed.merge(made->changed_pools);
      ++written.created;
      records.push_back(std::move(made->record));
    }
    if (auto marked = store::MarkDocumentsChanged(transaction, changed); !marked) return marked;
    return transaction.Put(records);
  });
  if (!revision) return Failure(revision.error());
  fault::MaybeCrash(fault::CrashPoint::kSiteCommitted);
  written.revision = *revision;
  return written;
}

bool SiteCommands::HasDocumentRoutes(const site::Site& site) const {
  return !routing::DocumentRoutes(site, options_.routes).routers.empty();
}

// Whether there is somewhere for its kind to run, and for its routes to be.
Result<void> SiteCommands::CheckPlace(const site::Site& site) const {
  if (!options_.has_engine && !IsExternal(site)) {
    const std::string what =
        "must be external: this orchestrator has no Docker engine (docker.host)";
    return Failure(Error{ErrorKind::kInvalid, "/kind " + what, {}, {{"/kind", what}}});
  }
  const std::string& pool = site.routing.pool;
  if (std::ranges::find(options_.pools, pool) == options_.pools.end()) {
    const std::string what = fmt::format("names the pool {}, which is not in routing.pools", pool);
    return Failure(
        Error{ErrorKind::kInvalid, "/routing/pool " + what, {}, {{"/routing/pool", what}}});
  }
  if (site.routing.mode != site::RoutingMode::kLabels) return CheckRouting(site);
  if (const auto obstacle = routing::LabelObstacle(site, options_.routes)) {
    const std::string what = fmt::format("cannot be labels: the site {}", *obstacle);
    return Failure(
        Error{ErrorKind::kInvalid, "/routing/mode " + what, {}, {{"/routing/mode", what}}});
  }
  return CheckRouting(site);
}

Result<void> SiteCommands::CheckRouting(const site::Site& site) const {
  if (site.routing.extra.empty()) return {};
  return routing::CheckExtra(site, options_.routes);
}

Result<SiteCommands::Prepared> SiteCommands::Prepare(
    Transaction& transaction, const site::Site& site,
    const std::optional<SiteRecord>& current) const {
  Prepared prepared;
  SiteRecord& record = prepared.record;
  prepared.created = !current;
  if (current) {
    record = *current;
    const bool same_routes = routing::SameRoutes(current->site, site, options_.routes);
    const bool becomes_external = IsExternal(site) && !IsExternal(current->site);
    const bool becomes_own = IsExternal(current->site) && !IsExternal(site);
    // The labels of what runs elsewhere and of own tasks have not the same time.
    const bool leaves_labels = current->phase != Phase::kProvider &&
                               (becomes_external || becomes_own || routing::LabelObstacle(site));
    if (!same_routes || leaves_labels) {
      record.routes_revision = transaction.revision();
      record.adopted_labels.clear();
    }
    if (!same_routes && InDocument(current->phase)) {
      prepared.changed_pools = {current->site.routing.pool, site.routing.pool};
    }
    if (leaves_labels) prepared.changed_pools.insert(site.routing.pool);
    // Without labels the document takes over at once.
    if (leaves_labels) record.phase = Phase::kProvider;
    if (becomes_external) record.followed = site::RoutingMode::kProvider;
    if (becomes_own) {
      const auto default_mode = routing::DefaultMode(transaction);
      if (!default_mode) return Failure(default_mode.error());
      record.followed = *default_mode;
    }
  } else {
    const auto default_mode = routing::DefaultMode(transaction);
    if (!default_mode) return Failure(default_mode.error());
    const auto built = transaction.Setting(store::BuiltImageSetting(site.id));
    if (!built) return Failure(built.error());
    record.built_image = built->value_or("");
    if (!record.built_image.empty()) {
      const auto taken = transaction.SetSetting(store::BuiltImageSetting(site.id), "");
      if (!taken) return Failure(taken.error());
    }
    record.followed = IsExternal(site) ? site::RoutingMode::kProvider : *default_mode;
    record.phase = FirstPhase(site, record.followed);
    record.routes_revision = transaction.revision();
    if (InDocument(record.phase) && HasDocumentRoutes(site)) {
      prepared.changed_pools.insert(site.routing.pool);
    }
  }
  // A new site has no tasks yet; those of one that is there are known by whom follows them.
  if (IsExternal(site) || !options_.routes.follow_tasks) {
    record.task_addresses.reset();
  } else if (!current || IsExternal(current->site)) {
    record.task_addresses.emplace();
  }
  record.site = site;
  // Tasks that were taken over have had their time, also if the site becomes again what it was.
  if (!record.adopted_task.empty() && record.adopted_task != deploy::AdoptionKey(record)) {
    record.adopted_task.clear();
  }
  record.streams = routing::StreamsOf(site);
  record.revision = transaction.revision();
  record.removing = false;
  return prepared;
}

SiteCommands::Prepared SiteCommands::PrepareRemoval(Transaction& transaction,
                                                    const SiteRecord& current) const {
  Prepared prepared;
  prepared.record = current;
  prepared.record.removing = true;
  prepared.record.revision = transaction.revision();
  if (InDocument(current.phase) && HasDocumentRoutes(current.site)) {
    prepared.changed_pools.insert(current.site.routing.pool);
    prepared.record.routes_revision = transaction.revision();
  }
  return prepared;
}

Result<void> SiteCommands::Put(Transaction& transaction, const Prepared& prepared) {
  if (auto marked = store::MarkDocumentsChanged(transaction, prepared.changed_pools); !marked)
    return marked;
  return transaction.Put({&prepared.record, 1});
}

}  // namespace orchestrator::command
