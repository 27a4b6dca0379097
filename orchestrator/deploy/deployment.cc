#include "orchestrator/deploy/deployment.h"

#include <algorithm>

#include <fmt/format.h>

namespace orchestrator::deploy {
namespace {

bool IsUpdating(const std::string& state) {
  return state == "updating" || state == "rollback_started" || state == "paused" ||
         state == "rollback_paused";
}

// Why no task runs, in the words of the task that was tried last.
std::string WhyNotRunning(const Deployment& deployment) {
  for (const docker::Task& task : deployment.tasks) {
    if (task.state == "running") continue;
    if (!task.error.empty()) return fmt::format("task is {}: {}", task.state, task.error);
  }
  if (deployment.tasks.empty()) return "the swarm has made no task yet";
  return fmt::format("task is {}: {}", deployment.tasks.front().state,
                     deployment.tasks.front().message);
}

void Judge(const ReconcileStatus& status, const store::SiteRecord& record, Deployment& deployment) {
  const auto pending = [&](std::string reason) {
    deployment.state = DeploymentState::kPending;
    deployment.reason = std::move(reason);
  };
  if (!status.problem.empty()) return pending(status.problem);
  if (!status.applied || status.applied->revision < record.revision) {
    return pending("waiting for its turn to be sent to the swarm");
  }
  if (status.rolled_back || deployment.update_state == "rollback_completed") {
    deployment.state = DeploymentState::kRolledBack;
    deployment.reason = WhyNotRunning(deployment);
    return;
  }
  if (IsUpdating(deployment.update_state))
    return pending("the swarm's update is " + deployment.update_state);
  if (deployment.running_tasks < deployment.wanted_tasks) return pending(WhyNotRunning(deployment));
  if (deployment.running_tasks > deployment.wanted_tasks) {
    return pending(fmt::format("{} tasks are still to stop",
                               deployment.running_tasks - deployment.wanted_tasks));
  }
  deployment.state = DeploymentState::kRunning;
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

Result<Deployment> Observe(docker::Engine* engine, const Reconciler& reconciler,
                           const store::SiteRecord& record, const std::stop_token& stop) {
  Deployment deployment;
  const ReconcileStatus status = reconciler.StatusOf(record.site.id);
  if (record.site.kind == site::Kind::kExternal || !engine) {
    Judge(status, record, deployment);
    return deployment;
  }
  deployment.wanted_tasks = record.site.served ? 1 : 0;
  const std::string name = site::ServiceName(record.site.id);
  const auto service = engine->FindService(name, stop);
  if (!service && service.error().kind != ErrorKind::kNotFound) return Failure(service.error());
  if (service) {
    deployment.update_state = service->update_state;
    auto tasks = engine->ListTasks(name, stop);
    if (!tasks) return Failure(tasks.error());
    deployment.tasks = *std::move(tasks);
    std::ranges::sort(deployment.tasks, std::ranges::greater{}, &docker::Task::updated_at);
    deployment.running_tasks = static_cast<std::size_t>(std::ranges::count_if(
        deployment.tasks, [](const docker::Task& task) { return task.state == "running"; }));
  }
  Judge(status, record, deployment);
  if (!service && deployment.state == DeploymentState::kRunning) {
    deployment.state = DeploymentState::kPending;
    deployment.reason = "the service is gone and will be made again";
  }
  return deployment;
}

}  // namespace orchestrator::deploy
