#include "orchestrator/deploy/deployment.h"

#include <algorithm>
#include <cstdint>
#include <ctime>

#include <fmt/format.h>

#include "orchestrator/deploy/task_state.h"
#include "orchestrator/docker/timestamp.h"

namespace orchestrator::deploy {
namespace {

using docker::WholeUnixSeconds;

constexpr std::uint64_t kOutputLines = 20;
constexpr std::size_t kLongestOutput = 8 << 10;
constexpr std::int64_t kCrashMemory = 60;  // seconds
constexpr std::int64_t kSettled = 3;       // seconds

bool IsUpdating(const std::string& state) {
  return state == "updating" || state == "rollback_started" || state == "paused" ||
         state == "rollback_paused";
}

bool HasFailed(const docker::Task& task) {
  return task.state == "failed" || task.state == "rejected" || task.state == "complete";
}

std::string Describe(const docker::Task& task) {
  std::string text =
      fmt::format("task is {}: {}", task.state, task.error.empty() ? task.message : task.error);
  if (task.exit_code && !text.contains("exit")) text += fmt::format(" (exit {})", *task.exit_code);
  return text;
}

// The task that was tried last and did not run.
const docker::Task* LastFailure(const Deployment& deployment) {
  const auto found = std::ranges::find_if(deployment.tasks, HasFailed);
  return found == deployment.tasks.end() ? nullptr : &*found;
}

// Why no task runs, in the words of the task that was tried last.
std::string WhyNotRunning(const Deployment& deployment) {
  if (deployment.tasks.empty()) return "the swarm has made no task yet";
  // A pending task knows what it waits for ("no suitable node …").
  for (const docker::Task& task : deployment.tasks) {
    if (task.state != "running" && !task.error.empty()) return Describe(task);
  }
  if (const docker::Task* failure = LastFailure(deployment)) return Describe(*failure);
  return Describe(deployment.tasks.front());
}

// Networks that a service has in the engine's old place are not said of its tasks.
bool IsMadeFrom(const docker::Task& task, docker::TaskTemplate wanted) {
  wanted.networks = task.made_from.networks;
  return task.made_from == wanted;
}

// A task that has just started after others failed is no proof that the site runs.
bool IsCrashing(const Deployment& deployment, std::int64_t now) {
  const docker::Task* const failure = LastFailure(deployment);
  if (!failure || WholeUnixSeconds(failure->since) + kCrashMemory < now) return false;
  return std::ranges::none_of(deployment.tasks, [&](const docker::Task& task) {
    return task.state == "running" && WholeUnixSeconds(task.since) + kSettled <= now;
  });
}

// What was seen of a site's service and its tasks.
struct Seen {
  bool has_wanted_task = true;                    // the service is made as the record wants it
  std::size_t current_tasks = 0;                  // that run, and are made as the service is now
  const docker::Task* current_failure = nullptr;  // the last one of those made so
};

void Judge(const ReconcileStatus& status, const store::SiteRecord& record, const Seen& seen,
           Deployment& deployment) {
  const auto pending = [&](std::string reason) {
    deployment.state = DeploymentState::kPending;
    deployment.reason = std::move(reason);
  };
  if (!status.problem.empty()) return pending(status.problem);
  const bool is_settling = status.settling >= record.revision;
  if ((!status.applied || status.applied->revision < record.revision) && !is_settling) {
    return pending("waiting for its turn to be sent to the swarm");
  }
  // The swarm may as well have taken back what somebody else did.
  if (status.rolled_back ||
      (deployment.update_state == "rollback_completed" && !seen.has_wanted_task)) {
    deployment.state = DeploymentState::kRolledBack;
    deployment.reason =
        fmt::format("the swarm went back to the deployment before: {}", WhyNotRunning(deployment));
    return;
  }
  if (IsUpdating(deployment.update_state)) {
    const auto stuck = std::ranges::find_if(deployment.tasks, [](const docker::Task& task) {
      return task.desired_state == "running" && task.state != "running" && !task.error.empty();
    });
    const docker::Task* task = seen.current_failure;
    if (stuck != deployment.tasks.end()) {
      task = &*stuck;
    } else if (deployment.running_tasks < deployment.wanted_tasks) {
      task = LastFailure(deployment);
    }
    return pending(fmt::format("the swarm's update is {}{}", deployment.update_state,
                               task ? ": " + Describe(*task) : ""));
  }
  if (deployment.running_tasks < deployment.wanted_tasks) return pending(WhyNotRunning(deployment));
  if (deployment.running_tasks > deployment.wanted_tasks) {
    return pending(fmt::format("{} tasks are still to stop",
                               deployment.running_tasks - deployment.wanted_tasks));
  }
  // The swarm says nothing of an update that it was given and has not begun.
  if (seen.current_tasks < deployment.running_tasks) {
    return pending("the swarm is yet to replace the task of before");
  }
  if (deployment.wanted_tasks > 0 && IsCrashing(deployment, std::time(nullptr))) {
    return pending(
        fmt::format("it was started again just now after {}", Describe(*LastFailure(deployment))));
  }
  deployment.state = DeploymentState::kRunning;
}

// The last lines of the task that failed last.
std::string LastOutput(docker::Engine& engine, const Deployment& deployment,
                       const std::stop_token& stop) {
  const docker::Task* const failure = LastFailure(deployment);
  if (!failure || failure->state == "rejected") return {};  // it never ran
  std::string output;
  const auto read = engine.ReadTaskLog(
      failure->id, {.tail = kOutputLines, .since = {}, .follow = false},
      [&](const docker::LogLine& line) {
        output += line.text + "\n";
        return output.size() < kLongestOutput;
      },
      stop);
  if (!read) return fmt::format("(its output cannot be read: {})", read.error().message);
  return output;
}

}  // namespace

const char* Name(DeploymentState state) {
  switch (state) {
    case DeploymentState::kRunning:
      return "running";
    case DeploymentState::kPending:
      return "pending";
    case DeploymentState::kRolledBack:
      return "rolled back";
  }
  return "?";
}

Result<Deployment> Observe(docker::Engine* engine, Reconciler& reconciler,
                           const store::SiteRecord& record, const std::stop_token& stop) {
  Deployment deployment;
  const ReconcileStatus status = reconciler.StatusOf(record.site.id);
  if (record.site.kind == site::Kind::kExternal || !engine) {
    Judge(status, record, {}, deployment);
    deployment.drift = status.drift;
    return deployment;
  }
  deployment.wanted_tasks = record.site.served ? 1 : 0;
  Seen seen;
  const std::string name = site::ServiceName(record.site.id);
  const auto service = engine->FindService(name, stop);
  if (!service && service.error().kind != ErrorKind::kNotFound) return Failure(service.error());
  if (service) {
    deployment.update_state = service->update_state;
    auto tasks = engine->ListTasks(name, stop);
    if (!tasks) return Failure(tasks.error());
    deployment.tasks = *std::move(tasks);
    std::ranges::sort(deployment.tasks, std::ranges::greater{}, &docker::Task::updated_at);
    const auto has_wanted_task = reconciler.HasWantedTask(record, *service, stop);
    if (!has_wanted_task) return Failure(has_wanted_task.error());
    seen.has_wanted_task = *has_wanted_task;
    const std::int64_t now = std::time(nullptr);
    for (const docker::Task& task : deployment.tasks) {
      const bool is_current = IsMadeFrom(task, service->spec.task);
      if (is_current && !seen.current_failure && HasFailed(task)) seen.current_failure = &task;
      if (!Runs(task, now)) continue;
      ++deployment.running_tasks;
      if (is_current) ++seen.current_tasks;
    }
  }
  Judge(status, record, seen, deployment);
  deployment.drift = status.drift;
  if (deployment.state != DeploymentState::kRunning) {
    deployment.output = LastOutput(*engine, deployment, stop);
  }
  const bool is_applied = status.applied && status.applied->revision >= record.revision;
  const bool stays_away = is_applied && status.problem.empty() && !status.drift.empty();
  if (!service && (deployment.state == DeploymentState::kRunning || stays_away)) {
    deployment.state = DeploymentState::kPending;
    deployment.reason = status.drift.empty() ? "the service is gone and will be made again"
                                             : fmt::format("there is no service: {}", status.drift);
  }
  return deployment;
}

}  // namespace orchestrator::deploy
