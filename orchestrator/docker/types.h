#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// What we say to and hear from a Docker engine, in structs. Only the fields that this program
// manages or reads; codec.h knows their JSON names and keeps the others as they are.
namespace orchestrator::docker {

using Labels = std::map<std::string, std::string>;

// An attachable overlay network.
struct Overlay {
  std::string name;
  std::string subnet = {};  // CIDR, where it is made; empty: what the engine gives, 254 addresses
};

struct Mount {
  enum class Type {
    kBind,
    kTmpfs,
    kOther,  // another type, or options that we do not set: kept as `raw`
  };

  Type type = Type::kBind;
  std::string source;  // bind only
  std::string target;
  bool read_only = false;
  std::int64_t tmpfs_bytes = 0;
  std::uint32_t tmpfs_mode = 0;
  std::string raw;  // JSON, of kOther only

  friend bool operator==(const Mount&, const Mount&) = default;
};

struct RestartPolicy {
  std::string condition = "any";
  std::chrono::nanoseconds delay{0};
  std::uint64_t max_attempts = 0;  // 0: for ever

  friend bool operator==(const RestartPolicy&, const RestartPolicy&) = default;
};

// A command that the engine runs in the container; a task counts as running when it was good once.
struct HealthCheck {
  std::vector<std::string> command;
  std::chrono::nanoseconds interval{0};  // before the first one, and after each
  std::chrono::nanoseconds timeout{0};
  std::uint64_t retries = 0;

  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

// What a task is made from: a change of it replaces running tasks.
struct TaskTemplate {
  std::string image;
  std::vector<std::string> command;  // instead of the image's entry point
  std::vector<std::string> arguments;
  Labels container_labels;
  std::vector<std::string> environment;  // NAME=value
  std::string working_directory;
  std::string user;
  bool init = false;
  bool read_only_root = false;
  std::vector<Mount> mounts;
  std::string stop_signal;  // that asks it to end; empty: what its image says
  std::chrono::nanoseconds stop_grace_period{0};
  std::int64_t nano_cpus = 0;
  std::int64_t memory_bytes = 0;
  RestartPolicy restart;
  std::string log_driver;
  std::map<std::string, std::string> log_options;
  std::vector<std::string> networks;  // ids
  std::optional<HealthCheck> health_check;

  friend bool operator==(const TaskTemplate&, const TaskTemplate&) = default;
};

struct UpdatePolicy {
  std::uint64_t parallelism = 1;
  std::chrono::nanoseconds delay{0};
  std::string failure_action;
  std::chrono::nanoseconds monitor{0};
  std::string order;

  friend bool operator==(const UpdatePolicy&, const UpdatePolicy&) = default;
};

struct ServiceSpec {
  std::string name;
  Labels labels;
  TaskTemplate task;
  UpdatePolicy update;
  UpdatePolicy rollback;
  std::string endpoint_mode;  // vip | dnsrr
  std::uint64_t replicas = 1;
  bool replicated = true;  // otherwise it is on every node, or a job; it cannot become another

  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

struct Service {
  std::string id;
  std::uint64_t version = 0;  // changes with every update; an update names the one it read
  ServiceSpec spec;
  std::string update_state;  // "", updating, paused, completed, rollback_started, …
  std::string update_message;
  std::string update_started_at;  // RFC 3339
  std::string created_at;         // RFC 3339
  std::string raw_spec;           // as the engine gave it, with the fields that we do not manage
};

struct Task {
  std::string id;
  std::string service_id;
  std::uint64_t slot = 0;
  std::string node_id;
  std::string state;          // new, pending, preparing, running, failed, rejected, …
  std::string desired_state;  // running, shutdown, …
  std::string message;
  std::string error;
  std::optional<int> exit_code;
  std::string since;                             // RFC 3339: when it came into this state
  std::string updated_at;                        // RFC 3339
  TaskTemplate made_from;                        // Engine::ListTasks only
  std::map<std::string, std::string> addresses;  // by the name of the network
};

// One line that a container wrote.
struct LogLine {
  enum class Stream { kStdout, kStderr };

  Stream stream = Stream::kStdout;
  std::string time;     // RFC 3339, with nanoseconds
  std::string task_id;  // empty where it is one task's log
  std::string text;     // bytes, without the end of line
};

struct LogQuery {
  std::optional<std::uint64_t> tail;  // the last so many; unset: all that the engine has
  std::string since;                  // Unix seconds, also with a fraction; empty: from the start
  bool follow = false;                // go on with what comes
};

// Something that happened to a service or an image.
struct Event {
  std::string type;    // service, image, …
  std::string action;  // create, update, remove, …
  std::string id;
  std::string name;
};

struct EngineInfo {
  std::string engine_version;
  std::string api_version;  // the one that is spoken with it
  bool swarm_manager = false;
  std::string swarm_problem;  // why not, for people
};

}  // namespace orchestrator::docker
