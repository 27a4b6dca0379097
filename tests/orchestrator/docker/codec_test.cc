#include "orchestrator/docker/codec.h"

#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>

namespace orchestrator::docker {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

ServiceSpec FullSpec() {
  ServiceSpec spec;
  spec.name = "site_0001";
  spec.labels = {{"a", "b"}};
  spec.task.image = "image:1";
  spec.task.command = {"sh", "-c", "x"};
  spec.task.container_labels = {{"c", "d"}};
  spec.task.environment = {"A=1", "B="};
  spec.task.working_directory = "/site";
  spec.task.user = "root";
  spec.task.init = true;
  spec.task.read_only_root = true;
  spec.task.mounts.resize(2);
  spec.task.mounts[0].source = "/data";
  spec.task.mounts[0].target = "/site";
  spec.task.mounts[0].read_only = true;
  spec.task.mounts[1].type = Mount::Type::kTmpfs;
  spec.task.mounts[1].target = "/tmp";
  spec.task.mounts[1].tmpfs_bytes = 1000;
  spec.task.mounts[1].tmpfs_mode = 01777;
  spec.task.stop_grace_period = 3s;
  spec.task.stop_signal = "SIGURG";
  spec.task.nano_cpus = 500'000'000;
  spec.task.memory_bytes = 1 << 30;
  spec.task.restart = {"any", 5s, 7};
  spec.task.log_driver = "json-file";
  spec.task.log_options = {{"max-size", "1k"}};
  spec.task.networks = {"net"};
  spec.task.health_check = {{"sh", "-c", "y"}, 1s, 2s, 3};
  spec.update = {1, 5s, "rollback", 6s, "stop-first"};
  spec.rollback = {2, 0s, "pause", 7s, "start-first"};
  spec.endpoint_mode = "vip";
  spec.replicas = 1;
  return spec;
}

std::string Answer(const json& spec) {
  return json{{"ID", "abc"}, {"Version", {{"Index", 42}}}, {"Spec", spec}}.dump();
}

TEST_CASE("A task's addresses are those of its networks, without the length of the prefix") {
  const auto tasks = ReadTasks(R"j([{"ID": "a", "NetworksAttachments": [
    {"Network": {"Spec": {"Name": "ingress"}}, "Addresses": ["10.0.0.9/24"]},
    {"Network": {"Spec": {"Name": "sites"}}, "Addresses": ["10.0.1.7/24", "fd00::7/64"]},
    {"Network": {"Spec": {"Name": "none"}}, "Addresses": []},
    {"Network": {"Spec": {"Name": "null"}}, "Addresses": null}]},
    {"ID": "b", "NetworksAttachments": null}, {"ID": "c"}])j");
  REQUIRE(tasks.has_value());
  CHECK(tasks->at(0).addresses ==
        std::map<std::string, std::string>{{"ingress", "10.0.0.9"}, {"sites", "10.0.1.7"}});
  CHECK(tasks->at(1).addresses.empty());
  CHECK(tasks->at(2).addresses.empty());
}

TEST_CASE("Answers that cannot be read are errors, never crashes") {
  for (const char* text : {"", "{", "[]", "null", "5", "{}", R"({"Spec": {"Name": 5}})",
                           R"({"Spec": {"Labels": []}})", "<html>"}) {
    INFO(text);
    const auto service = ReadService(text);
    REQUIRE_FALSE(service.has_value());
    CHECK(service.error().kind == ErrorKind::kInternal);
  }
  CHECK(ReadServices("[5]").error().kind == ErrorKind::kInternal);
  CHECK(ReadTasks("x").error().kind == ErrorKind::kInternal);
  CHECK(ReadTasks(R"([{"ID": 5}])").error().kind == ErrorKind::kInternal);
  CHECK(ReadVersion("").error().kind == ErrorKind::kInternal);
  CHECK(ReadInfo("").error().kind == ErrorKind::kInternal);
  CHECK(ReadNetworkId("", "n").error().kind == ErrorKind::kInternal);
}

TEST_CASE("A service comes back from the engine's JSON as it was sent") {
  const auto service = ReadService(Answer(json::parse(ServiceToJson(FullSpec()))));
  REQUIRE(service.has_value());
  CHECK(service->id == "abc");
  CHECK(service->version == 42);
  CHECK(service->spec == FullSpec());
}

TEST_CASE("A health check goes when it is wanted no more, and one that we cannot say stays") {
  Service service = ReadService(Answer(json::parse(ServiceToJson(FullSpec())))).value();
  ServiceSpec wanted = service.spec;
  wanted.task.health_check.reset();
  const json without = json::parse(MergedServiceJson(service, wanted));
  CHECK_FALSE(without.at("TaskTemplate").at("ContainerSpec").contains("Healthcheck"));

  json spec = without;
  const json theirs{{"Test", {"CMD-SHELL", "curl localhost"}}};
  spec["TaskTemplate"]["ContainerSpec"]["Healthcheck"] = theirs;
  service = ReadService(Answer(spec)).value();
  CHECK(service.spec.task == wanted.task);
  wanted.task.user = "nobody";
  const json merged = json::parse(MergedServiceJson(service, wanted));
  CHECK(merged.at("TaskTemplate").at("ContainerSpec").at("Healthcheck") == theirs);
}

TEST_CASE("Members that are missing or null read as the engine's defaults") {
  const char* specs[] = {
      R"({"Name": "x"})",
      R"({"Name": "x", "Labels": null, "UpdateConfig": null,
          "TaskTemplate": {"ContainerSpec": {"Env": null, "Mounts": null}, "Networks": null}})",
  };
  for (const char* spec : specs) {
    const auto service = ReadService(Answer(json::parse(spec)));
    REQUIRE(service.has_value());
    CHECK(service->spec.name == "x");
    CHECK(service->spec.labels.empty());
    CHECK(service->spec.task.environment.empty());
    CHECK(service->spec.task.networks.empty());
    CHECK(service->update_state.empty());
  }
}

TEST_CASE("Durations are sent in nanoseconds") {
  const json out = json::parse(ServiceToJson(FullSpec()));
  CHECK(out["TaskTemplate"]["ContainerSpec"]["StopGracePeriod"] == 3'000'000'000);
  CHECK(out["TaskTemplate"]["RestartPolicy"]["Delay"] == 5'000'000'000);
  CHECK(out["UpdateConfig"]["Monitor"] == 6'000'000'000);
}

TEST_CASE("An update keeps every field that is not managed") {
  json raw = json::parse(ServiceToJson(FullSpec()));
  raw["TaskTemplate"]["Placement"] = {{"Constraints", {"node.role==worker"}}};
  raw["TaskTemplate"]["ContainerSpec"]["Isolation"] = "default";
  raw["TaskTemplate"]["ContainerSpec"]["Args"] = {"old"};
  raw["TaskTemplate"]["Resources"]["Limits"]["Pids"] = 100;
  raw["TaskTemplate"]["RestartPolicy"]["Window"] = 7;
  raw["TaskTemplate"]["Networks"][0]["Aliases"] = {"alias"};
  raw["UpdateConfig"]["MaxFailureRatio"] = 0.5;
  raw["TaskTemplate"]["ForceUpdate"] = 3;
  raw["EndpointSpec"]["Ports"] = json::array({{{"TargetPort", 80}}});
  const Service current = ReadService(Answer(raw)).value();

  SECTION("labels alone: the template is sent back untouched") {
    ServiceSpec wanted = current.spec;
    wanted.labels["new"] = "1";
    const json out = json::parse(MergedServiceJson(current, wanted));
    CHECK(out["TaskTemplate"] == raw["TaskTemplate"]);
    CHECK(out["Labels"] == json{{"a", "b"}, {"new", "1"}});
    CHECK(out["EndpointSpec"] == raw["EndpointSpec"]);
    CHECK(out["UpdateConfig"] == raw["UpdateConfig"]);
  }
  SECTION("another template") {
    ServiceSpec wanted = current.spec;
    wanted.task.image = "image:2";
    wanted.task.command.clear();
    CHECK(wanted.task.arguments == std::vector<std::string>{"old"});
    wanted.task.arguments.clear();
    wanted.task.memory_bytes = 77;
    const json out = json::parse(MergedServiceJson(current, wanted));
    const json& task = out["TaskTemplate"];
    CHECK(task["ContainerSpec"]["Image"] == "image:2");
    CHECK_FALSE(task["ContainerSpec"].contains("Command"));
    CHECK_FALSE(task["ContainerSpec"].contains("Args"));
    CHECK(task["ContainerSpec"]["Isolation"] == "default");
    CHECK(task["Placement"] == raw["TaskTemplate"]["Placement"]);
    CHECK(task["ForceUpdate"] == 3);
    CHECK(task["Resources"]["Limits"]["MemoryBytes"] == 77);
    CHECK(task["Resources"]["Limits"]["Pids"] == 100);
    CHECK(task["RestartPolicy"]["Window"] == 7);
    CHECK(task["Networks"] == raw["TaskTemplate"]["Networks"]);
  }
}

TEST_CASE("A task's exit code is known only when it has ended") {
  const auto tasks = ReadTasks(R"json([
    {"ID": "a", "Slot": 1, "DesiredState": "shutdown", "UpdatedAt": "t",
     "Status": {"State": "failed", "Err": "task: non-zero exit (3)",
                "ContainerStatus": {"ExitCode": 3}}},
    {"ID": "b", "Status": {"State": "running", "ContainerStatus": {"ExitCode": 0}}},
    {"ID": "c", "Status": {"State": "complete", "ContainerStatus": {"ExitCode": 0}}},
    {"ID": "d", "Status": {"State": "rejected", "Err": "No such image"}}])json");
  REQUIRE(tasks.has_value());
  REQUIRE(tasks->size() == 4);
  CHECK(tasks->at(0).exit_code == 3);
  CHECK(tasks->at(0).error == "task: non-zero exit (3)");
  CHECK_FALSE(tasks->at(1).exit_code.has_value());
  CHECK(tasks->at(2).exit_code == 0);
  CHECK(tasks->at(3).error == "No such image");
}

TEST_CASE("A network's id is that of the swarm's network with just this name") {
  const char* list = R"([{"Name": "net2", "Id": "1", "Scope": "swarm"},
                         {"Name": "net", "Id": "2", "Scope": "local"},
                         {"Name": "net", "Id": "3", "Scope": "swarm"}])";
  CHECK(ReadNetworkId(list, "net") == "3");
  CHECK(ReadNetworkId(list, "other") == "");
  CHECK(ReadNetworkId("[]", "net") == "");
  CHECK(ReadNetworkId(R"({"Id": "4"})", "net") == "4");
  CHECK(ReadNetworkId(R"({"ID": "5"})", "net") == "5");
}

TEST_CASE("An engine that is no manager says what to do") {
  using Catch::Matchers::ContainsSubstring;
  CHECK(ReadInfo(R"({"Swarm": {"ControlAvailable": true}})")->swarm_manager);
  CHECK_THAT(ReadInfo(R"({"Swarm": {"LocalNodeState": "active"}})")->swarm_problem,
             ContainsSubstring("worker"));
  CHECK_THAT(ReadInfo("{}")->swarm_problem, ContainsSubstring("docker swarm init"));
}

TEST_CASE("The text of an error is its message, or what there is") {
  CHECK(ReadErrorMessage(R"({"message": "no such service"})") == "no such service");
  CHECK(ReadErrorMessage("plain") == "plain");
  CHECK(ReadErrorMessage(R"({"message": 5})") == R"({"message": 5})");
  CHECK(ReadErrorMessage(std::string(1000, 'x')).size() == 500);
}

TEST_CASE("Filters and networks are written as the engine reads them") {
  CHECK(FilterJson("label", "a\"b") == R"({"label":["a\"b"]})");
  const json network = json::parse(OverlayNetworkJson({"net"}));
  CHECK(network["Name"] == "net");
  CHECK(network["Driver"] == "overlay");
  CHECK(network["Attachable"] == true);
}

}  // namespace
}  // namespace orchestrator::docker
