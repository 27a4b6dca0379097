#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orchestrator/api/log_cursor.h"
#include "orchestrator/docker/engine.h"
#include "orchestrator/docker/timestamp.h"

namespace tests {

// An engine that has the log of one service, with lines as the nodes of their tasks send them.
// Thread-safe.
class LogEngine final : public orchestrator::docker::Engine {
 public:
  template <typename T>
  using Result = orchestrator::Result<T>;
  using Error = orchestrator::Error;
  using LogLine = orchestrator::docker::LogLine;
  using Stop = std::stop_token;

  void Write(const std::string& task, const std::string& time, const std::string& text) {
    const std::lock_guard lock(mutex_);
    lines_.push_back({.time = time, .task_id = task, .text = text});
    changed_.notify_all();
  }
  // Ends what is being read, and refuses the log from now on; or gives it again.
  void Refuse(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(error);
    changed_.notify_all();
  }
  // Readers that follow the log at this moment.
  int followers() const {
    const std::lock_guard lock(mutex_);
    return followers_;
  }

  Result<void> ReadServiceLog(std::string_view, const orchestrator::docker::LogQuery& query,
                              const LogSink& sink, const Stop& stop) override {
    using orchestrator::api::ParseUnixSeconds;
    const auto since = ParseUnixSeconds(query.since);
    std::unique_lock lock(mutex_);
    followers_ += query.follow ? 1 : 0;
    Result<void> result;
    for (std::size_t next = 0; !stop.stop_requested();) {
      if (refusal_) {
        result = orchestrator::Failure(*refusal_);
        break;
      }
      if (next == lines_.size()) {
        if (!query.follow) break;
        changed_.wait(lock, stop, [&] { return refusal_ || next < lines_.size(); });
        continue;
      }
      const LogLine line = lines_[next++];
      const auto time = ParseUnixSeconds(orchestrator::docker::ToUnixSeconds(line.time).value());
      if (since && *time < *since) continue;
      lock.unlock();
      const bool wanted = sink(line);
      lock.lock();
      if (!wanted) break;
    }
    followers_ -= query.follow ? 1 : 0;
    return result;
  }

  Result<orchestrator::docker::EngineInfo> Info(const Stop&) override { return None(); }
  Result<std::vector<orchestrator::docker::Service>> ListServices(std::string_view,
                                                                  const Stop&) override {
    return None();
  }
  Result<std::vector<orchestrator::docker::Service>> ListServicesById(std::span<const std::string>,
                                                                      const Stop&) override {
    return None();
  }
  Result<orchestrator::docker::Service> FindService(std::string_view, const Stop&) override {
    return None();
  }
  Result<void> CreateService(const orchestrator::docker::ServiceSpec&, const Stop&) override {
    return None();
  }
  Result<void> UpdateService(const orchestrator::docker::Service&,
                             const orchestrator::docker::ServiceSpec&, const Stop&) override {
    return None();
  }
  Result<void> RemoveService(std::string_view, const Stop&) override { return None(); }
  Result<std::vector<orchestrator::docker::Task>> ListTasks(std::string_view,
                                                            const Stop&) override {
    return None();
  }
  Result<std::vector<orchestrator::docker::Task>> ListTasksOfAll(std::string_view,
                                                                 const Stop&) override {
    return None();
  }
  Result<std::vector<orchestrator::docker::Task>> ListWantedTasksOfAll(std::string_view,
                                                                       const Stop&) override {
    return None();
  }
  Result<void> ReadTaskLog(std::string_view, const orchestrator::docker::LogQuery&, const LogSink&,
                           const Stop&) override {
    return None();
  }
  Result<void> FollowServices(std::chrono::system_clock::time_point,
                              const std::function<void(const orchestrator::docker::Event&)>&,
                              const Stop&) override {
    return None();
  }
  Result<std::string> EnsureOverlay(const orchestrator::docker::Overlay&, const Stop&) override {
    return None();
  }

 private:
  static orchestrator::Failure None() {
    return orchestrator::Failure(Error{orchestrator::ErrorKind::kInternal, "no such call here"});
  }

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<LogLine> lines_;    // guarded by mutex_
  std::optional<Error> refusal_;  // guarded by mutex_
  int followers_ = 0;             // guarded by mutex_
};

}  // namespace tests
