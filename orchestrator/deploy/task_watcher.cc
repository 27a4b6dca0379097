#include "orchestrator/deploy/task_watcher.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>

#include "orchestrator/deploy/service_spec.h"
#include "orchestrator/store/mark_documents.h"
#include "provider/base/pause.h"

namespace orchestrator::deploy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kFollowed = "tasks_followed";  // a setting: yes or no

bool HasTasks(const store::SiteRecord& record) {
  return record.site.kind != site::Kind::kExternal && !record.removing;
}

}  // namespace

TaskWatcher::TaskWatcher(store::Store& store, docker::Engine& engine, TaskWatcherOptions options)
    : store_(store),
      engine_(engine),
      options_(std::move(options)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

TaskWatcher::~TaskWatcher() {
  thread_.request_stop();
  thread_.join();
}

void TaskWatcher::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto begin = Clock::now();
    if (FollowStore()) {
      const auto followed = FollowTasks(stop);
      const std::string problem = followed ? "" : followed.error().message;
      if (!problem.empty() && problem != problem_ && !stop.stop_requested()) {
        spdlog::warn("the servers of sites stay as they are: {}", problem);
      }
      problem_ = problem;
    }
    // A list that takes long takes at most half of the time.
    const auto end = Clock::now();
    const auto next = std::max(begin + options_.period, end + (end - begin));
    provider::PauseUntil(stop, next);
  }
}

bool TaskWatcher::FollowStore() {
  auto changes = store_.ChangesAfter(seen_);
  if (!changes) {
    spdlog::error("{}", changes.error().message);
    return false;
  }
  bool some_went = false;
  for (store::Change& change : changes->sites) {
    if (!change.problem.empty()) continue;  // said by others
    if (!change.record || !HasTasks(*change.record)) {
      some_went = sites_.erase(change.id) > 0 || some_went;
      known_.erase(change.id);
      continue;
    }
    if (change.record->task_addresses) known_.insert(change.id);
    sites_[change.id] = std::move(change.record->task_addresses);
  }
  if (some_went) {
    std::erase_if(services_, [&](const auto& item) { return !sites_.contains(item.second); });
  }
  seen_ = changes->revision;
  return true;
}

Result<void> TaskWatcher::FollowTasks(const std::stop_token& stop) {
  const auto tasks = engine_.ListWantedTasksOfAll(kSiteLabel, stop);
  if (!tasks) return Failure(tasks.error());
  if (auto learned = LearnServices(*tasks, stop); !learned) return learned;
  std::map<site::SiteId, Addresses> current;
  for (const site::SiteId id : known_) current[id];
  for (const docker::Task& task : *tasks) {
    const auto service = services_.find(task.service_id);
    if (service == services_.end() || !current.contains(service->second)) continue;
    const auto address = task.addresses.find(options_.network);
    if (task.state != "running" || address == task.addresses.end()) continue;
    current[service->second].push_back(address->second);
  }
  std::map<site::SiteId, Addresses> changed;
  for (auto& [id, addresses] : current) {
    std::ranges::sort(addresses);
    const auto site = sites_.find(id);
    if (site != sites_.end() && site->second != addresses) changed[id] = std::move(addresses);
  }
  return changed.empty() ? Result<void>() : Write(changed);
}

// Which sites the tasks are of.
Result<void> TaskWatcher::LearnServices(const std::vector<docker::Task>& tasks,
                                        const std::stop_token& stop) {
  std::set<std::string> unknown;
  for (const docker::Task& task : tasks) {
    const auto service = services_.find(task.service_id);
    if (service == services_.end()) {
      unknown.insert(task.service_id);
    } else if (sites_.contains(service->second)) {
      known_.insert(service->second);
    }
  }
  if (unknown.empty()) return {};
  const std::vector<std::string> ids(unknown.begin(), unknown.end());
  const auto services = engine_.ListServicesById(ids, stop);
  if (!services) return Failure(services.error());
  for (const docker::Service& service : *services) {
    const auto id = site::ParseServiceName(service.spec.name);
    if (!id) continue;
    services_[service.id] = *id;
    if (sites_.contains(*id)) known_.insert(*id);
  }
  return {};
}

Result<void> TaskWatcher::Write(const std::map<site::SiteId, Addresses>& changed) {
  const auto written = store_.Write([&](store::Transaction& transaction) -> Result<void> {
    std::vector<store::SiteRecord> records;
    std::set<std::string> pools;
    for (const auto& [id, addresses] : changed) {
      auto record = transaction.Find(id);
      if (!record) return Failure(record.error());
      if (!*record || !HasTasks(**record)) continue;
      (*record)->task_addresses = addresses;
      if (store::InDocument((*record)->phase)) pools.insert((*record)->site.routing.pool);
      records.push_back(**std::move(record));
    }
    if (auto marked = store::MarkDocumentsChanged(transaction, pools); !marked) return marked;
    return transaction.Put(records);
  });
  if (!written) return Failure(written.error());
  return {};
}

Result<void> PrepareTaskAddresses(store::Store& store, bool followed) {
  const auto before = store.Setting(kFollowed);
  if (!before) return Failure(before.error());
  if ((before->value_or("no") == "yes") == followed) return {};
  const auto all = store.ChangesAfter(0);
  if (!all) return Failure(all.error());
  const auto written = store.Write([&](store::Transaction& transaction) -> Result<void> {
    std::vector<store::SiteRecord> records;
    for (const store::Change& change : all->sites) {
      if (!change.record || !change.record->task_addresses) continue;
      records.push_back(*change.record);
      records.back().task_addresses.reset();
    }
    if (auto put = transaction.Put(records); !put) return put;
    return transaction.SetSetting(kFollowed, followed ? "yes" : "no");
  });
  if (!written) return Failure(written.error());
  return {};
}

}  // namespace orchestrator::deploy
