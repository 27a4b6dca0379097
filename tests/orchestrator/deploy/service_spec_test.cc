#include "orchestrator/deploy/service_spec.h"

#include <algorithm>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "orchestrator/deploy/entry_script.h"
#include "orchestrator/docker/codec.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::deploy {
namespace {

using namespace std::chrono_literals;
using docker::Mount;
using tests::MakeSite;

const ServiceOptions kOptions{"/data/sites", "dynamic:1", "static:1", "dnsrr", "Europe/Berlin"};

docker::ServiceSpec Wanted(const site::Site& site) {
  return WantedService(tests::MakeRecord(site), kOptions, "net-id");
}

bool Has(const docker::TaskTemplate& task, const std::string& variable) {
  return std::ranges::find(task.environment, variable) != task.environment.end();
}

Mount Bind(const std::string& source, const std::string& target, bool read_only) {
  Mount mount;
  mount.source = source;
  mount.target = target;
  mount.read_only = read_only;
  return mount;
}

Mount Tmpfs(const std::string& target, std::int64_t bytes) {
  Mount mount;
  mount.type = Mount::Type::kTmpfs;
  mount.target = target;
  mount.tmpfs_bytes = bytes;
  mount.tmpfs_mode = 01777;
  return mount;
}

TEST_CASE("A site that is not served has a service without tasks") {
  site::Site site = MakeSite(1);
  CHECK(Wanted(site).replicas == 1);
  const docker::TaskTemplate task = Wanted(site).task;
  site.served = false;
  CHECK(Wanted(site).replicas == 0);
  CHECK(Wanted(site).task == task);
}

TEST_CASE("A dynamic site runs its run file on a read-only root") {
  const docker::ServiceSpec spec = Wanted(MakeSite(1234));
  CHECK(spec.name == "site_1234");
  CHECK(spec.labels == docker::Labels{{"orchestrator.site", "1234"}});
  CHECK(spec.endpoint_mode == "dnsrr");
  CHECK(spec.task.image == "dynamic:1");
  REQUIRE(spec.task.command.size() == 3);
  CHECK(spec.task.command[0] == "sh");
  CHECK(spec.task.command[1] == "-c");
  const std::string& script = spec.task.command[2];
  CHECK(script.find("/site/run.sh") < script.find("/site/private/run.sh"));
  CHECK(script.find("/site/private/run.sh") < script.find("/site/public/run.sh"));
  CHECK(script.contains("Starting server at"));
  CHECK(spec.task.read_only_root);
  CHECK(spec.task.container_labels.empty());
  CHECK(spec.task.mounts == std::vector{Bind("/data/sites/12/34", "/site", false),
                                        Bind("/data/sites/12/34/.home", "/root", false),
                                        Bind("/data/sites/12/34/.home", "/site/.home", false),
                                        Tmpfs("/tmp", 10'000'000), Tmpfs("/run", 1'000'000)});
}

TEST_CASE("A static site serves its public folder and nothing else") {
  site::Site site = MakeSite(1);
  site.kind = site::Kind::kStatic;
  const docker::TaskTemplate task = Wanted(site).task;
  CHECK(task.image == "static:1");
  CHECK(task.command.empty());
  CHECK_FALSE(task.read_only_root);
  CHECK(task.mounts == std::vector{Bind("/data/sites/00/01/public", "/usr/share/nginx/html", true),
                                   Tmpfs("/tmp", 10'000'000), Tmpfs("/run", 1'000'000)});
}

TEST_CASE("The image is the site's own, else the one built for it, else the base image") {
  store::SiteRecord record = tests::MakeRecord(MakeSite(1));
  CHECK(WantedImage(record, kOptions) == "dynamic:1");
  record.built_image = "sha256:abc";
  CHECK(WantedImage(record, kOptions) == "sha256:abc");
  record.site.image = "mine:1";
  CHECK(WantedImage(record, kOptions) == "mine:1");
  record.site.image.reset();
  record.site.kind = site::Kind::kStatic;
  CHECK(WantedImage(record, kOptions) == "static:1");
}

TEST_CASE("A restart is another task template, and nothing else is") {
  store::SiteRecord record = tests::MakeRecord(MakeSite(1));
  const docker::ServiceSpec before = WantedService(record, kOptions, "net-id");
  CHECK(Fingerprint(before) == Fingerprint(WantedService(record, kOptions, "net-id")));
  record.refused_task = record.adopted_task = "x";
  CHECK(WantedService(record, kOptions, "net-id") == before);
  record.restarts = 1;
  CHECK(Fingerprint(WantedService(record, kOptions, "net-id").task) != Fingerprint(before.task));
}

TEST_CASE("A site of which there must never be two stops first") {
  site::Site site = MakeSite(1);
  site.update_order = site::UpdateOrder::kStopFirst;
  CHECK(Wanted(site).update.order == "stop-first");
  CHECK(Wanted(site).rollback.order == "stop-first");
}

TEST_CASE("Both kinds have the same limits, logs, restarts and updates") {
  site::Site site = MakeSite(1);
  site.resources.cpus.count = 600'000'000;
  site.resources.memory.count = 100'000'000;
  for (const auto kind : {site::Kind::kDynamic, site::Kind::kStatic}) {
    site.kind = kind;
    const docker::ServiceSpec spec = Wanted(site);
    CHECK(spec.task.nano_cpus == 600'000'000);
    CHECK(spec.task.memory_bytes == 100'000'000);
    CHECK(spec.task.user == "root");
    CHECK(spec.task.init);
    CHECK(spec.task.working_directory == "/site/public");
    CHECK(spec.task.networks == std::vector<std::string>{"net-id"});
    CHECK(spec.task.log_driver == "json-file");
    CHECK(spec.task.log_options ==
          std::map<std::string, std::string>{{"max-size", "500k"}, {"max-file", "1"}});
    // Real units, and for ever: a crash loop must not be over after two seconds.
    CHECK(spec.task.restart == docker::RestartPolicy{"any", 5s, 0});
    CHECK(spec.task.stop_grace_period >= 1s);
    CHECK(spec.update == docker::UpdatePolicy{1, 5s, "rollback", 5s, "start-first"});
    CHECK(spec.rollback.failure_action == "pause");
  }
}

TEST_CASE("The environment has what Director's sites expect") {
  site::Site site = MakeSite(1);
  site.environment = {{"A", "1"}, {"PORT", "8080"}, {"DATABASE_URL", "mine"}};
  docker::TaskTemplate task = Wanted(site).task;
  CHECK(task.environment == std::vector<std::string>{"A=1", "DATABASE_URL=mine", "HOST=0.0.0.0",
                                                     "PORT=80", "TZ=Europe/Berlin"});
  site.environment = {{"TZ", "UTC"}};
  site.database = site::Database{"postgresql://db.internal:5433/x", "x", "user", "pa=ss"};
  task = Wanted(site).task;
  for (const char* variable :
       {"TZ=UTC", "DATABASE_URL=postgresql://db.internal:5433/x",
        "DIRECTOR_DATABASE_URL=postgresql://db.internal:5433/x",
        "DIRECTOR_DATABASE_TYPE=postgresql", "DIRECTOR_DATABASE_HOST=db.internal",
        "DIRECTOR_DATABASE_PORT=5433", "DIRECTOR_DATABASE_NAME=x",
        "DIRECTOR_DATABASE_USERNAME=user", "DIRECTOR_DATABASE_PASSWORD=pa=ss"}) {
    INFO(variable);
    CHECK(Has(task, variable));
  }
}

TEST_CASE(
    "Another run file is another deployment, which names the file and has nothing of its text") {
  site::Site site = MakeSite(1);
  CHECK(RunFileOf(Wanted(site).task.command).empty());
  CHECK(RunFileOf({"sh", "-c", "theirs", "sh", "run-theirs"}).empty());
  site.run = "#!/bin/sh\ntouch /tmp/x\n";
  const docker::TaskTemplate first = Wanted(site).task;
  CHECK(RunFileOf(first.command) == RunFileName(*site.run));
  CHECK_FALSE(docker::TaskToJson(first).contains("touch /tmp/x"));
  *site.run += " ";
  CHECK(RunFileOf(Wanted(site).task.command) != RunFileOf(first.command));
}

TEST_CASE("Where tasks are to be drained, they serve on after TERM and have the time for it") {
  ServiceOptions options{"/data/sites", "dynamic:1", "static:1", "vip", "UTC"};
  const auto wanted = [&](const site::Site& site) {
    return WantedService(tests::MakeRecord(site), options, "network").task;
  };
  const docker::TaskTemplate plain = wanted(MakeSite(1));
  options.drain = std::chrono::seconds(4);
  CHECK(wanted(MakeSite(1)).command.at(2).contains("sleep 4; tries=0"));
  CHECK(wanted(MakeSite(1)).stop_grace_period == plain.stop_grace_period + options.drain);
  site::Site site = MakeSite(1);
  site.kind = site::Kind::kStatic;
  CHECK(wanted(site).command.empty());
  CHECK(wanted(site).stop_signal == kIgnoredSignal);
  CHECK(wanted(site).stop_grace_period == options.drain);
  CHECK(plain.stop_signal.empty());
  CHECK(wanted(MakeSite(1)).stop_signal == "SIGTERM");
}

TEST_CASE("A site's own image goes before the base image") {
  site::Site site = MakeSite(1);
  site.image = "own:2";
  CHECK(Wanted(site).task.image == "own:2");
  site.kind = site::Kind::kStatic;
  CHECK(Wanted(site).task.image == "own:2");
}

}  // namespace
}  // namespace orchestrator::deploy
