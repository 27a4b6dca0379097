// The Docker client against a real engine.
#include "orchestrator/docker/engine_client.h"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "orchestrator/deploy/service_spec.h"
#include "orchestrator/docker/codec.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/engine.h"
#include "tests/support/eventually.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using orchestrator::ErrorKind;
using namespace orchestrator::docker;

ServiceSpec SmallService(const std::string& name, const std::string& network) {
  ServiceSpec spec;
  spec.name = name;
  spec.labels = {{"orchestrator.site", "1"}};
  spec.task.image = Engine::BaseImage();
  spec.task.command = {"sleep", "1000"};
  spec.task.environment = {"A=b"};
  spec.task.init = true;
  spec.task.stop_grace_period = 1s;
  spec.task.nano_cpus = 100'000'000;
  spec.task.memory_bytes = 20 << 20;
  spec.task.restart.delay = 5s;
  spec.task.log_driver = "json-file";
  spec.task.networks = {network};
  Mount mount;
  mount.type = Mount::Type::kTmpfs;
  mount.target = "/tmp";
  mount.tmpfs_bytes = 1'000'000;
  mount.tmpfs_mode = 01777;
  spec.task.mounts = {mount};
  spec.update = {.parallelism = 1,
                 .delay = 1s,
                 .failure_action = "rollback",
                 .monitor = 5s,
                 .order = "stop-first"};
  spec.rollback = spec.update;
  spec.rollback.failure_action = "pause";
  spec.endpoint_mode = "dnsrr";
  return spec;
}

struct Fixture {
  provider::http::Client client;
  EngineClient engine{client, *EngineAddress::Parse(Engine::Host())};
  std::string name = fmt::format("site_{:04}", 7001);
  ~Fixture() { Engine::RemoveSites(); }
};

TEST_CASE("an engine is negotiated with and says that it manages a swarm") {
  Fixture fixture;
  const auto info = fixture.engine.Info({});
  REQUIRE(info);
  CHECK(info->swarm_manager);
  CHECK(info->api_version.starts_with("1."));
}

TEST_CASE("a service is read back as it was made, field by field") {
  Fixture fixture;
  const auto network = fixture.engine.EnsureOverlay({"orchestrator-tests"}, {});
  REQUIRE(network);
  CHECK(*fixture.engine.EnsureOverlay({"orchestrator-tests"}, {}) == *network);
  const ServiceSpec spec = SmallService(fixture.name, *network);
  REQUIRE(fixture.engine.CreateService(spec, {}));
  const auto service = fixture.engine.FindService(fixture.name, {});
  REQUIRE(service);
  CHECK(service->spec == spec);
  const auto listed = fixture.engine.ListServices(fixture.name, {});
  REQUIRE(listed);
  CHECK(listed->size() == 1);
}

TEST_CASE("a service for labels alone is read back as it was made") {
  Fixture fixture;
  const auto network = fixture.engine.EnsureOverlay({"orchestrator-tests"}, {});
  REQUIRE(network);
  orchestrator::store::SiteRecord record =
      MakeRecord(MakeExternal(6901), orchestrator::store::Phase::kLabels);
  ServiceSpec spec = orchestrator::deploy::WantedService(record,
                                                         {.sites_directory = "/",
                                                          .dynamic_image = "",
                                                          .static_image = Engine::NginxImage(),
                                                          .endpoint_mode = "dnsrr",
                                                          .time_zone = "UTC"},
                                                         *network);
  spec.name = fixture.name;
  REQUIRE(fixture.engine.CreateService(spec, {}));
  const auto service = fixture.engine.FindService(fixture.name, {});
  REQUIRE(service);
  CHECK(orchestrator::docker::ServiceToJson(service->spec) ==
        orchestrator::docker::ServiceToJson(spec));
  CHECK(service->spec == spec);
}

TEST_CASE("changing labels replaces no task and keeps what others added") {
  Fixture fixture;
  const auto network = fixture.engine.EnsureOverlay({"orchestrator-tests"}, {});
  REQUIRE(network);
  REQUIRE(fixture.engine.CreateService(SmallService(fixture.name, *network), {}));
  const auto running = [&] {
    const auto tasks = fixture.engine.ListTasks(fixture.name, {});
    return tasks && tasks->size() == 1 && tasks->front().state == "running";
  };
  REQUIRE(Eventually(running, 30s));
  const std::string task = fixture.engine.ListTasks(fixture.name, {})->front().id;
  REQUIRE(Engine::Docker({"service", "update", "-q", "--detach", "--label-add", "other=kept",
                          "--placement-pref-add", "spread=node.labels.zone", fixture.name})
              .status == 0);
  REQUIRE(Eventually(running, 30s));
  const std::string after_other = fixture.engine.ListTasks(fixture.name, {})->front().id;

  auto current = fixture.engine.FindService(fixture.name, {});
  REQUIRE(current);
  ServiceSpec wanted = current->spec;
  wanted.labels["traefik.enable"] = "true";
  REQUIRE(fixture.engine.UpdateService(*current, wanted, {}));

  SECTION("an update from an old reading is out of sequence") {
    const auto stale = fixture.engine.UpdateService(*current, wanted, {});
    REQUIRE_FALSE(stale);
    CHECK(stale.error().kind == ErrorKind::kOutOfSequence);
  }
  current = fixture.engine.FindService(fixture.name, {});
  REQUIRE(current);
  CHECK(current->spec.labels.at("other") == "kept");
  CHECK(current->raw_spec.contains("SpreadDescriptor"));
  const auto tasks = fixture.engine.ListTasks(fixture.name, {});
  REQUIRE(tasks);
  CHECK(tasks->size() == (task == after_other ? 1 : tasks->size()));
  CHECK(tasks->front().state == "running");
  CHECK(Eventually([&] { return Engine::TaskIds(fixture.name).contains(after_other); }, 5s));
}

TEST_CASE("errors of the engine are kept apart") {
  Fixture fixture;
  const auto network = fixture.engine.EnsureOverlay({"orchestrator-tests"}, {});
  REQUIRE(network);
  const auto missing = fixture.engine.FindService("site_9999999", {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::kNotFound);

  const ServiceSpec spec = SmallService(fixture.name, *network);
  REQUIRE(fixture.engine.CreateService(spec, {}));
  const auto twice = fixture.engine.CreateService(spec, {});
  REQUIRE_FALSE(twice);
  CHECK(twice.error().kind == ErrorKind::kConflict);

  ServiceSpec bad = SmallService("site_7002", *network);
  bad.task.memory_bytes = 1;
  const auto refused = fixture.engine.CreateService(bad, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::kInvalid);

  EngineClient nobody(fixture.client, *EngineAddress::Parse("unix:///nonexistent/docker.sock"));
  const auto away = nobody.Info({});
  REQUIRE_FALSE(away);
  CHECK(away.error().kind == ErrorKind::kUnavailable);

  std::stop_source stopped;
  stopped.request_stop();
  const auto cancelled = fixture.engine.Info(stopped.get_token());
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().kind == ErrorKind::kCancelled);
}

}  // namespace
}  // namespace tests
