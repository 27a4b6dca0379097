#include "orchestrator/deploy/task_state.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "orchestrator/docker/timestamp.h"

namespace orchestrator::deploy {
namespace {

constexpr std::int64_t kStopTime = 45;        // seconds: longer than a task may take to stop
constexpr std::int64_t kLongestUpdate = 600;  // seconds

bool IsHeardOf(const docker::Task& task, std::int64_t now) {
  return task.desired_state == "running" ||
         docker::WholeUnixSeconds(task.updated_at) + kStopTime >= now;
}

}  // namespace

bool Runs(const docker::Task& task, std::int64_t now) {
  return task.state == "running" && IsHeardOf(task, now);
}

bool MayRun(const docker::Task& task, std::int64_t now) {
  static constexpr std::array<std::string_view, 6> kEnds{"complete", "shutdown", "failed",
                                                         "rejected", "remove",   "orphaned"};
  return std::ranges::find(kEnds, task.state) == kEnds.end() && IsHeardOf(task, now);
}

bool HasUnsettledUpdate(const docker::Service& service) {
  return !service.update_state.empty() && service.update_state != "completed";
}

bool ReplacesTasks(const docker::Service& service, std::int64_t now) {
  return (service.update_state == "updating" || service.update_state == "rollback_started") &&
         docker::WholeUnixSeconds(service.update_started_at) + kLongestUpdate >= now;
}

}  // namespace orchestrator::deploy
