#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>

#include "orchestrator/api/answer.h"
#include "orchestrator/api/services.h"

namespace orchestrator::api {

// How true an answer shall be: stored, running, or routed by every Traefik.
enum class Level { kAccepted, kRunning, kRouted };

const char* Name(Level level);

struct WaitOrder {
  Level level = Level::kAccepted;
  std::chrono::milliseconds timeout{30'000};
};

// `?wait=running|routed&timeout=30s`.
Result<WaitOrder> ParseWait(const Request& request);

struct WaitResult {
  bool reached = false;
  bool failed = false;      // waiting longer is of no use
  bool ended = false;       // nor is it here, since a later change took the place of this one
  std::string reason;       // why not reached, for people
  std::string output = {};  // what the failing task wrote last
};

// Blocks until the record's state is what `order` asks for, or time is over.
WaitResult Wait(const Services& services, const store::SiteRecord& record, const WaitOrder& order);

// Blocks until the site that is being removed is gone.
WaitResult WaitGone(const Services& services, site::SiteId id, const WaitOrder& order);

// Whether every Traefik routes the site as its record says, and if not, who is waited for.
WaitResult IsRouted(const Services& services, const store::SiteRecord& record);

}  // namespace orchestrator::api
