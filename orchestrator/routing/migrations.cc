#include "orchestrator/routing/migrations.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/fault/crash_point.h"
#include "orchestrator/routing/extra.h"
#include "orchestrator/store/for_each_record.h"

namespace orchestrator::routing {
namespace {

using site::RoutingMode;
using store::Migration;
using store::MigrationStep;
using State = store::Migration::State;

RoutingMode ModeOf(const std::optional<std::string>& setting) {
  return setting.value_or("") == "labels" ? RoutingMode::kLabels : RoutingMode::kProvider;
}

std::int64_t Now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The pool of all these sites; empty where they have several.
std::string PoolOf(const MigrationPlan& plan, const MigrationOrder& order) {
  if (!order.pool.empty() || !order.sites) return order.pool;
  std::set<std::string> pools;
  for (const PlannedSite& site : plan.sites) pools.insert(site.pool);
  return pools.size() == 1 ? *pools.begin() : "";
}

Failure NoMigration(std::uint64_t id) {
  return Failure(Error{ErrorKind::kNotFound, fmt::format("there is no migration {}", id)});
}

// Whether both may be about sites of the same pool.
bool Meet(const Migration& a, const Migration& b) {
  return a.pool.empty() || b.pool.empty() || a.pool == b.pool;
}

// Another one that goes on in a pool of this one.
Result<void> CheckAlone(const std::vector<Migration>& migrations, const Migration& migration) {
  for (const Migration& other : migrations) {
    if (other.id == migration.id || !store::IsLive(other.state) || !Meet(other, migration))
      continue;
    return Failure(Error{
        ErrorKind::kConflict,
        fmt::format("migration {} to {} goes on (it is {}); wait for its end, or "
                    "end it: orchestrator routing migrations abort {}, or rollback "
                    "{}",
                    other.id, site::Name(other.to), store::Name(other.state), other.id, other.id)});
  }
  return {};
}

Result<void> SetDefaultMode(store::Transaction& transaction, RoutingMode mode) {
  return transaction.SetSetting(kDefaultModeSetting, site::Name(mode));
}

void Enter(State state, std::string reason, Migration& migration) {
  migration.state = state;
  migration.reason = std::move(reason);
  migration.resumes_itself = false;
}

// Says in `migration` what a user orders; why that cannot be, else.
Result<void> Obey(store::Transaction& transaction, const std::vector<Migration>& migrations,
                  Migration& migration, MigrationCommand command) {
  const bool goes_on = migration.state == State::kRunning || migration.state == State::kPaused;
  const auto refuse = [&](std::string_view what) {
    return Failure(Error{ErrorKind::kConflict, fmt::format("migration {} is {}: {}", migration.id,
                                                           store::Name(migration.state), what)});
  };
  switch (command) {
    case MigrationCommand::kPause:
      if (!goes_on) return refuse("only one that runs can be paused");
      Enter(State::kPaused, "", migration);
      return {};
    case MigrationCommand::kResume:
      if (migration.state != State::kPaused) return refuse("only a paused one can be resumed");
      Enter(State::kRunning, "", migration);
      return {};
    case MigrationCommand::kAbort:
      if (!goes_on) return refuse("only one that runs or is paused can be aborted");
      Enter(State::kAborting, "", migration);
      return {};
    case MigrationCommand::kRollBack:
      if (migration.state == State::kRollingBack || migration.state == State::kRolledBack) {
        return refuse("it goes back already, or did");
      }
      for (const Migration& later : migrations) {
        if (later.id <= migration.id || !Meet(later, migration) ||
            later.state == State::kRolledBack) {
          continue;
        }
        return refuse(
            fmt::format("migration {} came after it; roll that one back first", later.id));
      }
      return BeginRollback(transaction, migration, "");
  }
  return {};
}

}  // namespace

Result<RoutingMode> DefaultMode(const store::Store& store) {
  const auto setting = store.Setting(kDefaultModeSetting);
  if (!setting) return Failure(setting.error());
  return ModeOf(*setting);
}

Result<RoutingMode> DefaultMode(store::Transaction& transaction) {
  const auto setting = transaction.Setting(kDefaultModeSetting);
  if (!setting) return Failure(setting.error());
  return ModeOf(*setting);
}

std::vector<MigrationStep> StepsFor(const MigrationPlan& plan, const Migration& migration,
                                    std::size_t first_batch) {
  const std::size_t moving = plan.Count(PlannedSite::Verdict::kMoves);
  const bool has_canary = first_batch == 0 && migration.canary > 0 && moving > migration.canary;
  std::vector<MigrationStep> steps;
  std::size_t batch = first_batch;
  std::size_t left = has_canary ? migration.canary : migration.batch;  // in this batch
  for (const PlannedSite& site : plan.sites) {
    MigrationStep step{.migration = migration.id,
                       .site = site.id,
                       .batch = batch,
                       .mode_before = site.mode,
                       .followed_before = site.followed,
                       .before = {},
                       .note = {}};
    if (site.verdict == PlannedSite::Verdict::kThere) continue;
    if (site.verdict == PlannedSite::Verdict::kStays) {
      step.state = MigrationStep::State::kSkipped;
      step.note = site.reason;
    } else if (left-- == 0) {
      step.batch = ++batch;
      left = migration.batch - 1;
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

Result<Migration> StartMigration(store::Store& store, const RouteOptions& options,
                                 const MigrationOrder& order) {
  const auto plan = PlanMigration(store, options, order);
  if (!plan) return Failure(plan.error());
  Migration migration;
  migration.to = order.to;
  migration.pool = PoolOf(*plan, order);
  migration.chosen = order.sites.has_value();
  migration.there = plan->Count(PlannedSite::Verdict::kThere);

  migration.batch = std::max<std::size_t>(order.batch, 1);
  migration.canary = order.canary;
  migration.pause = order.pause;
  migration.accept = order.accept;
  migration.created = Now();
  std::vector<site::SiteId> bound;
  if (order.is_general()) {
    auto found = FindBound(
        store, order.to == RoutingMode::kLabels ? RoutingMode::kProvider : RoutingMode::kLabels);
    if (!found) return Failure(found.error());
    bound = *std::move(found);
  }
  const auto written = store.Write([&](store::Transaction& transaction) -> Result<void> {
    migration.id = transaction.revision();
    const auto migrations = transaction.Migrations();
    if (!migrations) return Failure(migrations.error());
    if (auto alone = CheckAlone(*migrations, migration); !alone) return alone;
    if (order.is_general()) {
      const auto before = DefaultMode(transaction);
      if (!before) return Failure(before.error());
      migration.default_before = *before;
      if (auto set = SetDefaultMode(transaction, order.to); !set) return set;
      if (auto let = LetFollow(transaction, bound, order.to); !let) return let;
    }
    if (auto put = transaction.PutMigration(migration); !put) return put;
    return transaction.PutSteps(StepsFor(*plan, migration, 0));
  });
  if (!written) return Failure(written.error());
  fault::MaybeCrash(fault::CrashPoint::kMigrationOrdered);
  return migration;
}

Result<void> BeginRollback(store::Transaction& transaction, Migration& migration,
                           std::string reason) {
  if (!store::IsLive(migration.state)) {
    const auto migrations = transaction.Migrations();
    if (!migrations) return Failure(migrations.error());
    if (auto alone = CheckAlone(*migrations, migration); !alone) return alone;
  }
  Enter(State::kRollingBack, std::move(reason), migration);
  migration.ended = 0;
  return RestoreDefaultMode(transaction, migration);
}

Result<void> RestoreDefaultMode(store::Transaction& transaction, const Migration& migration) {
  if (!migration.default_before) return {};
  const auto now = DefaultMode(transaction);
  if (!now) return Failure(now.error());
  if (*now != migration.to) return {};
  return SetDefaultMode(transaction, *migration.default_before);
}

Result<std::vector<site::SiteId>> FindBound(const store::Store& store, RoutingMode followed) {
  std::vector<site::SiteId> bound;
  const auto read = store::ForEachRecord(store, [&](const store::SiteRecord& record) {
    const bool is_bound =
        record.site.routing.mode != RoutingMode::kDefault || LabelObstacle(record.site);
    // External ones go to labels only when that is asked for, but back with all others.
    const bool is_left =
        record.site.kind == site::Kind::kExternal && followed == RoutingMode::kProvider;
    if (is_bound && !is_left && record.followed == followed) bound.push_back(record.site.id);
  });
  if (!read) return Failure(read.error());
  return bound;
}

Result<void> LetFollow(store::Transaction& transaction, const std::vector<site::SiteId>& bound,
                       RoutingMode to) {
  std::vector<store::SiteRecord> records;
  for (const site::SiteId id : bound) {
    auto record = transaction.Find(id);
    if (!record) return Failure(record.error());
    if (!*record) continue;
    const RoutingMode wanted = WantedMode(**record);
    (*record)->followed = to;
    if (WantedMode(**record) != wanted) continue;  // it was changed just now, and would move
    records.push_back(**std::move(record));
  }
  return transaction.Put(records);
}

void EndMigration(Migration& migration, State state) {
  migration.state = state;
  migration.ended = Now();
  migration.resumes_itself = false;
}

Result<Migration> CommandMigration(store::Store& store, std::uint64_t id,
                                   MigrationCommand command) {
  Migration migration;
  const auto written = store.Write([&](store::Transaction& transaction) -> Result<void> {
    const auto migrations = transaction.Migrations();
    if (!migrations) return Failure(migrations.error());
    const auto found = std::ranges::find(*migrations, id, &Migration::id);
    if (found == migrations->end()) return NoMigration(id);
    migration = *found;
    if (auto obeyed = Obey(transaction, *migrations, migration, command); !obeyed) return obeyed;
    return transaction.PutMigration(migration);
  });
  if (!written) return Failure(written.error());
  return migration;
}

Result<Migration> FindMigration(const store::Store& store, std::uint64_t id) {
  const auto migrations = store.Migrations();
  if (!migrations) return Failure(migrations.error());
  const auto found = std::ranges::find(*migrations, id, &Migration::id);
  if (found == migrations->end()) return NoMigration(id);
  return *found;
}

}  // namespace orchestrator::routing
