#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/docker/types.h"
#include "orchestrator/error.h"

namespace orchestrator::docker {

// A Docker engine that manages a swarm. Calls block until the engine answers, their time limit is
// over (kUnavailable) or `stop` is requested (kCancelled). Thread-safe.
//
// Errors keep apart what callers treat differently: kNotFound, kConflict, kOutOfSequence (someone
// else updated the service since it was read), kUnavailable, kInvalid (the engine refuses the
// request).
class Engine {
 public:
  virtual ~Engine() = default;

  virtual Result<EngineInfo> Info(const std::stop_token& stop) = 0;

  // The services whose names begin with `prefix`; all where it is empty.
  virtual Result<std::vector<Service>> ListServices(std::string_view prefix,
                                                    const std::stop_token& stop) = 0;

  // The services with these ids, as far as they are there, by one call for a hundred.
  virtual Result<std::vector<Service>> ListServicesById(std::span<const std::string> ids,
                                                        const std::stop_token& stop) = 0;
  virtual Result<Service> FindService(std::string_view name, const std::stop_token& stop) = 0;
  virtual Result<void> CreateService(const ServiceSpec& spec, const std::stop_token& stop) = 0;

  // Makes `current` into `wanted`, keeping every field that types.h does not know. A template that
  // is the same already is sent back untouched, so that no task is replaced.
  virtual Result<void> UpdateService(const Service& current, const ServiceSpec& wanted,
                                     const std::stop_token& stop) = 0;
  virtual Result<void> RemoveService(std::string_view name, const std::stop_token& stop) = 0;

  // All tasks of one service, with what they were made from, past ones included as far as the swarm
  // keeps them.
  virtual Result<std::vector<Task>> ListTasks(std::string_view service_name,
                                              const std::stop_token& stop) = 0;

  // The tasks of all services that have the label `label`, by one call.
  virtual Result<std::vector<Task>> ListTasksOfAll(std::string_view label,
                                                   const std::stop_token& stop) = 0;

  // The same without those that have ended or are to end.
  virtual Result<std::vector<Task>> ListWantedTasksOfAll(std::string_view label,
                                                         const std::stop_token& stop) = 0;

  // Gives the lines of all tasks of a service, or of one task, to the sink until it says false,
  // all are given, or (following) `stop` is requested.
  using LogSink = std::function<bool(const LogLine&)>;
  virtual Result<void> ReadServiceLog(std::string_view service_name, const LogQuery& query,
                                      const LogSink& sink, const std::stop_token& stop) = 0;
  virtual Result<void> ReadTaskLog(std::string_view task_id, const LogQuery& query,
                                   const LogSink& sink, const std::stop_token& stop) = 0;

  // Gives what happened to services since that time, and what happens from now on, to the sink.
  // Returns when the engine goes away (an error) or `stop` is requested.
  virtual Result<void> FollowServices(std::chrono::system_clock::time_point since,
                                      const std::function<void(const Event&)>& sink,
                                      const std::stop_token& stop) = 0;

  // The id of this network, which is made where there is none with its name.
  virtual Result<std::string> EnsureOverlay(const Overlay& overlay,
                                            const std::stop_token& stop) = 0;
};

}  // namespace orchestrator::docker
