// The part of Reconciler that makes one service what it shall be.

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "orchestrator/deploy/entry_script.h"
#include "orchestrator/deploy/reconciler.h"
#include "orchestrator/deploy/service_merge.h"
#include "orchestrator/deploy/site_directory.h"
#include "orchestrator/deploy/task_state.h"
#include "orchestrator/fault/crash_point.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using fault::CrashPoint;
using fault::MaybeCrash;

constexpr int kSequenceRetries = 10;
constexpr auto kUnusedRetry = 100ms;
constexpr auto kSettleRetry = 500ms;
constexpr auto kVacateRetry = 200ms;

// An engine that gives a template back otherwise than it was sent must not have the site's tasks
// replaced again and again.
constexpr unsigned kMostReplacements = 3;
constexpr const char* kGivenUp =
    "the swarm has a different task template, though this one was sent three times; it is left as "
    "it is until the site changes";

// Whether the service of a site that runs elsewhere by now still has tasks.
bool LosesTasks(const store::SiteRecord& record, const docker::Service& current) {
  return record.site.kind == site::Kind::kExternal && current.spec.replicas != 0;
}

// One of the writes that the engine is given at once.
class Turn {
 public:
  explicit Turn(std::counting_semaphore<>& turns) : turns_(turns) { turns_.acquire(); }
  ~Turn() { turns_.release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::counting_semaphore<>& turns_;
};

bool IsRaced(const Error& error) {
  return error.kind == ErrorKind::kOutOfSequence || error.kind == ErrorKind::kConflict;
}

Failure NotOurs(const std::string& service) {
  return Failure(
      Error{ErrorKind::kConflict,
            fmt::format("there is a service {} that this orchestrator did not make; it is left as "
                        "it is. Remove the service, or delete this site and take the service over "
                        "(orchestrator import swarm)",
                        service)});
}

}  // namespace

Result<bool> Reconciler::HasWantedTask(const store::SiteRecord& record,
                                       const docker::Service& service,
                                       const std::stop_token& stop) {
  const auto network = NetworkId(stop);
  if (!network) return Failure(network.error());
  docker::ServiceSpec wanted = Unmarked(record, *network);
  Merge(record, service.spec, hooks_.owns_label, wanted);
  return wanted.task == service.spec.task;
}

Result<void> Reconciler::Reconcile(const store::SiteRecord& record, const std::stop_token& stop) {
  if (!HasService(record)) return TakeDown(record, stop);
  if (!engine_) {
    return Failure(Error{ErrorKind::kUnavailable, "no Docker engine is configured (docker.host)"});
  }
  return BringUp(record, stop);
}

Result<void> Reconciler::Prepare(const site::Site& site) const {
  return PrepareSiteDirectory(options_.service.sites_directory, site, options_.service.owner);
}

Result<void> Reconciler::BringUp(const store::SiteRecord& record, const std::stop_token& stop) {
  const auto network = NetworkId(stop);
  if (!network) return Failure(network.error());
  if (record.site.kind != site::Kind::kExternal) {
    if (auto ready = Prepare(record.site); !ready) return ready;
    MaybeCrash(CrashPoint::kDirectoryPrepared);
  }

  const docker::ServiceSpec wanted = Wanted(record, *network);
  if (const auto done = BringUpByMemory(record, wanted, stop)) return *done;
  Result<void> done;
  for (int attempt = 0; attempt < kSequenceRetries; ++attempt) {
    const auto current = engine_->FindService(wanted.name, stop);
    if (current && !IsOurs(record, current->spec)) return NotOurs(wanted.name);
    if (current && LosesTasks(record, *current)) {
      const auto free = IsFree(record, *current, stop);
      if (!free || !*free) return free ? Result<void>() : Failure(free.error());
    }
    if (current) {
      done = Change(record, *current, wanted, stop);
    } else if (current.error().kind == ErrorKind::kNotFound) {
      done = CreateAgain(record, wanted, stop);
    } else {
      return Failure(current.error());
    }
    if (done || !IsRaced(done.error())) return done;
  }
  return done;
}

// Goes by what is remembered, which spares a call: the engine refuses what is out of date. Nothing
// when the engine has to be asked.
std::optional<Result<void>> Reconciler::BringUpByMemory(const store::SiteRecord& record,
                                                        docker::ServiceSpec wanted,
                                                        const std::stop_token& stop) {
  const site::SiteId id = record.site.id;
  const auto remembered = memory_.Take(id);
  Result<void> done;
  if (remembered && (LosesTasks(record, *remembered) || !IsOurs(record, remembered->spec))) {
    return std::nullopt;
  }
  if (remembered) {
    Merge(record, remembered->spec, hooks_.owns_label, wanted);
    // Anything but a new wish may be somebody else's doing.
    const bool new_wish = SentFingerprint(remembered->spec) != SentFingerprint(wanted);
    if (!new_wish || HasUnsettledUpdate(*remembered) || StaysChanged(record) ||
        (record.site.kind == site::Kind::kStatic && RunsOwnProgram(remembered->spec.task)) ||
        memory_.Attempts(record, wanted.task).value_or(0) >= kMostReplacements ||
        (!record.refused_task.empty() && record.refused_task == Fingerprint(wanted.task))) {
      return std::nullopt;
    }
    done = Update(record, *remembered, wanted, stop);
  } else if (!memory_.WasSeen(id)) {
    done = Create(record, wanted, stop);
  } else {
    return std::nullopt;
  }
  if (!done && (IsRaced(done.error()) || done.error().kind == ErrorKind::kNotFound)) {
    return std::nullopt;
  }
  return done;
}

Result<bool> Reconciler::HasNoTerminals(site::SiteId id, const std::stop_token& stop) {
  if (!options_.end_terminals) return true;
  auto none = options_.end_terminals(id, stop);
  if (none && !*none) queue_.AddAfter(id.value, kVacateRetry);
  return none;
}

// Whether none of a site's tasks runs any more.
Result<bool> Reconciler::HasEnded(site::SiteId id, const Result<std::vector<docker::Task>>& tasks) {
  if (!tasks) return Failure(tasks.error());
  const std::int64_t now = std::time(nullptr);
  const bool ended =
      std::ranges::none_of(*tasks, [&](const docker::Task& task) { return MayRun(task, now); });
  if (!ended) queue_.AddAfter(id.value, kVacateRetry);
  return ended;
}

// What a web server is to show is a folder, and what has run until now could put a link in its
// place, which the engine would follow. So that ends first, and the folder is looked at afterwards.
Result<bool> Reconciler::IsVacated(const store::SiteRecord& record, const docker::Service& current,
                                   const std::stop_token& stop) {
  const site::SiteId id = record.site.id;
  const auto none = HasNoTerminals(id, stop);
  if (!none || !*none) return none;
  if (current.spec.replicas > 0) {
    docker::ServiceSpec without_tasks = current.spec;
    without_tasks.replicas = 0;
    const Turn turn(engine_writes_);
    const auto updated = engine_->UpdateService(current, without_tasks, stop);
    if (!updated && !IsRaced(updated.error())) return Failure(updated.error());
    queue_.AddAfter(id.value, kVacateRetry);
    return false;
  }
  const auto ended = HasEnded(id, engine_->ListTasks(current.spec.name, stop));
  if (!ended || !*ended) return ended;
  const auto ready = Prepare(record.site);
  return ready ? Result<bool>(true) : Failure(ready.error());
}

Result<void> Reconciler::Create(const store::SiteRecord& record, const docker::ServiceSpec& wanted,
                                const std::stop_token& stop) {
  const site::SiteId id = record.site.id;
  // As in IsVacated, of a service that was removed.
  if (record.site.kind == site::Kind::kStatic && memory_.IsLeaving(id)) {
    const auto ended =
        HasEnded(id, engine_->ListTasksOfAll(fmt::format("{}={}", kSiteLabel, id.value), stop));
    if (!ended || !*ended) return ended ? Result<void>() : Failure(ended.error());
    if (auto ready = Prepare(record.site); !ready) return ready;
  }
  memory_.ExpectEvent(id);
  Result<void> created;
  {
    const Turn turn(engine_writes_);
    created = engine_->CreateService(wanted, stop);
  }
  if (!created) {
    memory_.ExpectNoEvent(id);
    return created;
  }
  MaybeCrash(CrashPoint::kServiceCreated);
  if (auto forgotten = ForgetCrashes(options_.service.sites_directory, id); !forgotten) {
    return forgotten;
  }
  memory_.SetApplied(record, /*rolled_back=*/false);
  return {};
}

// For a service that is not there: it may have been removed by somebody else.
Result<void> Reconciler::CreateAgain(const store::SiteRecord& record,
                                     const docker::ServiceSpec& wanted,
                                     const std::stop_token& stop) {
  const site::SiteId id = record.site.id;
  if (memory_.WasSeen(id)) {
    const auto applied = memory_.StatusOf(id).applied;
    const bool new_order = !applied || applied->revision < record.revision;
    // What is ordered anew is made at once.
    if (!new_order && StaysDrifted(id, "removed by somebody else")) return {};
    if (!new_order) return CountRepair(id, Create(record, wanted, stop));
    if (memory_.SetDrift(id, "removed by somebody else")) CountDrift();
  }
  return Create(record, wanted, stop);
}

// Makes a service that was just looked at into what is wanted, as far as that is ours to say.
Result<void> Reconciler::Change(const store::SiteRecord& record, const docker::Service& current,
                                docker::ServiceSpec wanted, const std::stop_token& stop) {
  const site::SiteId id = record.site.id;
  Merge(record, current.spec, hooks_.owns_label, wanted);
  const auto rolled_back = WasRolledBack(record, current, wanted);
  if (!rolled_back) return Failure(rolled_back.error());
  const bool given_up = !*rolled_back && wanted.task != current.spec.task &&
                        memory_.Attempts(record, wanted.task).value_or(0) >= kMostReplacements;
  if (*rolled_back) MarkRefused(wanted);
  if (*rolled_back || given_up) wanted.task = current.spec.task;
  // What is ordered anew, even the same again, is nobody else's doing.
  const auto applied = memory_.StatusOf(id).applied;
  const bool new_order = applied && applied->revision < record.revision;
  const bool left_alone = wanted != current.spec && !new_order && IsLeftAlone(id, current, wanted);
  if (!left_alone && StaysChanged(record)) {
    docker::Labels labels = std::move(wanted.labels);
    wanted = current.spec;
    wanted.labels = std::move(labels);
  }
  if (left_alone || wanted == current.spec) {
    if (!given_up && !HasUnsettledUpdate(current)) memory_.ForgetAttempts(id);
    memory_.Keep(id, current);
    memory_.SetApplied(record, *rolled_back);
  } else if (ReplacesTasks(current, std::time(nullptr)) &&
             DifferInLabelsOnly(current.spec, wanted)) {
    memory_.SetSettling(id, record.revision);
    queue_.AddAfter(id.value, kSettleRetry);
  } else {
    if (wanted.task != current.spec.task && record.site.kind == site::Kind::kStatic &&
        RunsOwnProgram(current.spec.task)) {
      const auto vacated = IsVacated(record, current, stop);
      if (!vacated || !*vacated) return vacated ? Result<void>() : Failure(vacated.error());
    }
    const bool repair = !new_order && SentFingerprint(current.spec) == SentFingerprint(wanted);
    auto updated = Update(record, current, wanted, stop, *rolled_back);
    if (repair) updated = CountRepair(id, std::move(updated));
    if (!updated) return updated;
  }
  if (given_up) memory_.SetProblem(id, kGivenUp);
  return {};
}

Result<void> Reconciler::Update(const store::SiteRecord& record, const docker::Service& current,
                                const docker::ServiceSpec& wanted, const std::stop_token& stop,
                                bool rolled_back) {
  const site::SiteId id = record.site.id;
  const bool new_task = wanted.task != current.spec.task;
  if (new_task) {
    if (auto forgotten = ForgetCrashes(options_.service.sites_directory, id); !forgotten) {
      return forgotten;
    }
  }
  // Without tasks nothing moves: the service is at once as it will be remembered. Otherwise the
  // swarm goes on to change it, and events tell.
  const bool still = wanted.replicas == 0 && current.spec.replicas == 0;
  if (still) memory_.ExpectEvent(id);
  Result<void> updated;
  {
    const Turn turn(engine_writes_);
    updated = engine_->UpdateService(current, wanted, stop);
  }
  if (!updated) {
    if (still) memory_.ExpectNoEvent(id);
    return updated;
  }
  if (still) changed_.Add(current.id, id);
  MaybeCrash(CrashPoint::kServiceUpdated);
  if (new_task) {
    memory_.SetAttempt(record, wanted.task);
    SweepRunFilesBeside(id, wanted.task, current.spec.task);
  }
  memory_.SetApplied(record, rolled_back);
  return {};
}

// For an update that the engine took: `before` is what it may go back to, and nothing else is.
void Reconciler::SweepRunFilesBeside(site::SiteId id, const docker::TaskTemplate& now,
                                     const docker::TaskTemplate& before) const {
  const auto swept =
      SweepRunFiles(options_.service.sites_directory, id,
                    {std::string(RunFileOf(now.command)), std::string(RunFileOf(before.command))});
  // They are in nobody's way, and the next deployment tries again.
  if (!swept) spdlog::warn("site {}: {}", id.value, swept.error().message);
}

Result<void> Reconciler::TakeDown(const store::SiteRecord& record, const std::stop_token& stop) {
  if (engine_) {
    const std::string name = site::ServiceName(record.site.id);
    const auto current = engine_->FindService(name, stop);
    if (!current && current.error().kind != ErrorKind::kNotFound) return Failure(current.error());
    // What others made under this name stays.
    if (current && IsOurs(record, current->spec)) {
      const auto free = IsFree(record, *current, stop);
      if (!free || !*free) return free ? Result<void>() : Failure(free.error());
      const auto removed = engine_->RemoveService(name, stop);
      if (!removed && removed.error().kind != ErrorKind::kNotFound) return removed;
      if (RunsOwnProgram(current->spec.task)) memory_.SetLeaving(record.site.id);
      MaybeCrash(CrashPoint::kServiceRemoved);
    }
  }
  if (record.removing) {
    // Another site of this id must not begin with terminals of this one.
    const auto none = HasNoTerminals(record.site.id, stop);
    if (!none || !*none) return none ? Result<void>() : Failure(none.error());
    return Erase(record.site.id);
  }
  memory_.SetApplied(record, /*rolled_back=*/false);
  return {};
}

// Whether the service of a removed or external site, or its tasks, may go; asked again later if
// not.
Result<bool> Reconciler::IsFree(const store::SiteRecord& record, const docker::Service& current,
                                const std::stop_token& stop) {
  const bool loses_tasks = !record.removing && LosesTasks(record, current);
  if (loses_tasks) {
    // Until Traefiks have read other labels, they send visitors to the tasks; and until they have
    // the document, they need these labels.
    docker::ServiceSpec spec = current.spec;
    std::erase_if(spec.labels, [&](const auto& label) {
      return hooks_.owns_label(label.first, record.site.id);
    });
    spec.labels.merge(hooks_.labels(record));
    if (spec.labels != current.spec.labels) {
      if (hooks_.is_unused(record, /*loses_tasks=*/false)) {
        const auto updated = engine_->UpdateService(current, spec, stop);
        if (!updated && !IsRaced(updated.error())) return Failure(updated.error());
      }
      queue_.AddAfter(record.site.id.value, kUnusedRetry);
      return false;
    }
  }
  if (hooks_.is_unused(record, loses_tasks)) return true;
  queue_.AddAfter(record.site.id.value, kUnusedRetry);
  return false;
}

Result<void> Reconciler::Erase(site::SiteId id) {
  const auto erased = store_.Write([&](store::Transaction& transaction) -> Result<void> {
    const auto record = transaction.Find(id);
    if (!record) return Failure(record.error());
    // It may have been created again meanwhile.
    if (!*record || !(*record)->removing) return {};
    return transaction.Erase(id);
  });
  if (!erased) return Failure(erased.error());
  MaybeCrash(CrashPoint::kSiteErased);
  return {};
}

docker::ServiceSpec Reconciler::Unmarked(const store::SiteRecord& record,
                                         const std::string& network_id) const {
  docker::ServiceSpec wanted = WantedService(record, options_.service, network_id);
  wanted.labels.merge(hooks_.labels(record));
  return wanted;
}

docker::ServiceSpec Reconciler::Wanted(const store::SiteRecord& record,
                                       const std::string& network_id) const {
  docker::ServiceSpec wanted = Unmarked(record, network_id);
  wanted.labels[std::string(kSpecLabel)] = Fingerprint(wanted);
  return wanted;
}

}  // namespace orchestrator::deploy
