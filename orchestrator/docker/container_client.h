#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/docker/transport.h"
#include "orchestrator/docker/types.h"

namespace orchestrator::docker {

// A container beside the swarm, removed by the engine when it ends.
struct ContainerSpec {
  std::string name;
  std::string image;
  std::vector<std::string> entry_point;
  Labels labels;
  std::vector<std::string> environment;
  std::string working_directory;
  std::string user;
  bool read_only_root = false;
  std::vector<Mount> mounts;
  std::int64_t nano_cpus = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t most_processes = 0;  // 0: no limit
  std::string network;

  friend bool operator==(const ContainerSpec&, const ContainerSpec&) = default;
};

struct Container {
  std::string id;
  std::string name;
  std::string state;       // created, running, exited, …
  std::string created_at;  // RFC 3339; only from Find
  Labels labels;
};

struct TerminalSize {
  unsigned rows = 24;
  unsigned columns = 80;

  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

// The containers of one engine, for terminals and builds. Thread-safe; `client` must live longer.
class ContainerClient {
 public:
  ContainerClient(provider::http::Client& client, EngineAddress address,
                  std::chrono::milliseconds timeout = std::chrono::seconds(30));

  // The container's id. A taken name is a kConflict, a missing image a kNotFound.
  Result<std::string> Create(const ContainerSpec& spec, const std::stop_token& stop);
  Result<void> Start(std::string_view id, const std::stop_token& stop);

  // Kills it if it runs. One that is gone already is good.
  Result<void> Remove(std::string_view id, const std::stop_token& stop);
  Result<Container> Find(std::string_view id, const std::stop_token& stop);
  Result<std::vector<Container>> List(std::string_view label, const std::stop_token& stop);

  // Bytes that the container has written into its own layer.
  Result<std::int64_t> WrittenBytes(std::string_view id, const std::stop_token& stop);

  // Runs a command in a container behind a terminal of this size. It goes on when the connection
  // ends.
  struct Exec {
    std::string id;
    std::unique_ptr<provider::http::HijackedConnection> connection;
  };
  Result<Exec> StartExec(std::string_view container, const std::vector<std::string>& command,
                         const std::vector<std::string>& environment, TerminalSize size,
                         const std::stop_token& stop);
  // Begins a command in a container, whose output and end nobody hears of.
  Result<void> RunDetached(std::string_view container, const std::vector<std::string>& command,
                           const std::stop_token& stop);
  Result<void> ResizeExec(std::string_view exec, TerminalSize size, const std::stop_token& stop);

  // The exit code, or nothing while the command runs.
  Result<std::optional<int>> ExitCode(std::string_view exec, const std::stop_token& stop);

 private:
  Result<std::string> MakeExec(std::string_view what, std::string_view container, std::string order,
                               const std::stop_token& stop);

  Transport transport_;
};

}  // namespace orchestrator::docker
