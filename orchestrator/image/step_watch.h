#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "orchestrator/docker/container_client.h"

namespace orchestrator::image {

// Ends a build that takes too long, or one of whose steps writes too much. Reads the engine's
// messages to know which container is running ("Running in 0123456789ab").
class StepWatch {
 public:
  // `cancel` is what ends the build. A limit of 0 is none.
  StepWatch(docker::ContainerClient& containers, std::int64_t most_bytes,
            std::chrono::seconds time_limit, std::stop_source cancel);

  // A message of the engine.
  void Look(std::string_view message);

  // Ends the watch. Why it cancelled the build, or an empty text.
  std::string Finish();

 private:
  void Watch(const std::stop_token& stop);
  void Give(std::string reason);

  docker::ContainerClient& containers_;
  const std::int64_t most_bytes_;
  const std::chrono::seconds time_limit_;
  std::stop_source cancel_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string container_;  // guarded by mutex_
  std::string reason_;     // guarded by mutex_
  std::jthread thread_;
};

// The container of a step that a message tells of, or an empty text.
std::string ContainerOf(std::string_view message);

}  // namespace orchestrator::image
