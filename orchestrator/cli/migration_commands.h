#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/cli/api_client.h"

// `orchestrator routing plan|mode|migrations …`. Each returns the exit status of the program.
namespace orchestrator::cli {

// What is to be switched, and how fast. What is left out is as the API has it.
struct SwitchOrder {
  std::string to;
  std::vector<std::int64_t> sites;
  std::string pool;
  std::string kind;
  std::vector<std::string> accept;
  std::optional<std::int64_t> batch;
  std::optional<std::int64_t> canary;
  std::string pause;
};

// What the order would do.
int PlanSwitch(const ApiClient& api, const SwitchOrder& order, bool json);

// Orders the switch and follows it to its end, unless `wait` is zero.
int SwitchMode(const ApiClient& api, const SwitchOrder& order, std::chrono::milliseconds wait,
               bool json);

int ListMigrations(const ApiClient& api, bool json);

// pause, resume, abort or rollback. Without a number the newest one is meant.
int CommandMigration(const ApiClient& api, const std::string& command,
                     std::optional<std::uint64_t> id, bool json);

}  // namespace orchestrator::cli
