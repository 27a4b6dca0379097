#include "orchestrator/deploy/drift.h"

#include <fmt/format.h>

namespace orchestrator::deploy {

std::vector<std::string> Differences(const docker::ServiceSpec& seen,
                                     const docker::ServiceSpec& wanted) {
  std::vector<std::string> parts;
  const auto check = [&](const char* part, const auto& a, const auto& b) {
    if (a != b) parts.emplace_back(part);
  };
  for (const auto& [key, value] : wanted.labels) {
    const auto found = seen.labels.find(key);
    if (found == seen.labels.end() || found->second != value) {
      parts.push_back(fmt::format("label {}", key));
    }
  }
  for (const auto& [key, value] : seen.labels) {
    if (!wanted.labels.contains(key)) parts.push_back(fmt::format("label {}", key));
  }
  check("replicas", seen.replicas, wanted.replicas);
  check("endpoint mode", seen.endpoint_mode, wanted.endpoint_mode);
  check("update policy", seen.update, wanted.update);
  check("rollback policy", seen.rollback, wanted.rollback);
  const docker::TaskTemplate& a = seen.task;
  const docker::TaskTemplate& b = wanted.task;
  check("image", a.image, b.image);
  check("command", a.command, b.command);
  check("arguments", a.arguments, b.arguments);
  check("container labels", a.container_labels, b.container_labels);
  check("environment", a.environment, b.environment);
  check("working directory", a.working_directory, b.working_directory);
  check("user", a.user, b.user);
  check("init", a.init, b.init);
  check("read-only root", a.read_only_root, b.read_only_root);
  check("mounts", a.mounts, b.mounts);
  check("stop signal", a.stop_signal, b.stop_signal);
  check("stop grace period", a.stop_grace_period, b.stop_grace_period);
  check("cpu limit", a.nano_cpus, b.nano_cpus);
  check("memory limit", a.memory_bytes, b.memory_bytes);
  check("restart policy", a.restart, b.restart);
  check("log driver", a.log_driver, b.log_driver);
  check("log options", a.log_options, b.log_options);
  check("networks", a.networks, b.networks);
  check("health check", a.health_check, b.health_check);
  return parts;
}

}  // namespace orchestrator::deploy
