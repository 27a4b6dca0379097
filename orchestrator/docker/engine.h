#pragma once

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

  // Services that have the label `label`, whatever its value.
  virtual Result<std::vector<Service>> ListServices(std::string_view label,
                                                    const std::stop_token& stop) = 0;
  virtual Result<Service> FindService(std::string_view name, const std::stop_token& stop) = 0;
  virtual Result<void> CreateService(const ServiceSpec& spec, const std::stop_token& stop) = 0;

  // Makes `current` into `wanted`, keeping every field that types.h does not know. A template that
  // is the same already is sent back untouched, so that no task is replaced.
  virtual Result<void> UpdateService(const Service& current, const ServiceSpec& wanted,
                                     const std::stop_token& stop) = 0;
  virtual Result<void> RemoveService(std::string_view name, const std::stop_token& stop) = 0;

  // All tasks of one service, past ones included as far as the swarm keeps them.
  virtual Result<std::vector<Task>> ListTasks(std::string_view service_name,
                                              const std::stop_token& stop) = 0;

  // The id of the attachable overlay network `name`, which is made where it is missing.
  virtual Result<std::string> EnsureOverlay(std::string_view name, const std::stop_token& stop) = 0;
};

}  // namespace orchestrator::docker
