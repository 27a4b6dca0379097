#include "orchestrator/fault/crash_point.h"

#include <array>
#include <csignal>
#include <cstdlib>

namespace orchestrator::fault {
namespace {

constexpr std::array<std::string_view, 15> kNames = {
    "site-committed",   "directory-prepared", "service-created",    "service-updated",
    "service-removed",  "site-erased",        "document-published", "switch-started",
    "switch-confirmed", "switch-finished",    "migration-ordered",  "batch-started",
    "batch-moved",      "batch-returning",    "migration-ended",
};

std::string_view Chosen() {
  const char* name = std::getenv("ORCHESTRATOR_CRASH_POINT");
  return name ? name : "";
}

}  // namespace

std::span<const std::string_view> CrashPointNames() { return kNames; }

void MaybeCrash(CrashPoint point) {
  static const std::string_view chosen = Chosen();
  if (chosen == kNames[static_cast<std::size_t>(point)]) std::raise(SIGKILL);
}

}  // namespace orchestrator::fault
