#include "orchestrator/deploy/deployment.h"

#include <ctime>
#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/chrono.h>

#include "tests/orchestrator/deploy/fake_engine.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using tests::MakeRecord;
using tests::MakeSite;

docker::Task MakeTask(const std::string& state, const std::string& error = {},
                      const std::string& at = "2026-01-01T00:00:00Z") {
  docker::Task task;
  task.state = state;
  task.desired_state = "running";
  task.error = error;
  task.message = "m";
  task.updated_at = at;
  return task;
}

docker::Task TaskOfBefore() {
  docker::Task task = MakeTask("running");
  task.made_from.image = "before";
  return task;
}

// A site that was brought to a fake swarm.
class Fixture {
 public:
  Fixture() {
    store.Put({MakeRecord(MakeSite(1))});
    RoutingHooks hooks;
    hooks.labels = [](const store::SiteRecord&) { return docker::Labels{}; };
    hooks.owns_label = [](std::string_view, site::SiteId) { return false; };
    hooks.is_unused = [](const store::SiteRecord&, bool) { return true; };
    ReconcilerOptions options;
    options.service = {folder.path() / "sites", "d", "s", "vip", "UTC"};
    options.resync_period = 1h;
    reconciler = std::make_unique<Reconciler>(*store, &engine, hooks, options);
    REQUIRE(tests::Eventually([&] { return reconciler->StatusOf({1}).applied.has_value(); }));
  }

  Deployment Look() { return Observe(&engine, *reconciler, *store.Find(1), {}).value(); }

  tests::TemporaryDirectory folder;
  tests::TestStore store;
  tests::FakeEngine engine;
  std::unique_ptr<Reconciler> reconciler;
};

TEST_CASE("A deployment is running only when what is wanted is what runs") {
  struct Case {
    const char* sentence;
    std::string update_state;
    std::vector<docker::Task> tasks;
    DeploymentState state;
    std::string reason;
    bool is_wanted = true;  // what the service is made as
  };
  const Case cases[] = {
      {"should wait for the first task", "", {}, DeploymentState::kPending, "no task yet"},
      {"should wait for a task that starts",
       "",
       {MakeTask("preparing")},
       DeploymentState::kPending,
       "task is preparing: m"},
      {"should tell why a task fails",
       "",
       {MakeTask("rejected", "No such image")},
       DeploymentState::kPending,
       "No such image"},
      {"should wait for the swarm's update",
       "updating",
       {MakeTask("running")},
       DeploymentState::kPending,
       "updating"},
      {"should tell why the task that an update made has failed, though the one before runs",
       "updating",
       {TaskOfBefore(), MakeTask("rejected", "bind source path does not exist: /x")},
       DeploymentState::kPending,
       "bind source path does not exist"},
      {"should wait for tasks that are to stop",
       "",
       {MakeTask("running"), MakeTask("running")},
       DeploymentState::kPending,
       "still to stop"},
      {"should know a roll back",
       "rollback_completed",
       {MakeTask("running"), MakeTask("failed", "exit (1)")},
       DeploymentState::kRolledBack,
       "exit (1)",
       false},
      {"should not call the site rolled back when the swarm took back what somebody else did",
       "rollback_completed",
       {MakeTask("running")},
       DeploymentState::kRunning,
       ""},
      {"should wait while the task of before is all that runs",
       "",
       {TaskOfBefore()},
       DeploymentState::kPending,
       "yet to replace"},
      {"should run",
       "completed",
       {MakeTask("running"), MakeTask("shutdown")},
       DeploymentState::kRunning,
       ""},
  };
  Fixture fixture;
  for (const Case& c : cases) {
    INFO(c.sentence);
    fixture.engine.SetTasks(c.tasks);
    fixture.engine.Change("site_0001", [&](docker::Service& service) {
      service.update_state = c.update_state;
      service.spec.task.image = c.is_wanted ? "d" : "before";
    });
    const Deployment deployment = fixture.Look();
    CHECK(deployment.state == c.state);
    CHECK_THAT(deployment.reason, ContainsSubstring(c.reason));
  }
}

std::string Ago(int seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::time(nullptr) - seconds));
}

TEST_CASE("A task that was told to stop is waited for, but not for ever") {
  Fixture fixture;
  docker::Task old = MakeTask("running", {}, Ago(20));
  old.desired_state = "shutdown";
  fixture.engine.SetTasks({MakeTask("running"), old});
  CHECK_THAT(fixture.Look().reason, ContainsSubstring("still to stop"));
  // The engine was restarted in between: the swarm never hears of it again.
  old.updated_at = Ago(60);
  fixture.engine.SetTasks({MakeTask("running"), old});
  CHECK(fixture.Look().state == DeploymentState::kRunning);
  CHECK(fixture.Look().running_tasks == 1);
}

TEST_CASE("A task that has just started after another failed is no proof that the site runs") {
  Fixture fixture;
  docker::Task failed = MakeTask("failed", "task: non-zero exit (3)");
  docker::Task running = MakeTask("running");
  failed.since = Ago(2);
  running.since = Ago(1);
  fixture.engine.SetTasks({failed, running});
  fixture.engine.SetLog({"Traceback", "ValueError"});
  const Deployment crashing = fixture.Look();
  CHECK(crashing.state == DeploymentState::kPending);
  CHECK_THAT(crashing.reason, ContainsSubstring("non-zero exit (3)"));
  CHECK(crashing.output == "Traceback\nValueError\n");

  running.since = Ago(5);
  failed.since = Ago(10);
  fixture.engine.SetTasks({failed, running});
  CHECK(fixture.Look().state == DeploymentState::kRunning);
  CHECK(fixture.Look().output.empty());
}

TEST_CASE("An engine that is away is an error, not a state") {
  Fixture fixture;
  fixture.engine.SetAway(true);
  const auto deployment = Observe(&fixture.engine, *fixture.reconciler, *fixture.store.Find(1), {});
  REQUIRE_FALSE(deployment.has_value());
  CHECK(deployment.error().kind == ErrorKind::kUnavailable);
}

TEST_CASE("The newest task comes first") {
  Fixture fixture;
  fixture.engine.SetTasks({MakeTask("failed", "old", "2026-01-01T00:00:00Z"),
                           MakeTask("failed", "new", "2026-01-02T00:00:00Z")});
  const Deployment deployment = fixture.Look();
  CHECK(deployment.tasks.at(0).error == "new");
  CHECK_THAT(deployment.reason, ContainsSubstring("new"));
}

}  // namespace
}  // namespace orchestrator::deploy
