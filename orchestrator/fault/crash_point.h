#pragma once

#include <span>
#include <string_view>

// Places at which a test may kill the process, to show that whatever was going on is resumed.
namespace orchestrator::fault {

enum class CrashPoint {
  kSiteCommitted,
  kDirectoryPrepared,
  kServiceCreated,
  kServiceUpdated,
  kServiceRemoved,
  kSiteErased,
  kDocumentPublished,
  kSwitchStarted,
  kSwitchConfirmed,
  kSwitchFinished,
  kMigrationOrdered,
  kBatchStarted,
  kBatchMoved,
  kBatchReturning,
  kMigrationEnded,
};

std::span<const std::string_view> CrashPointNames();

// Kills this process at once (SIGKILL) when ORCHESTRATOR_CRASH_POINT in the environment names
// `point`.
void MaybeCrash(CrashPoint point);

}  // namespace orchestrator::fault
