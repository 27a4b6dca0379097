#include "orchestrator/image/step_watch.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace orchestrator::image {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kPause = 500ms;
constexpr std::size_t kMostNamed = 200;  // within one pause
constexpr std::size_t kIdSize = 12;
constexpr std::string_view kRunning = " ---> Running in ";

}  // namespace

std::string ContainerOf(std::string_view message) {
  const auto value = nlohmann::json::parse(message, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return {};
  const auto stream = value.find("stream");
  if (stream == value.end() || !stream->is_string()) return {};
  const auto text = stream->get<std::string>();
  if (!text.starts_with(kRunning)) return {};
  std::string id = text.substr(kRunning.size());
  while (!id.empty() && id.back() == '\n') id.pop_back();
  // Anything shorter might be a name, or the beginning of many ids.
  const bool good =
      id.size() == kIdSize && id.find_first_not_of("0123456789abcdef") == std::string::npos;
  return good ? id : std::string();
}

StepWatch::StepWatch(docker::ContainerClient& containers, std::int64_t most_bytes,
                     std::chrono::seconds time_limit, std::stop_source cancel)
    : engine_(containers),
      most_bytes_(most_bytes),
      time_limit_(time_limit),
      cancel_(std::move(cancel)),
      thread_([this](const std::stop_token& stop) { Watch(stop); }) {}

void StepWatch::Look(std::string_view message) {
  std::string container = ContainerOf(message);
  if (container.empty()) return;
  const std::lock_guard lock(mutex_);
  if (named_.size() < kMostNamed) named_.insert(std::move(container));
}

std::set<std::string> StepWatch::containers() const {
  const std::lock_guard lock(mutex_);
  return named_;
}

std::string StepWatch::Finish() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  return reason_;
}

void StepWatch::Give(std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    reason_ = std::move(reason);
  }
  cancel_.request_stop();
}

// False when the build was ended.
bool StepWatch::Measure(const std::string& container, const std::stop_token& stop) {
  const auto written = engine_.WrittenBytes(container, stop);
  if (!written && written.error().kind == ErrorKind::kNotFound) {  // the step has ended
    const std::lock_guard lock(mutex_);
    named_.erase(container);
  }
  if (!written) return true;
  written_[container] = std::max(written_[container], *written);
  std::int64_t all = 0;
  for (const auto& [step, bytes] : written_) all += bytes;
  if (most_bytes_ <= 0 || all <= most_bytes_) return true;
  Give(fmt::format("the steps of the build wrote {} bytes; {} are allowed", all, most_bytes_));
  return false;
}

void StepWatch::Watch(const std::stop_token& stop) {
  const auto end = Clock::now() + time_limit_;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    changed_.wait_for(lock, stop, kPause, [] { return false; });
    const std::set<std::string> named = named_;
    lock.unlock();
    if (stop.stop_requested()) return;
    if (time_limit_.count() > 0 && Clock::now() >= end) {
      Give(fmt::format("the build took longer than {} s", time_limit_.count()));
      return;
    }
    if (named.size() >= kMostNamed) {
      Give("the build's output names too many containers");
      return;
    }
    for (const std::string& container : named) {
      if (!Measure(container, stop)) return;
    }
    lock.lock();
  }
}

}  // namespace orchestrator::image
