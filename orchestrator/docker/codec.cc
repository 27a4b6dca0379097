#include "orchestrator/docker/codec.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace orchestrator::docker {
namespace {

using nlohmann::json;
using std::chrono::nanoseconds;

// Members of an answer may be missing or null; both read as the default.
const json& Member(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

template <typename T>
T Get(const json& object, const char* key) {
  const json& value = Member(object, key);
  return value.is_null() ? T{} : value.get<T>();
}

json MountsToJson(const std::vector<Mount>& mounts) {
  json out = json::array();
  for (const Mount& mount : mounts) {
    if (mount.type == Mount::Type::kOther) {
      out.push_back(json::parse(mount.raw));
      continue;
    }
    json item{{"Target", mount.target}};
    if (mount.read_only) item["ReadOnly"] = true;
    if (mount.type == Mount::Type::kBind) {
      item["Type"] = "bind";
      item["Source"] = mount.source;
    } else {
      item["Type"] = "tmpfs";
      item["TmpfsOptions"] = {{"SizeBytes", mount.tmpfs_bytes}, {"Mode", mount.tmpfs_mode}};
    }
    out.push_back(std::move(item));
  }
  return out;
}

// Sets a member, or takes it away where the value is the default that the engine leaves out.
template <typename T>
void SetOrErase(json& object, const char* key, const T& value) {
  if (value == T{}) {
    object.erase(key);
  } else {
    object[key] = value;
  }
}

void Apply(const std::optional<HealthCheck>& check, json& container) {
  if (!check) {
    container.erase("Healthcheck");
    return;
  }
  json test = json::array({"CMD"});
  for (const std::string& word : check->command) test.push_back(word);
  container["Healthcheck"] = {{"Test", std::move(test)},
                              {"Interval", check->interval.count()},
                              {"Timeout", check->timeout.count()},
                              {"Retries", check->retries}};
}

// Nothing where there is none, or one that `HealthCheck` cannot say.
std::optional<HealthCheck> ReadHealthCheck(const json& container) {
  const json& in = Member(container, "Healthcheck");
  auto command = Get<std::vector<std::string>>(in, "Test");
  if (command.empty() || command.front() != "CMD") return {};
  command.erase(command.begin());
  return HealthCheck{std::move(command), nanoseconds(Get<std::int64_t>(in, "Interval")),
                     nanoseconds(Get<std::int64_t>(in, "Timeout")),
                     Get<std::uint64_t>(in, "Retries")};
}

// Those that the task is in already keep what else is said of them, as their aliases.
json NetworksToJson(const std::vector<std::string>& ids, const json& current) {
  json out = json::array();
  for (const std::string& id : ids) {
    const auto known = std::ranges::find_if(
        current, [&](const json& network) { return Get<std::string>(network, "Target") == id; });
    out.push_back(known == current.end() ? json{{"Target", id}} : *known);
  }
  return out;
}

void Apply(const TaskTemplate& task, json& out) {
  json& container = out["ContainerSpec"];
  container["Image"] = task.image;
  SetOrErase(container, "Command", task.command);
  SetOrErase(container, "Args", task.arguments);
  SetOrErase(container, "Labels", task.container_labels);
  SetOrErase(container, "Env", task.environment);
  SetOrErase(container, "Dir", task.working_directory);
  SetOrErase(container, "User", task.user);
  container["Init"] = task.init;
  SetOrErase(container, "ReadOnly", task.read_only_root);
  container["Mounts"] = MountsToJson(task.mounts);
  SetOrErase(container, "StopSignal", task.stop_signal);
  container["StopGracePeriod"] = task.stop_grace_period.count();
  // One of somebody else stays as it is, with what we cannot say of it.
  if (task.health_check != ReadHealthCheck(container)) Apply(task.health_check, container);
  json& limits = out["Resources"]["Limits"];
  limits["NanoCPUs"] = task.nano_cpus;
  limits["MemoryBytes"] = task.memory_bytes;
  json& restart = out["RestartPolicy"];
  restart["Condition"] = task.restart.condition;
  restart["Delay"] = task.restart.delay.count();
  restart["MaxAttempts"] = task.restart.max_attempts;
  out["LogDriver"] = {{"Name", task.log_driver}, {"Options", task.log_options}};
  out["Networks"] = NetworksToJson(task.networks, Member(out, "Networks"));
}

void Apply(const UpdatePolicy& policy, json& out) {
  out["Parallelism"] = policy.parallelism;
  out["Delay"] = policy.delay.count();
  out["FailureAction"] = policy.failure_action;
  out["Monitor"] = policy.monitor.count();
  out["Order"] = policy.order;
}

void Apply(const ServiceSpec& spec, bool same_task, json& out) {
  out["Name"] = spec.name;
  out["Labels"] = spec.labels;
  if (!same_task) {
    Apply(spec.task, out["TaskTemplate"]);
    out.erase("Networks");  // the old place of the same list
  }
  out["Mode"] = {{"Replicated", {{"Replicas", spec.replicas}}}};
  Apply(spec.update, out["UpdateConfig"]);
  Apply(spec.rollback, out["RollbackConfig"]);
  out["EndpointSpec"]["Mode"] = spec.endpoint_mode;
}

// Whether the mount has nothing that `Mount` cannot say.
bool IsKnown(const json& mount, const std::string& type) {
  for (const auto& [key, value] : mount.items()) {
    if (key == "Type" || key == "Source" || key == "Target" || key == "ReadOnly") continue;
    if (key != "TmpfsOptions" || type != "tmpfs") return false;
    for (const auto& [option, its] : value.items()) {
      if (option != "SizeBytes" && option != "Mode") return false;
    }
  }
  return type == "tmpfs" || type == "bind";
}

std::vector<Mount> ReadMounts(const json& list) {
  std::vector<Mount> mounts;
  for (const json& item : list) {
    Mount mount;
    const auto type = Get<std::string>(item, "Type");
    if (!IsKnown(item, type)) {
      mount.type = Mount::Type::kOther;
      mount.target = Get<std::string>(item, "Target");
      mount.raw = item.dump();
      mounts.push_back(std::move(mount));
      continue;
    }
    mount.type = type == "tmpfs" ? Mount::Type::kTmpfs : Mount::Type::kBind;
    mount.source = Get<std::string>(item, "Source");
    mount.target = Get<std::string>(item, "Target");
    mount.read_only = Get<bool>(item, "ReadOnly");
    mount.tmpfs_bytes = Get<std::int64_t>(Member(item, "TmpfsOptions"), "SizeBytes");
    mount.tmpfs_mode = Get<std::uint32_t>(Member(item, "TmpfsOptions"), "Mode");
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

TaskTemplate ReadTask(const json& in) {
  TaskTemplate task;
  const json& container = Member(in, "ContainerSpec");
  task.image = Get<std::string>(container, "Image");
  task.command = Get<std::vector<std::string>>(container, "Command");
  task.arguments = Get<std::vector<std::string>>(container, "Args");
  task.container_labels = Get<Labels>(container, "Labels");
  task.environment = Get<std::vector<std::string>>(container, "Env");
  task.working_directory = Get<std::string>(container, "Dir");
  task.user = Get<std::string>(container, "User");
  task.init = Get<bool>(container, "Init");
  task.read_only_root = Get<bool>(container, "ReadOnly");
  task.mounts = ReadMounts(Member(container, "Mounts"));
  task.stop_signal = Get<std::string>(container, "StopSignal");
  task.stop_grace_period = nanoseconds(Get<std::int64_t>(container, "StopGracePeriod"));
  task.health_check = ReadHealthCheck(container);
  const json& limits = Member(Member(in, "Resources"), "Limits");
  task.nano_cpus = Get<std::int64_t>(limits, "NanoCPUs");
  task.memory_bytes = Get<std::int64_t>(limits, "MemoryBytes");
  const json& restart = Member(in, "RestartPolicy");
  task.restart.condition = Get<std::string>(restart, "Condition");
  task.restart.delay = nanoseconds(Get<std::int64_t>(restart, "Delay"));
  task.restart.max_attempts = Get<std::uint64_t>(restart, "MaxAttempts");
  const json& log = Member(in, "LogDriver");
  task.log_driver = Get<std::string>(log, "Name");
  task.log_options = Get<std::map<std::string, std::string>>(log, "Options");
  for (const json& network : Member(in, "Networks")) {
    task.networks.push_back(Get<std::string>(network, "Target"));
  }
  return task;
}

UpdatePolicy ReadUpdate(const json& in) {
  UpdatePolicy policy;
  policy.parallelism = Get<std::uint64_t>(in, "Parallelism");
  policy.delay = nanoseconds(Get<std::int64_t>(in, "Delay"));
  policy.failure_action = Get<std::string>(in, "FailureAction");
  policy.monitor = nanoseconds(Get<std::int64_t>(in, "Monitor"));
  policy.order = Get<std::string>(in, "Order");
  return policy;
}

Service ServiceFromJson(const json& in) {
  Service service;
  service.id = Get<std::string>(in, "ID");
  service.version = Get<std::uint64_t>(Member(in, "Version"), "Index");
  const json& spec = in.at("Spec");
  service.spec.name = Get<std::string>(spec, "Name");
  service.spec.labels = Get<Labels>(spec, "Labels");
  service.spec.task = ReadTask(Member(spec, "TaskTemplate"));
  service.spec.update = ReadUpdate(Member(spec, "UpdateConfig"));
  service.spec.rollback = ReadUpdate(Member(spec, "RollbackConfig"));
  service.spec.endpoint_mode = Get<std::string>(Member(spec, "EndpointSpec"), "Mode");
  const json& mode = Member(spec, "Mode");
  const json& replicated = Member(mode, "Replicated");
  service.spec.replicated = mode.is_null() || mode.contains("Replicated");
  service.spec.replicas = Get<std::uint64_t>(replicated, "Replicas");
  const json& status = Member(in, "UpdateStatus");
  service.update_state = Get<std::string>(status, "State");
  service.update_message = Get<std::string>(status, "Message");
  service.update_started_at = Get<std::string>(status, "StartedAt");
  service.created_at = Get<std::string>(in, "CreatedAt");
  service.raw_spec = spec.dump();
  return service;
}

Task TaskFromJson(const json& in) {
  Task task;
  task.id = Get<std::string>(in, "ID");
  task.service_id = Get<std::string>(in, "ServiceID");
  task.slot = Get<std::uint64_t>(in, "Slot");
  task.node_id = Get<std::string>(in, "NodeID");
  task.desired_state = Get<std::string>(in, "DesiredState");
  task.updated_at = Get<std::string>(in, "UpdatedAt");
  const json& status = Member(in, "Status");
  task.state = Get<std::string>(status, "State");
  task.since = Get<std::string>(status, "Timestamp");
  task.message = Get<std::string>(status, "Message");
  task.error = Get<std::string>(status, "Err");
  const json& code = Member(Member(status, "ContainerStatus"), "ExitCode");
  for (const json& attachment : Member(in, "NetworksAttachments")) {
    const json& addresses = Member(attachment, "Addresses");
    if (!addresses.is_array() || addresses.empty()) continue;
    // "10.0.1.7/24"
    const auto address = addresses.front().get<std::string>();
    const json& network = Member(Member(attachment, "Network"), "Spec");
    task.addresses[Get<std::string>(network, "Name")] = address.substr(0, address.find('/'));
  }
  if (code.is_number_integer() && (task.state == "failed" || task.state == "complete")) {
    task.exit_code = code.get<int>();
  }
  return task;
}

// Reads an answer with `read` and turns what the JSON library throws into a value.
template <typename Read>
auto ReadAnswer(std::string_view what, std::string_view text, Read&& read)
    -> Result<decltype(read(std::declval<const json&>()))> {
  try {
    return read(json::parse(text));
  } catch (const json::exception& error) {
    return Failure(Error{ErrorKind::kInternal,
                         fmt::format("the Docker engine's answer ({}) cannot be read", what),
                         error.what()});
  }
}

}  // namespace

std::string ServiceToJson(const ServiceSpec& spec) {
  json out = json::object();
  Apply(spec, /*same_task=*/false, out);
  return out.dump();
}

std::string TaskToJson(const TaskTemplate& task) {
  json out = json::object();
  Apply(task, out);
  return out.dump();
}

std::string MergedServiceJson(const Service& current, const ServiceSpec& wanted) {
  json out = json::parse(current.raw_spec);
  Apply(wanted, current.spec.task == wanted.task, out);
  return out.dump();
}

std::string OverlayNetworkJson(const Overlay& overlay) {
  json out{{"Name", overlay.name},
           {"Driver", "overlay"},
           {"Attachable", true},
           {"CheckDuplicate", true}};
  if (!overlay.subnet.empty()) out["IPAM"]["Config"] = {{{"Subnet", overlay.subnet}}};
  return out.dump();
}

std::string FilterJson(std::string_view kind, std::string_view value) {
  return json{{std::string(kind), json::array({value})}}.dump();
}

std::string FilterJson(const std::map<std::string, std::string>& values) {
  json out = json::object();
  for (const auto& [kind, value] : values) out[kind] = json::array({value});
  return out.dump();
}

std::string FilterJson(std::string_view kind, std::span<const std::string> values) {
  return json{{std::string(kind), values}}.dump();
}

Result<Service> ReadService(std::string_view text) {
  return ReadAnswer("service", text, ServiceFromJson);
}

Result<std::vector<Service>> ReadServices(std::string_view text) {
  return ReadAnswer("services", text, [](const json& list) {
    std::vector<Service> services;
    for (const json& item : list) services.push_back(ServiceFromJson(item));
    return services;
  });
}

Result<std::vector<Task>> ReadTasks(std::string_view text) {
  return ReadAnswer("tasks", text, [](const json& list) {
    std::vector<Task> tasks;
    for (const json& item : list) tasks.push_back(TaskFromJson(item));
    return tasks;
  });
}

Result<std::vector<Task>> ReadTasksWithTemplates(std::string_view text) {
  return ReadAnswer("tasks", text, [](const json& list) {
    std::vector<Task> tasks;
    for (const json& item : list) {
      tasks.push_back(TaskFromJson(item));
      tasks.back().made_from = ReadTask(Member(item, "Spec"));
    }
    return tasks;
  });
}

Result<std::string> ReadNetworkId(std::string_view text, std::string_view name) {
  return ReadAnswer("networks", text, [&](const json& answer) {
    if (answer.is_object()) {
      return Get<std::string>(answer, answer.contains("Id") ? "Id" : "ID");
    }
    for (const json& network : answer) {
      if (Get<std::string>(network, "Name") == name &&
          Get<std::string>(network, "Scope") == "swarm") {
        return Get<std::string>(network, "Id");
      }
    }
    return std::string();
  });
}

Result<VersionAnswer> ReadVersion(std::string_view text) {
  return ReadAnswer("version", text, [](const json& in) {
    return VersionAnswer{Get<std::string>(in, "Version"), Get<std::string>(in, "ApiVersion"),
                         Get<std::string>(in, "MinAPIVersion")};
  });
}

Result<EngineInfo> ReadInfo(std::string_view text) {
  return ReadAnswer("info", text, [](const json& in) {
    EngineInfo info;
    info.engine_version = Get<std::string>(in, "ServerVersion");
    const json& swarm = Member(in, "Swarm");
    info.swarm_manager = Get<bool>(swarm, "ControlAvailable");
    if (!info.swarm_manager) {
      info.swarm_problem = Get<std::string>(swarm, "LocalNodeState") == "active"
                               ? "this engine is a worker of its swarm; use a manager's engine"
                               : "this engine is in no swarm; run `docker swarm init`";
    }
    return info;
  });
}

std::optional<Event> ReadEvent(std::string_view text) {
  const json in = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto string = [](const json& object, const char* key) {
    const json& value = Member(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  Event event;
  event.type = string(in, "Type");
  if (event.type.empty()) return {};
  const json& actor = Member(in, "Actor");
  event.action = string(in, "Action");
  event.id = string(actor, "ID");
  event.name = string(Member(actor, "Attributes"), "name");
  return event;
}

std::string ReadErrorMessage(std::string_view text) {
  const json answer = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (answer.is_discarded()) return std::string(text.substr(0, 500));
  const json& message = Member(answer, "message");
  return message.is_string() ? message.get<std::string>() : std::string(text.substr(0, 500));
}

}  // namespace orchestrator::docker
