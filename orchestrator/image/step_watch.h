#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "orchestrator/docker/container_client.h"
#include "orchestrator/docker/image_client.h"
#include "orchestrator/image/engine_message.h"

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

  void Look(const EngineMessage& message);

  // Ends the watch with a last look. Why the build is not good, or an empty text.
  std::string Finish();

  // The ids of what steps made, as far as the engine tells, the newest first. After Finish.
  std::vector<std::string> made_by_steps() const;

  // The containers that were named and, when they were last looked at, were still there.
  std::set<std::string> containers() const;

 private:
  void Watch(const std::stop_token& stop);
  void Measure(const std::string& container, const std::stop_token& stop);
  void MeasureImages(const std::stop_token& stop);
  void AddLayers(const std::vector<docker::Layer>& history);
  bool CheckSum();
  void Give(std::string reason);

  docker::ContainerClient& engine_;
  docker::ImageClient& images_;
  const std::int64_t begin_;  // Unix time in seconds
  const std::int64_t most_bytes_;
  const std::chrono::seconds time_limit_;
  std::stop_source cancel_;
  mutable std::mutex mutex_;
  std::set<std::string> named_;                  // guarded by mutex_
  std::set<std::string> made_;                   // guarded by mutex_: images
  std::set<std::string> unmeasured_;             // guarded by mutex_: of these
  std::map<std::string, std::int64_t> written_;  // by container; of the thread, then of Finish
  // Of steps that have ended, by age, place in the image and size; as written_.
  std::map<std::tuple<std::int64_t, std::size_t, std::int64_t>, docker::Layer> layers_;
  std::string reason_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace orchestrator::image
