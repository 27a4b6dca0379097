#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orchestrator/docker/engine.h"

namespace tests {

// A swarm in memory. Thread-safe.
class FakeEngine final : public orchestrator::docker::Engine {
 public:
  template <typename T>
  using Result = orchestrator::Result<T>;
  using Service = orchestrator::docker::Service;
  using ServiceSpec = orchestrator::docker::ServiceSpec;
  using Stop = std::stop_token;

  struct Counts {
    int lists = 0;
    int lists_by_id = 0;
    int task_lists = 0;
    int finds = 0;
    int creates = 0;
    int updates = 0;
    int new_tasks = 0;  // among these
    int removes = 0;
  };

  Counts counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }
  std::optional<Service> Get(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = services_.find(name);
    return found == services_.end() ? std::optional<Service>() : found->second;
  }
  // Changes a service as somebody else would.
  void Change(const std::string& name, const std::function<void(Service&)>& change) {
    const std::lock_guard lock(mutex_);
    change(services_[name]);
    services_[name].version = ++version_;
  }
  void Drop(const std::string& name) {
    const std::lock_guard lock(mutex_);
    services_.erase(name);
  }
  void SetAway(bool away) {
    const std::lock_guard lock(mutex_);
    away_ = away;
  }
  void SetSwarmManager(bool manager) {
    const std::lock_guard lock(mutex_);
    manager_ = manager;
  }
  // So many of the next updates meet somebody else's.
  void SetRaces(int races) {
    const std::lock_guard lock(mutex_);
    races_ = races;
  }
  // The swarm takes every update of a task back.
  void SetRollsBack(bool rolls_back) {
    const std::lock_guard lock(mutex_);
    rolls_back_ = rolls_back;
  }
  // The engine keeps templates otherwise than they were sent.
  void SetRewrites(bool rewrites) {
    const std::lock_guard lock(mutex_);
    rewrites_ = rewrites;
  }
  // Tells those who listen that something happened to a service.
  void Announce(const std::string& action, const std::string& name) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back({"service", action, "id-" + name, name});
    }
    happened_.notify_all();
  }
  // What every task has written.
  void SetLog(std::vector<std::string> lines) {
    const std::lock_guard lock(mutex_);
    log_ = std::move(lines);
  }
  void SetTasks(std::vector<orchestrator::docker::Task> tasks) {
    const std::lock_guard lock(mutex_);
    tasks_ = std::move(tasks);
  }

  Result<orchestrator::docker::EngineInfo> Info(const Stop&) override {
    const std::lock_guard lock(mutex_);
    if (away_) return Away();
    return orchestrator::docker::EngineInfo{"1", "1.41", manager_, manager_ ? "" : "in no swarm"};
  }
  Result<std::vector<Service>> ListServices(std::string_view prefix, const Stop&) override {
    const std::lock_guard lock(mutex_);
    if (away_) return Away();
    ++counts_.lists;
    std::vector<Service> list;
    for (const auto& [name, service] : services_) {
      if (name.starts_with(prefix)) list.push_back(service);
    }
    return list;
  }
  Result<std::vector<Service>> ListServicesById(std::span<const std::string> ids,
                                                const Stop&) override {
    const std::lock_guard lock(mutex_);
    if (away_) return Away();
    ++counts_.lists_by_id;
    std::vector<Service> list;
    for (const auto& [name, service] : services_) {
      if (std::ranges::find(ids, service.id) != ids.end()) list.push_back(service);
    }
    return list;
  }
  Result<Service> FindService(std::string_view name, const Stop&) override {
    const std::lock_guard lock(mutex_);
    if (away_) return Away();
    ++counts_.finds;
    const auto found = services_.find(std::string(name));
    if (found == services_.end()) return NotFound();
    return found->second;
  }
  Result<void> CreateService(const ServiceSpec& spec, const Stop&) override {
    const std::lock_guard lock(mutex_);
    if (away_) return Away();
    if (services_.contains(spec.name)) return Refuse(orchestrator::ErrorKind::kConflict, "exists");
    ++counts_.creates;
    Service& service = services_[spec.name];
    service.id = "id-" + spec.name;
    service.version = ++version_;
    service.spec = spec;
    return {};
  }
  Result<void> UpdateService(const Service& current, const ServiceSpec& wanted,
                             const Stop&) override {
    const std::lock_guard lock(mutex_);
    if (away_) return Away();
    const auto found = services_.find(wanted.name);
    if (found == services_.end()) return NotFound();
    Service& service = found->second;
    if (races_ > 0) {
      --races_;
      service.version = ++version_;
    }
    if (service.version != current.version) {
      return Refuse(orchestrator::ErrorKind::kOutOfSequence, "update out of sequence");
    }
    ++counts_.updates;
    const bool new_task = service.spec.task != wanted.task;
    counts_.new_tasks += new_task;
    const ServiceSpec before = service.spec;
    service.spec = wanted;
    service.version = ++version_;
    service.update_state = new_task ? "completed" : "";  // what was before is forgotten
    if (new_task && rewrites_) service.spec.task.user = "0:0";
    if (new_task && rolls_back_) {
      service.spec = before;
      service.update_state = "rollback_completed";
    }
    return {};
  }
  Result<void> RemoveService(std::string_view name, const Stop&) override {
    const std::lock_guard lock(mutex_);
    if (away_) return Away();
    ++counts_.removes;
    if (services_.erase(std::string(name)) == 0) return NotFound();
    return {};
  }
  // Those that say nothing of it are made from what the service is now.
  Result<std::vector<orchestrator::docker::Task>> ListTasks(std::string_view service,
                                                            const Stop&) override {
    const std::lock_guard lock(mutex_);
    if (away_) return Away();
    auto tasks = tasks_;
    const auto found = services_.find(std::string(service));
    for (auto& task : tasks) {
      if (task.made_from.image.empty() && found != services_.end()) {
        task.made_from = found->second.spec.task;
      }
    }
    return tasks;
  }
  Result<std::vector<orchestrator::docker::Task>> ListTasksOfAll(std::string_view,
                                                                 const Stop&) override {
    const std::lock_guard lock(mutex_);
    ++counts_.task_lists;
    if (away_) return Away();
    return tasks_;
  }
  Result<std::vector<orchestrator::docker::Task>> ListWantedTasksOfAll(std::string_view label,
                                                                       const Stop& stop) override {
    auto tasks = ListTasksOfAll(label, stop);
    if (tasks) {
      std::erase_if(*tasks, [](const auto& task) { return task.desired_state == "shutdown"; });
    }
    return tasks;
  }
  Result<void> ReadServiceLog(std::string_view, const orchestrator::docker::LogQuery&,
                              const LogSink& sink, const Stop&) override {
    for (const std::string& line : log_) sink({.time = "t", .task_id = "task", .text = line});
    return {};
  }
  Result<void> ReadTaskLog(std::string_view, const orchestrator::docker::LogQuery& query,
                           const LogSink& sink, const Stop& stop) override {
    return ReadServiceLog("", query, sink, stop);
  }
  Result<void> FollowServices(std::chrono::system_clock::time_point,
                              const std::function<void(const orchestrator::docker::Event&)>& sink,
                              const Stop& stop) override {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      if (away_) return Away();
      std::vector<orchestrator::docker::Event> events;
      events.swap(events_);
      lock.unlock();
      for (const auto& event : events) sink(event);
      lock.lock();
      happened_.wait_for(lock, stop, std::chrono::milliseconds(20),
                         [&] { return !events_.empty(); });
    }
    return {};
  }
  Result<std::string> EnsureOverlay(const orchestrator::docker::Overlay& overlay,
                                    const Stop&) override {
    const std::lock_guard lock(mutex_);
    if (away_) return Away();
    return "network-" + overlay.name;
  }

 private:
  static orchestrator::Failure Refuse(orchestrator::ErrorKind kind, const char* message) {
    return orchestrator::Failure(orchestrator::Error{kind, message});
  }
  static orchestrator::Failure Away() {
    return Refuse(orchestrator::ErrorKind::kUnavailable, "the engine is away");
  }
  static orchestrator::Failure NotFound() {
    return Refuse(orchestrator::ErrorKind::kNotFound, "no such service");
  }

  mutable std::mutex mutex_;
  std::map<std::string, Service> services_;
  std::vector<orchestrator::docker::Task> tasks_;
  std::vector<std::string> log_;
  std::vector<orchestrator::docker::Event> events_;
  std::condition_variable_any happened_;
  Counts counts_;
  std::uint64_t version_ = 0;
  int races_ = 0;
  bool away_ = false;
  bool manager_ = true;
  bool rolls_back_ = false;
  bool rewrites_ = false;
};

}  // namespace tests
