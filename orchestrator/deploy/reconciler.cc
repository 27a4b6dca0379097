#include "orchestrator/deploy/reconciler.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "orchestrator/deploy/service_merge.h"
#include "orchestrator/deploy/task_state.h"
#include "provider/base/pause.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;

constexpr auto kEventDelay = 500ms;  // changes come in bursts
constexpr auto kEventOverlap = 5s;   // between the engine's clock and ours
constexpr auto kStoreRetry = 200ms;
// As the engine says of a task whose folder was removed.
constexpr std::string_view kNoFolder = "bind source path does not exist";

// Whether the same would fail again, until the site changes.
bool IsRefusal(const Error& error) {
  return error.kind != ErrorKind::kUnavailable && error.kind != ErrorKind::kStorage &&
         error.kind != ErrorKind::kOutOfSequence;
}

std::vector<std::string> IdsOf(const std::map<std::string, site::SiteId>& services) {
  std::vector<std::string> ids;
  ids.reserve(services.size());
  for (const auto& [id, site] : services) ids.push_back(id);
  return ids;
}

// Where its tasks are is nothing that a service is made of.
bool EqualButForAddresses(const store::SiteRecord& before, store::SiteRecord after) {
  after.task_addresses = before.task_addresses;
  return before == after;
}

}  // namespace

Reconciler::Reconciler(store::Store& store, docker::Engine* engine, RoutingHooks hooks,
                       ReconcilerOptions options)
    : store_(store),
      engine_(engine),
      hooks_(std::move(hooks)),
      options_(std::move(options)),
      queue_(options_.back_off),
      engine_writes_(options_.engine_writes) {
  if (engine_) engine_problem_ = "the Docker engine has not been asked yet";
  threads_.emplace_back([this](const std::stop_token& stop) { Watch(stop); });
  if (engine_) {
    threads_.emplace_back([this](const std::stop_token& stop) { Listen(stop); });
    threads_.emplace_back([this](const std::stop_token& stop) { ReadChanged(stop); });
    threads_.emplace_back([this](const std::stop_token& stop) { LookAtTouched(stop); });
  }
  for (unsigned i = 0; i < options_.workers; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
  }
}

Reconciler::~Reconciler() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

bool Reconciler::IsNameOfOthers(site::SiteId id) const {
  const std::lock_guard lock(mutex_);
  return names_of_others_.contains(id);
}

FleetStatus Reconciler::Fleet() const {
  const std::lock_guard lock(mutex_);
  return fleet_;
}

std::string Reconciler::EngineProblem() const {
  const std::lock_guard lock(mutex_);
  return engine_problem_;
}

void Reconciler::Work(const std::stop_token& stop) {
  while (const auto key = queue_.Take(stop)) {
    const site::SiteId id{*key};
    const auto record = store_.Find(id);
    Result<void> done = record ? Result<void>() : Failure(record.error());
    if (record && *record) done = Reconcile(**record, stop);
    if (done) {
      queue_.Succeed(*key);
      continue;
    }
    const Error& error = done.error();
    if (error.kind != ErrorKind::kCancelled) {
      spdlog::warn("site {}: {} {}", id.value, error.message, error.detail);
      memory_.SetProblem(id, error.message);
      // Of the record that was tried: there may be a later one, which mends it.
      if (record && *record && IsRefusal(error)) memory_.SetRefused(id, (*record)->revision);
    }
    queue_.Fail(*key);
  }
}

void Reconciler::Watch(const std::stop_token& stop) {
  Records records;
  // Without an engine there is nothing to compare with: every site is looked at once.
  store::Revision seen = Follow(0, records, /*queue_all=*/engine_ == nullptr, stop);
  auto next_resync = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    if (engine_ && std::chrono::steady_clock::now() >= next_resync) {
      const bool good = Resync(records, stop);
      next_resync = std::chrono::steady_clock::now() +
                    (good ? options_.resync_period : options_.engine_retry);
    }
    const auto idle = std::chrono::steady_clock::now() + 1s;
    store_.commits().WaitAfter(seen, engine_ ? std::min(next_resync, idle) : idle, stop);
    if (store_.commits().last() > seen) seen = Follow(seen, records, /*queue_all=*/true, stop);
  }
}

// Looks at a site when its service changes. What happens while nobody listens is found by the next
// comparison of everything.
void Reconciler::Listen(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto followed = engine_->FollowServices(
        std::chrono::system_clock::now() - kEventOverlap,
        [&](const docker::Event& event) {
          const auto id = site::ParseServiceName(event.name);
          if (!id) return;
          if (event.action == "remove") {
            queue_.AddAfter(id->value, kEventDelay);
          } else if (!memory_.IsExpected(*id)) {
            touched_.Add(event.id, *id);
          }
        },
        stop);
    if (!followed && followed.error().kind != ErrorKind::kCancelled) {
      spdlog::debug("{}", followed.error().message);
    }
    provider::Pause(stop, options_.engine_retry);
  }
}

// Reads services again that were just changed, so that their next change needs no look before.
// While one call is under way, the next ones gather for the call after it.
void Reconciler::ReadChanged(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto changed = changed_.Take(0ms, stop);
    if (changed.empty()) continue;
    const auto services = engine_->ListServicesById(IdsOf(changed), stop);
    if (!services) continue;  // they are looked at before their next change
    for (const docker::Service& service : *services) {
      const auto found = changed.find(service.id);
      if (found != changed.end()) memory_.Keep(found->second, service);
    }
  }
}

// The swarm itself goes on to change what was created, so most of what events tell is as it should
// be: it is compared first, many with one call.
void Reconciler::LookAtTouched(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto touched = touched_.Take(kEventDelay, stop);
    if (touched.empty()) continue;
    const auto network = NetworkId(stop);
    const auto services = engine_->ListServicesById(IdsOf(touched), stop);
    std::map<std::string_view, const docker::Service*> by_id;
    if (network && services) {
      for (const docker::Service& service : *services) by_id[service.id] = &service;
    }
    for (const auto& [id, site] : touched) {
      const auto found = by_id.find(id);
      const auto record = store_.Find(site);
      if (found != by_id.end() && record && *record) {
        memory_.Keep(site, *found->second);
        Compare(**record, found->second, *network);
      } else {
        queue_.Add(site.value);
      }
    }
  }
}

void Reconciler::CountTasks(const std::vector<docker::Service>& services,
                            const std::stop_token& stop) {
  const auto tasks = engine_->ListTasksOfAll(kSiteLabel, stop);
  if (!tasks) return;
  std::map<std::string_view, site::SiteId> by_service;
  for (const docker::Service& service : services) {
    if (const auto id = site::ParseServiceName(service.spec.name)) by_service[service.id] = *id;
  }
  std::map<site::SiteId, TaskCount> counts;
  std::set<site::SiteId> without_folder;
  for (const docker::Task& task : *tasks) {
    const auto found = by_service.find(task.service_id);
    if (found == by_service.end()) continue;
    TaskCount& count = counts[found->second];
    if (task.state == "running") ++count.running;
    if (task.state == "failed" || task.state == "rejected") ++count.failed;
    if (task.error.contains(kNoFolder)) without_folder.insert(found->second);
  }
  // The swarm tries again and again, and only we can make the folders.
  for (const site::SiteId id : without_folder) {
    if (counts[id].running == 0) queue_.Add(id.value);
  }
  const std::lock_guard lock(mutex_);
  fleet_.tasks = std::move(counts);
}

store::Revision Reconciler::Follow(store::Revision seen, Records& records, bool queue_all,
                                   const std::stop_token& stop) {
  auto changes = store_.ChangesAfter(seen);
  if (!changes) {
    spdlog::error("{}", changes.error().message);
    provider::Pause(stop, kStoreRetry);  // and the caller asks again
    return seen;
  }
  for (store::Change& change : changes->sites) {
    if (!change.problem.empty()) {
      spdlog::error("site {}: {}; its service stays as it is", change.id.value, change.problem);
      continue;
    }
    if (!change.record) {
      records.erase(change.id);
      memory_.Forget(change.id);
      continue;
    }
    const auto known = records.find(change.id);
    const bool concerns_service =
        known == records.end() || !EqualButForAddresses(known->second, *change.record);
    records.insert_or_assign(change.id, *std::move(change.record));
    if (queue_all && concerns_service) queue_.Add(change.id.value);
  }
  return changes->revision;
}

bool Reconciler::Resync(const Records& records, const std::stop_token& stop) {
  const auto info = engine_->Info(stop);
  if (!info || !info->swarm_manager) {
    SetEngineProblem(info ? info->swarm_problem : info.error().message);
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    network_id_.clear();
  }
  const auto network = NetworkId(stop);
  const auto services = engine_->ListServices(site::kServicePrefix, stop);
  if (!network || !services) {
    SetEngineProblem(network ? services.error().message : network.error().message);
    return false;
  }
  SetEngineProblem("");

  std::map<std::string_view, const docker::Service*> by_name;
  std::set<site::SiteId> others;
  for (const docker::Service& service : *services) {
    by_name[service.spec.name] = &service;
    const auto id = site::ParseServiceName(service.spec.name);
    if (id && !IsMarked(service.spec)) others.insert(*id);
  }
  {
    const std::lock_guard lock(mutex_);
    names_of_others_ = std::move(others);
  }
  for (const auto& [id, record] : records) {
    const auto found = by_name.find(site::ServiceName(id));
    Compare(record, found == by_name.end() ? nullptr : found->second, *network);
  }
  CountTasks(*services, stop);
  return true;
}

// Queues the site where its service (null: there is none) is not as it should be.
void Reconciler::Compare(const store::SiteRecord& record, const docker::Service* current,
                         const std::string& network_id) {
  const site::SiteId id = record.site.id;
  // One of others is none where none is wanted.
  if (current && !HasService(record) && !IsOurs(record, current->spec)) current = nullptr;
  if (!HasService(record) || !current) {
    if (HasService(record) || record.removing || current) {
      queue_.Add(id.value);
    } else {
      memory_.SetApplied(record, /*rolled_back=*/false);
    }
    return;
  }
  if (!IsOurs(record, current->spec)) {
    queue_.Add(id.value);
    return;
  }
  docker::ServiceSpec wanted = Unmarked(record, network_id);
  // What was found to be as wanted is marked as it should be; making the mark takes longer than all
  // else here.
  const auto applied = memory_.StatusOf(id).applied;
  const bool is_marked = applied && applied->revision == record.revision;
  wanted.labels[std::string(kSpecLabel)] =
      is_marked ? SentFingerprint(current->spec) : Fingerprint(wanted);
  Merge(record, current->spec, hooks_.owns_label, wanted);
  if (wanted != current->spec) {
    memory_.Keep(id, *current);
    queue_.Add(id.value);
  } else {
    ForgetDriftIfLeft(id);
    if (!HasUnsettledUpdate(*current)) memory_.ForgetAttempts(id);
    memory_.SetApplied(record, /*rolled_back=*/false);
  }
}

Result<std::string> Reconciler::NetworkId(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (!network_id_.empty()) return network_id_;
  }
  auto id = engine_->EnsureOverlay(options_.network, stop);
  if (id) {
    const std::lock_guard lock(mutex_);
    network_id_ = *id;
  }
  return id;
}

void Reconciler::SetEngineProblem(std::string problem) {
  const std::lock_guard lock(mutex_);
  if (problem == engine_problem_) return;
  if (problem.empty()) {
    spdlog::info("the Docker engine answers");
  } else {
    spdlog::warn("{}", problem);
  }
  engine_problem_ = std::move(problem);
}

void Reconciler::CountDrift() {
  const std::lock_guard lock(mutex_);
  ++fleet_.drifts;
}

}  // namespace orchestrator::deploy
