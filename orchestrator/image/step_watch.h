#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "orchestrator/docker/container_client.h"
#include "orchestrator/docker/image_client.h"

namespace orchestrator::image {

// Ends a build that takes too long, or whose steps write too much, those that have ended included.
// Reads the engine's messages to know which containers run ("Running in 0123456789ab") and which
// images their steps made ("---> 0123456789ab"). What a step prints looks the same, so every
// container that is named is measured as long as it is there, and none is trusted to be the build's
// own; of images only what is younger than the build counts.
class StepWatch {
 public:
  // `cancel` is what ends the build. A limit of 0 is none.
  StepWatch(docker::ContainerClient& containers, docker::ImageClient& images,
            std::int64_t most_bytes, std::chrono::seconds time_limit, std::stop_source cancel);

  // A message of the engine.
  void Look(std::string_view message);

  // Ends the watch with a last look. Why the build is not good, or an empty text.
  std::string Finish();

  // The containers that were named and, when they were last looked at, were still there.
  std::set<std::string> containers() const;

 private:
  void Watch(const std::stop_token& stop);
  bool LookAt(const std::set<std::string>& containers, const std::set<std::string>& images,
              const std::stop_token& stop);
  void Measure(const std::string& container, const std::stop_token& stop);
  void MeasureImage(const std::string& image, const std::stop_token& stop);
  void Give(std::string reason);

  docker::ContainerClient& engine_;
  docker::ImageClient& images_;
  const std::int64_t begin_;  // Unix time in seconds
  const std::int64_t most_bytes_;
  const std::chrono::seconds time_limit_;
  std::stop_source cancel_;
  mutable std::mutex mutex_;
  std::set<std::string> named_;                  // guarded by mutex_
  std::set<std::string> made_;                   // guarded by mutex_: images not yet measured
  std::map<std::string, std::int64_t> written_;  // by container; of the thread
  std::map<std::string, std::int64_t> layers_;  // of steps that have ended, by image; of the thread
  std::string reason_;                          // guarded by mutex_
  std::jthread thread_;
};

// The container of a step that a message tells of, or an empty text.
std::string ContainerOf(std::string_view message);

// The image that a step made, of which a message tells; or an empty text.
std::string ImageOf(std::string_view message);

}  // namespace orchestrator::image
