#include "orchestrator/routing/migration_runner.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "orchestrator/fault/crash_point.h"
#include "orchestrator/routing/migration_steps.h"
#include "orchestrator/routing/migrations.h"
#include "provider/base/pause.h"

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;
using fault::CrashPoint;
using fault::MaybeCrash;
using site::RoutingMode;
using store::Migration;
using store::MigrationStep;
using store::SiteRecord;
using State = store::Migration::State;
using StepState = store::MigrationStep::State;

constexpr auto kBusyCheck = 100ms;
constexpr auto kIdleCheck = 10s;
constexpr auto kGathering = 10ms;
constexpr auto kPatienceForOne = 100ms;

// What is stored of the migration; nothing where it is not in the state any more that is known.
Result<std::optional<Migration>> FindUnchanged(store::Transaction& transaction,
                                               const Migration& known) {
  auto migrations = transaction.Migrations();
  if (!migrations) return Failure(migrations.error());
  const auto now = std::ranges::find(*migrations, known.id, &Migration::id);
  if (now == migrations->end() || now->state != known.state) return std::nullopt;
  return std::move(*now);
}

}  // namespace

MigrationRunner::MigrationRunner(store::Store& store, const provider::Pools& pools,
                                 provider::http::Client& client, MigrationRunnerOptions options)
    : store_(store),
      pools_(pools),
      options_(std::move(options)),
      canary_(client, pools, options_.routes),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

MigrationRunner::~MigrationRunner() {
  thread_.request_stop();
  thread_.join();
}

void MigrationRunner::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const store::Revision seen = store_.commits().last();
    const auto migrations = store_.Migrations();
    if (!migrations) spdlog::error("{}", migrations.error().message);
    bool is_busy = !migrations.has_value();
    if (migrations) {
      std::erase_if(works_, [&](const auto& work) {
        const auto found = std::ranges::find(*migrations, work.first, &Migration::id);
        return found == migrations->end() || !store::IsLive(found->state);
      });
      for (const Migration& migration : *migrations) {
        if (!store::IsLive(migration.state) || stop.stop_requested()) continue;
        is_busy = true;
        try {
          if (const auto advanced = Advance(migration, stop); !advanced) {
            spdlog::error("migration {}: {}", migration.id, advanced.error().message);
          }
        } catch (const std::exception& error) {
          spdlog::error("migration {}: {}", migration.id, error.what());
        }
      }
    }
    store_.commits().WaitAfter(seen, Clock::now() + (is_busy ? kBusyCheck : kIdleCheck), stop);
    provider::Pause(stop, kGathering);
  }
}

Result<void> MigrationRunner::Advance(Migration migration, const std::stop_token& stop) {
  const auto [place, is_new] = works_.try_emplace(migration.id);
  Work& work = place->second;
  if (is_new) {
    auto steps = store_.StepsOf(migration.id);
    if (!steps) {
      works_.erase(place);
      return Failure(steps.error());
    }
    work.steps = *std::move(steps);
    work.begun = work.settled = Clock::now();
    work.state = migration.state;
    work.is_watching = IsCanaryOver(migration, work.steps);
  }
  if (work.state != migration.state) {
    // Whoever lets it go on gives it its time again.
    work.begun = Clock::now();
    work.away_since.reset();
  }
  if (auto settled = Settle(migration, work); !settled) return settled;
  const auto done = Act(migration, work, stop);
  work.state = migration.state;
  return done;
}

Result<void> MigrationRunner::Act(Migration& migration, Work& work, const std::stop_token& stop) {
  switch (migration.state) {
    case State::kRunning:
      return GoForward(migration, work, stop);
    case State::kPaused:
      if (!migration.resumes_itself || !AwayTraefik(migration).empty()) return {};
      return Change(migration, [](store::Transaction&, Migration& changed) -> Result<void> {
        if (!changed.resumes_itself) return {};  // by now a user has paused it
        changed.state = State::kRunning;
        changed.reason.clear();
        changed.resumes_itself = false;
        return {};
      });
    case State::kAborting:
      return Abort(migration, work);
    case State::kRollingBack:
      return GoBack(migration, work);
    default:
      return {};
  }
}

// Writes down what has come about of the steps that are under way.
Result<void> MigrationRunner::Settle(const Migration& migration, Work& work) {
  std::vector<MigrationStep> changed;
  for (const MigrationStep& step : work.steps) {
    if (!IsUnderWay(step)) continue;
    const auto record = store_.Find(step.site);
    if (!record) return Failure(record.error());
    MigrationStep now = step;
    SettleStep(migration, *record, *record ? options_.unapplied(**record) : "", now);
    if (now != step) changed.push_back(std::move(now));
  }
  if (changed.empty()) return {};
  MaybeCrash(CrashPoint::kBatchMoved);
  if (auto written = Write(std::move(changed), work); !written) return written;
  work.settled = Clock::now();
  if (Any(work.steps, StepState::kStarted)) return {};
  work.next_batch = Clock::now() + migration.pause;
  work.is_watching = IsCanaryOver(migration, work.steps);
  return {};
}

// In the store, then in what is known.
Result<void> MigrationRunner::Write(std::vector<MigrationStep> steps, Work& work) {
  const auto written =
      store_.Write([&](store::Transaction& transaction) { return transaction.PutSteps(steps); });
  if (!written) return Failure(written.error());
  Remember(std::move(steps), work.steps);
  return {};
}

bool MigrationRunner::IsPatient(const Work& work) const {
  const auto under_way = std::ranges::count_if(work.steps, IsUnderWay);
  return Clock::now() - work.begun < options_.patience + under_way * kPatienceForOne;
}

// Nobody waits any longer for those that are under way; they go on.
Result<void> MigrationRunner::LeaveBehind(Work& work) {
  std::vector<MigrationStep> late;
  for (const MigrationStep& step : work.steps) {
    if (!IsUnderWay(step)) continue;
    late.push_back(step);
    late.back().state = StepState::kSkipped;
    late.back().note = "it was still on its way: " + WhyUnfinished(step);
    spdlog::warn("site {} is still on its way: {}", step.site.value, WhyUnfinished(step));
  }
  return Write(std::move(late), work);
}

Result<void> MigrationRunner::GoForward(Migration& migration, Work& work,
                                        const std::stop_token& stop) {
  const bool under_way = Any(work.steps, StepState::kStarted);
  const auto next = std::ranges::find(work.steps, StepState::kPlanned, &MigrationStep::state);
  if (under_way || next != work.steps.end()) {
    if (const std::string away = AwayTraefik(migration); away.empty()) {
      work.away_since.reset();
    } else {
      if (!work.away_since) work.away_since = Clock::now();
      if (Clock::now() - *work.away_since < options_.stale_after) return {};
      return Pause(migration, away, /*resumes_itself=*/true);
    }
  }
  const auto roll_back = [&](const std::string& reason) {
    spdlog::warn("migration {} is rolled back: {}", migration.id, reason);
    return Change(migration, [&](store::Transaction& transaction, Migration& changed) {
      return BeginRollback(transaction, changed, reason);
    });
  };
  if (under_way) {
    if (IsPatient(work)) return {};
    const auto late = std::ranges::find(work.steps, StepState::kStarted, &MigrationStep::state);
    const std::string reason =
        fmt::format("site {} does not come over: {}", late->site.value, WhyUnfinished(*late));
    const bool is_canary = migration.canary > 0 && next != work.steps.end() && next->batch == 1;
    return is_canary ? roll_back(reason) : Pause(migration, reason, /*resumes_itself=*/false);
  }
  // Until then visitors may still come by the labels.
  const bool has_dropped = migration.to == RoutingMode::kLabels ||
                           !Any(work.steps, StepState::kMoved) ||
                           Clock::now() >= work.settled + options_.drop_grace;
  if (work.is_watching) {
    if (!has_dropped) return {};
    const std::string worse = WatchCanary(work, stop);
    if (stop.stop_requested()) return {};
    if (!worse.empty()) return roll_back(worse);
    work.is_watching = false;
  }
  if (next == work.steps.end()) {
    if (!has_dropped) return {};
    const auto added = AddNewSites(migration, work);
    if (!added) return Failure(added.error());
    if (*added) return {};
    return Change(migration, [](store::Transaction&, Migration& changed) -> Result<void> {
      EndMigration(changed, State::kFinished);
      return {};
    });
  }
  if (Clock::now() < work.next_batch) return {};
  return StartBatch(migration, work, next->batch, stop);
}

Result<void> MigrationRunner::StartBatch(const Migration& migration, Work& work, std::size_t batch,
                                         const std::stop_token& stop) {
  std::vector<MigrationStep> planned;
  std::ranges::copy_if(work.steps, std::back_inserter(planned), [&](const MigrationStep& step) {
    return step.batch == batch && step.state == StepState::kPlanned;
  });
  MigrationOrder order{.to = migration.to, .accept = migration.accept};
  if (migration.chosen) order.sites.emplace();
  for (MigrationStep& step : planned) {
    const auto record = store_.Find(step.site);
    if (!record) return Failure(record.error());
    if (!*record || stop.stop_requested()) continue;
    // The plan may be old.
    const PlannedSite now = PlanSite(**record, order, options_.routes);
    if (!migration.pool.empty() && now.pool != migration.pool) {
      step.note = "it is in the pool " + now.pool + " by now";
    } else if (now.verdict == PlannedSite::Verdict::kStays) {
      step.note = now.reason;
    }
    if (!step.note.empty()) step.state = StepState::kSkipped;
    if (step.state == StepState::kPlanned && batch == 0 && migration.canary > 0) {
      step.before = canary_.Measure(**record, stop);
    }
  }
  if (stop.stop_requested()) return {};
  const std::size_t count = planned.size();
  const auto sent = Send(migration, std::move(planned), SendOver, work);
  if (!sent || !*sent) return sent ? Result<void>() : Failure(sent.error());
  spdlog::info("migration {} to {}: batch {} with {} sites", migration.id, site::Name(migration.to),
               batch + 1, count);
  MaybeCrash(CrashPoint::kBatchStarted);
  return {};
}

// Sends the sites of those steps that are not skipped already, all in one transaction. False where
// somebody has ordered otherwise meanwhile.
Result<bool> MigrationRunner::Send(
    const Migration& migration, std::vector<MigrationStep> steps,
    const std::function<void(const Migration&, SiteRecord&, MigrationStep&)>& send, Work& work) {
  std::vector<MigrationStep> sent;
  bool is_sent = false;
  const auto written = store_.Write([&](store::Transaction& transaction) -> Result<void> {
    sent = steps;
    const auto now = FindUnchanged(transaction, migration);
    if (!now) return Failure(now.error());
    is_sent = now->has_value();
    if (!is_sent) return {};
    std::vector<SiteRecord> records;
    for (MigrationStep& step : sent) {
      if (step.state == StepState::kSkipped) continue;
      auto record = transaction.Find(step.site);
      if (!record) return Failure(record.error());
      if (!*record || (*record)->removing) {
        step.state = StepState::kSkipped;
        step.note = "it was removed";
        continue;
      }
      const RoutingMode mode = (*record)->site.routing.mode;
      send(migration, **record, step);
      if (step.state == StepState::kSkipped) continue;
      if ((*record)->site.routing.mode != mode) (*record)->revision = transaction.revision();
      records.push_back(**std::move(record));
    }
    if (auto put = transaction.Put(records); !put) return put;
    return transaction.PutSteps(sent);
  });
  if (!written) return Failure(written.error());
  if (!is_sent) return false;
  Remember(std::move(sent), work.steps);
  work.begun = Clock::now();
  return true;
}

// Adds steps for sites that came to the old side while the order was taken in, if there are any.
Result<bool> MigrationRunner::AddNewSites(const Migration& migration, Work& work) {
  if (!migration.default_before) return false;
  const auto plan =
      PlanMigration(store_, options_.routes, {.to = migration.to, .accept = migration.accept});
  if (!plan) return Failure(plan.error());
  MigrationPlan late;
  for (const PlannedSite& site : plan->sites) {
    const bool is_known =
        std::ranges::find(work.steps, site.id, &MigrationStep::site) != work.steps.end();
    if (site.verdict == PlannedSite::Verdict::kMoves && !is_known) late.sites.push_back(site);
  }
  if (late.sites.empty()) return false;
  const std::size_t last = work.steps.empty() ? 0 : work.steps.back().batch;
  std::vector<MigrationStep> steps = StepsFor(late, migration, last + 1);
  const auto written =
      store_.Write([&](store::Transaction& transaction) { return transaction.PutSteps(steps); });
  if (!written) return Failure(written.error());
  std::ranges::move(steps, std::back_inserter(work.steps));
  return true;
}

Result<void> MigrationRunner::Abort(Migration& migration, Work& work) {
  if (Any(work.steps, StepState::kStarted)) {
    return IsPatient(work) ? Result<void>() : LeaveBehind(work);
  }
  return Change(migration, [](store::Transaction& transaction, Migration& changed) {
    EndMigration(changed, State::kAborted);
    return RestoreDefaultMode(transaction, changed);
  });
}

Result<void> MigrationRunner::GoBack(Migration& migration, Work& work) {
  if (Any(work.steps, StepState::kReturning)) {
    return IsPatient(work) ? Result<void>() : LeaveBehind(work);
  }
  std::size_t batch = 0;
  bool found = false;
  for (const MigrationStep& step : work.steps) {
    if (step.state != StepState::kMoved && step.state != StepState::kStarted) continue;
    batch = std::max(batch, step.batch);
    found = true;
  }
  if (!found) {
    std::vector<site::SiteId> bound;
    if (migration.default_before) {
      auto listed = FindBound(store_, migration.to);
      if (!listed) return Failure(listed.error());
      bound = *std::move(listed);
    }
    return Change(migration,
                  [&](store::Transaction& transaction, Migration& changed) -> Result<void> {
                    EndMigration(changed, State::kRolledBack);
                    if (!changed.default_before) return {};
                    return LetFollow(transaction, bound, *changed.default_before);
                  });
  }
  std::vector<MigrationStep> steps;
  std::ranges::copy_if(work.steps, std::back_inserter(steps), [&](const MigrationStep& step) {
    return step.batch == batch &&
           (step.state == StepState::kMoved || step.state == StepState::kStarted);
  });
  const std::size_t count = steps.size();
  const auto sent = Send(migration, std::move(steps), SendBack, work);
  if (!sent || !*sent) return sent ? Result<void>() : Failure(sent.error());
  spdlog::info("migration {}: batch {} with {} sites goes back", migration.id, batch + 1, count);
  MaybeCrash(CrashPoint::kBatchReturning);
  return {};
}

// Changes what is stored of the migration where it is still in the state that is known.
Result<void> MigrationRunner::Change(
    Migration& migration,
    const std::function<Result<void>(store::Transaction&, Migration&)>& change) {
  Migration changed;
  bool is_changed = false;
  const auto written = store_.Write([&](store::Transaction& transaction) -> Result<void> {
    auto now = FindUnchanged(transaction, migration);
    if (!now) return Failure(now.error());
    is_changed = now->has_value();
    if (!is_changed) return {};
    changed = **std::move(now);
    if (auto done = change(transaction, changed); !done) return done;
    return transaction.PutMigration(changed);
  });
  if (!written) return Failure(written.error());
  if (!is_changed) return {};
  migration = changed;
  spdlog::info("migration {} to {} is {}{}{}", migration.id, site::Name(migration.to),
               store::Name(migration.state), migration.reason.empty() ? "" : ": ",
               migration.reason);
  if (!store::IsLive(migration.state)) MaybeCrash(CrashPoint::kMigrationEnded);
  return {};
}

Result<void> MigrationRunner::Pause(Migration& migration, const std::string& reason,
                                    bool resumes_itself) {
  return Change(migration, [&](store::Transaction&, Migration& changed) -> Result<void> {
    changed.state = State::kPaused;
    changed.reason = reason;
    changed.resumes_itself = resumes_itself;
    return {};
  });
}

std::string MigrationRunner::WatchCanary(const Work& work, const std::stop_token& stop) const {
  std::vector<std::pair<SiteRecord, std::string>> sites;
  for (const MigrationStep& step : work.steps) {
    if (step.batch != 0 || step.state != StepState::kMoved || step.before.empty()) continue;
    auto record = store_.Find(step.site);
    if (record && *record) sites.emplace_back(**std::move(record), step.before);
  }
  return canary_.Watch(sites, options_.watch, stop);
}

// A Traefik that may miss what is to come, as a sentence; empty where there is none.
std::string MigrationRunner::AwayTraefik(const Migration& migration) const {
  const auto counts = store_.Count();
  if (!counts) return counts.error().message;
  for (const provider::Pool& pool : pools_) {
    const bool is_meant =
        migration.pool.empty() ? counts->by_pool.contains(pool.name) : migration.pool == pool.name;
    if (!is_meant) continue;
    bool has_live = false;
    for (const provider::InstanceStatus& instance : pool.instances.List()) {
      if (instance.gone) continue;
      if (!instance.polling) {
        return fmt::format(
            "{} does not poll (if it is no more: orchestrator routing instances "
            "--gone {})",
            instance.name, instance.name);
      }
      if (instance.probed && !instance.problem.empty()) {
        return fmt::format("{}: {}", instance.name, instance.problem);
      }
      has_live = true;
    }
    if (!has_live) return fmt::format("no Traefik polls the pool {}", pool.name);
  }
  return {};
}

std::string MigrationRunner::WhyUnfinished(const MigrationStep& step) const {
  std::string why = options_.waiting_for(step.site);
  if (!why.empty()) return why;
  const auto record = store_.Find(step.site);
  return record && *record ? options_.unapplied(**record) : "";
}

}  // namespace orchestrator::routing
