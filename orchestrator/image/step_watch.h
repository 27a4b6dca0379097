#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "orchestrator/docker/container_client.h"

namespace orchestrator::image {

// Ends a build that takes too long, or one of whose steps writes too much. Reads the engine's
// messages to know which containers run ("Running in 0123456789ab"). What a step prints looks the
// same, so every container that is named is measured as long as it is there, and none is trusted to
// be the build's own.
class StepWatch {
 public:
  // `cancel` is what ends the build. A limit of 0 is none.
  StepWatch(docker::ContainerClient& containers, std::int64_t most_bytes,
            std::chrono::seconds time_limit, std::stop_source cancel);

  // A message of the engine.
  void Look(std::string_view message);

  // Ends the watch. Why it cancelled the build, or an empty text.
  std::string Finish();

  // The containers that were named and, when they were last looked at, were still there.
  std::set<std::string> containers() const;

 private:
  void Watch(const std::stop_token& stop);
  bool Measure(const std::string& container, const std::stop_token& stop);
  void Give(std::string reason);

  docker::ContainerClient& engine_;
  const std::int64_t most_bytes_;
  const std::chrono::seconds time_limit_;
  std::stop_source cancel_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<std::string> named_;                  // guarded by mutex_
  std::map<std::string, std::int64_t> written_;  // by container; of the thread
  std::string reason_;                           // guarded by mutex_
  std::jthread thread_;
};

// The container of a step that a message tells of, or an empty text.
std::string ContainerOf(std::string_view message);

}  // namespace orchestrator::image
