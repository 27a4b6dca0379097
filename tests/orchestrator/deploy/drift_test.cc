#include "orchestrator/deploy/drift.h"

#include <functional>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::deploy {
namespace {

using docker::ServiceSpec;

TEST_CASE("Every part that differs is named, and no other") {
  struct Case {
    const char* part;
    std::function<void(ServiceSpec&)> change;
  };
  const Case cases[] = {
      {"label a", [](ServiceSpec& s) { s.labels["a"] = "2"; }},
      {"label a", [](ServiceSpec& s) { s.labels.erase("a"); }},
      {"label b", [](ServiceSpec& s) { s.labels["b"] = "1"; }},
      {"replicas", [](ServiceSpec& s) { s.replicas = 5; }},
      {"endpoint mode", [](ServiceSpec& s) { s.endpoint_mode = "dnsrr"; }},
      {"update policy", [](ServiceSpec& s) { s.update.parallelism = 2; }},
      {"rollback policy", [](ServiceSpec& s) { s.rollback.order = "x"; }},
      {"image", [](ServiceSpec& s) { s.task.image = "x"; }},
      {"command", [](ServiceSpec& s) { s.task.command = {"x"}; }},
      {"container labels", [](ServiceSpec& s) { s.task.container_labels["x"] = ""; }},
      {"environment", [](ServiceSpec& s) { s.task.environment = {"x=1"}; }},
      {"working directory", [](ServiceSpec& s) { s.task.working_directory = "/x"; }},
      {"user", [](ServiceSpec& s) { s.task.user = "x"; }},
      {"init", [](ServiceSpec& s) { s.task.init = true; }},
      {"read-only root", [](ServiceSpec& s) { s.task.read_only_root = true; }},
      {"mounts", [](ServiceSpec& s) { s.task.mounts.emplace_back(); }},
      {"stop grace period",
       [](ServiceSpec& s) { s.task.stop_grace_period = std::chrono::seconds(9); }},
      {"stop signal", [](ServiceSpec& s) { s.task.stop_signal = "SIGINT"; }},
      {"cpu limit", [](ServiceSpec& s) { s.task.nano_cpus = 1; }},
      {"memory limit", [](ServiceSpec& s) { s.task.memory_bytes = 1; }},
      {"restart policy", [](ServiceSpec& s) { s.task.restart.max_attempts = 1; }},
      {"log driver", [](ServiceSpec& s) { s.task.log_driver = "x"; }},
      {"log options", [](ServiceSpec& s) { s.task.log_options["x"] = ""; }},
      {"networks", [](ServiceSpec& s) { s.task.networks = {"x"}; }},
  };
  ServiceSpec wanted;
  wanted.labels = {{"a", "1"}};
  CHECK(Differences(wanted, wanted).empty());
  for (const Case& c : cases) {
    INFO(c.part);
    ServiceSpec seen = wanted;
    c.change(seen);
    CHECK(Differences(seen, wanted) == std::vector<std::string>{c.part});
  }
}

}  // namespace
}  // namespace orchestrator::deploy
