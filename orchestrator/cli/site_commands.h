#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orchestrator/cli/api_client.h"

// `orchestrator site …`. Each returns the exit status of the program.
namespace orchestrator::cli {

struct WaitFlags {
  std::string level;  // empty, running or routed
  std::string timeout = "30s";
};

int ListSites(const ApiClient& api, bool json);
int ShowSite(const ApiClient& api, std::int64_t id, bool json);
int ShowSiteStatus(const ApiClient& api, std::int64_t id, bool json);
int ApplySites(const ApiClient& api, const std::vector<std::string>& files, const WaitFlags& wait,
               bool json);
int RestartSite(const ApiClient& api, std::int64_t id, const WaitFlags& wait);

struct LogFlags {
  std::string tail = "100";
  std::string since;
  bool follow = false;
};
int ShowLogs(const ApiClient& api, std::int64_t id, const LogFlags& flags, bool json);
int DeleteSites(const ApiClient& api, const std::vector<std::int64_t>& ids, const WaitFlags& wait,
                bool json);

}  // namespace orchestrator::cli
