#include "orchestrator/image/step_watch.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "provider/base/pause.h"

namespace orchestrator::image {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kPause = 500ms;
constexpr std::size_t kMostNamed = 200;  // within one pause
constexpr std::size_t kMostMade = 1000;
constexpr std::string_view kMissing = "<missing>";
// Between this machine's clock and the engine's, and of its whole seconds.
constexpr std::int64_t kClockError = 3;

}  // namespace

StepWatch::StepWatch(docker::ContainerClient& containers, docker::ImageClient& images,
                     std::int64_t most_bytes, std::chrono::seconds time_limit,
                     std::stop_source cancel)
    : engine_(containers),
      images_(images),
      begin_(std::time(nullptr)),
      most_bytes_(most_bytes),
      time_limit_(time_limit),
      cancel_(std::move(cancel)),
      thread_([this](const std::stop_token& stop) { Watch(stop); }) {}

void StepWatch::Look(const EngineMessage& message) {
  const std::lock_guard lock(mutex_);
  if (!message.container.empty() && named_.size() < kMostNamed) named_.insert(message.container);
  for (const std::string& image : {message.built, message.made}) {
    if (image.empty() || made_.size() >= kMostMade) continue;
    if (made_.insert(image).second) unmeasured_.insert(image);
  }
}

std::set<std::string> StepWatch::containers() const {
  const std::lock_guard lock(mutex_);
  return named_;
}

std::string StepWatch::Finish() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  {
    const std::lock_guard lock(mutex_);
    if (!reason_.empty()) return reason_;
  }
  // Steps may have ended since the thread looked. No container of a step is left.
  written_.clear();
  MeasureImages(cancel_.get_token());
  CheckSum();
  const std::lock_guard lock(mutex_);
  return reason_;
}

std::vector<std::string> StepWatch::made_by_steps() const {
  std::vector<std::string> ids;
  ids.reserve(layers_.size());
  for (const auto& [layer, found] : layers_) ids.push_back(found.id);
  std::ranges::reverse(ids);
  return ids;
}

void StepWatch::Give(std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    reason_ = std::move(reason);
  }
  cancel_.request_stop();
}

void StepWatch::Measure(const std::string& container, const std::stop_token& stop) {
  const auto written = engine_.WrittenBytes(container, stop);
  if (written) {
    written_[container] = std::max(written_[container], *written);
  } else if (written.error().kind == ErrorKind::kNotFound) {
    // The step has ended: what it wrote is in its image, or gone.
    written_.erase(container);
    const std::lock_guard lock(mutex_);
    named_.erase(container);
  }
}

void StepWatch::MeasureImages(const std::stop_token& stop) {
  std::set<std::string> images;
  {
    const std::lock_guard lock(mutex_);
    images = unmeasured_;
  }
  for (const std::string& image : images) {
    const auto history = images_.History(image, stop);
    // What is not there was somebody's text.
    if (!history && history.error().kind != ErrorKind::kNotFound) continue;
    if (history) AddLayers(*history);
    const std::lock_guard lock(mutex_);
    unmeasured_.erase(image);
  }
}

void StepWatch::AddLayers(const std::vector<docker::Layer>& history) {
  // Counted from the bottom, a layer has the same place in all images that have it.
  std::size_t place = history.size();
  for (const docker::Layer& layer : history) {
    --place;
    if (layer.created < begin_ - kClockError) continue;
    docker::Layer& known = layers_[{layer.created, place, layer.size}];
    if (known.id.empty() || known.id == kMissing) known = layer;
  }
}

// False when the build was ended.
bool StepWatch::CheckSum() {
  std::int64_t all = 0;
  for (const auto& [container, bytes] : written_) all += bytes;
  for (const auto& [place, layer] : layers_) all += layer.size;
  if (most_bytes_ <= 0 || all <= most_bytes_) return true;
  Give(fmt::format("the steps of the build wrote {} bytes; {} are allowed", all, most_bytes_));
  return false;
}

void StepWatch::Watch(const std::stop_token& stop) {
  const auto end = Clock::now() + time_limit_;
  while (provider::Pause(stop, kPause)) {
    if (time_limit_.count() > 0 && Clock::now() >= end) {
      Give(fmt::format("the build took longer than {} s", time_limit_.count()));
      return;
    }
    std::set<std::string> named;
    std::size_t made = 0;
    {
      const std::lock_guard lock(mutex_);
      named = named_;
      made = made_.size();
    }
    if (named.size() >= kMostNamed || made >= kMostMade) {
      Give("the build's output names too many containers or images");
      return;
    }
    MeasureImages(stop);
    for (const std::string& container : named) Measure(container, stop);
    if (!CheckSum()) return;
  }
}

}  // namespace orchestrator::image
