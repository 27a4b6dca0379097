#include "orchestrator/api/wait.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orchestrator/site/units.h"
#include "provider/base/pause.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kFirstPause = 20ms;
constexpr auto kLongestPause = 250ms;
constexpr std::chrono::milliseconds kLongestTimeout = 10min;

// Asks `check` again and again, with growing pauses, until it is reached, has failed, or time is
// over.
template <typename Check>
WaitResult Repeat(const Services& services, std::chrono::milliseconds timeout, Check&& check) {
  const auto deadline = Clock::now() + timeout;
  auto pause = std::chrono::milliseconds(kFirstPause);
  for (;;) {
    WaitResult result = check();
    const auto now = Clock::now();
    if (result.reached || result.failed || result.ended || now >= deadline) return result;
    if (services.stopping.stop_requested()) {
      result.reason = "the orchestrator is stopping";
      return result;
    }
    provider::PauseUntil(services.stopping, std::min(deadline, now + pause));
    pause = std::min(pause * 2, std::chrono::milliseconds(kLongestPause));
  }
}

// Whether the site is another one by now, or gone: then nothing is known of this record.
// `revision` is the member that says so.
std::optional<WaitResult> Superseded(const Services& services, const store::SiteRecord& record,
                                     store::Revision store::SiteRecord::* revision) {
  if (record.removing) return std::nullopt;
  const auto current = services.store.Find(record.site.id);
  WaitResult result;
  if (!current) {
    result.reason = current.error().message;
    return result;
  }
  result.ended = true;
  if (!*current || (*current)->removing) {
    result.reason = "the site was deleted meanwhile";
    return result;
  }
  if ((**current).*revision == record.*revision) return std::nullopt;
  result.reason = fmt::format(
      "a later change took its place: the site has revision {} now, and nothing more is known of "
      "this one",
      (*current)->revision);
  return result;
}

WaitResult IsRunning(const Services& services, const store::SiteRecord& record) {
  if (auto superseded = Superseded(services, record, &store::SiteRecord::revision)) {
    return *std::move(superseded);
  }
  const auto deployment =
      deploy::Observe(services.engine, services.reconciler, record, services.stopping);
  WaitResult result;
  if (!deployment) {
    result.reason = deployment.error().message;
    return result;
  }
  result.reached = deployment->state == deploy::DeploymentState::kRunning;
  result.failed = deployment->state == deploy::DeploymentState::kRolledBack;
  result.reason = deployment->reason;
  result.output = deployment->output;
  return result;
}

}  // namespace

const char* Name(Level level) {
  switch (level) {
    case Level::kAccepted:
      return "accepted";
    case Level::kRunning:
      return "running";
    case Level::kRouted:
      return "routed";
  }
  return "?";
}

Result<WaitOrder> ParseWait(const Request& request) {
  WaitOrder order;
  const auto fail = [](std::string message) {
    return Failure(Error{ErrorKind::kInvalid, message, {}, {{"?", message}}});
  };
  const std::string_view level = request.Query("wait");
  if (level == "running") {
    order.level = Level::kRunning;
  } else if (level == "routed") {
    order.level = Level::kRouted;
  } else if (!level.empty()) {
    return fail(fmt::format("wait is '{}'; it must be running or routed", level));
  }
  if (const std::string_view text = request.Query("timeout"); !text.empty()) {
    const auto timeout = site::ParseDuration(text);
    if (!timeout) return fail(fmt::format("timeout {}", timeout.error()));
    if (*timeout > kLongestTimeout) return fail("timeout is longer than 10m");
    order.timeout = *timeout;
  }
  return order;
}

WaitResult IsRouted(const Services& services, const store::SiteRecord& record) {
  WaitResult result;
  // What is being removed is to have none.
  if (!record.removing) {
    if (const auto usable = services.commands.CheckRouting(record.site); !usable) {
      result.reason = "the site's routes cannot be made: " + usable.error().message;
      return result;
    }
  }
  if (store::InDocument(record.phase)) {
    const routing::PoolRouting* const pool =
        routing::FindPool(services.pools, record.site.routing.pool);
    if (!pool) {
      result.reason = fmt::format("there is no pool {}", record.site.routing.pool);
      return result;
    }
    const auto confirmation = pool->traefiks.instances.Confirm(record.routes_revision);
    result.reached = confirmation.everywhere;
    result.reason = fmt::format("{}", fmt::join(confirmation.waiting_for, "; "));
    return result;
  }
  // A label's confirmation is written to the store when every Traefik has shown it.
  const auto current = services.store.Find(record.site.id);
  if (!current || !*current) {
    result.reason = current ? "the site is gone" : current.error().message;
    result.failed = current.has_value();
    return result;
  }
  result.reached = (*current)->labels_confirmed >= record.routes_revision;
  if (!result.reached) {
    result.reason = services.mode_switch.WaitingFor(record.site.id);
    if (result.reason.empty()) result.reason = "Traefik has not shown the labels yet";
  }
  return result;
}

namespace {

WaitResult IsStillRouted(const Services& services, const store::SiteRecord& record) {
  auto superseded = Superseded(services, record, &store::SiteRecord::routes_revision);
  return superseded ? *std::move(superseded) : IsRouted(services, record);
}

}  // namespace

WaitResult Wait(const Services& services, const store::SiteRecord& record, const WaitOrder& order) {
  switch (order.level) {
    case Level::kAccepted:
      break;
    case Level::kRunning:
      return Repeat(services, order.timeout, [&] { return IsRunning(services, record); });
    case Level::kRouted:
      if (const auto* const pool = routing::FindPool(services.pools, record.site.routing.pool);
          pool && store::InDocument(record.phase)) {
        // Wakes at once, without asking again and again.
        pool->traefiks.instances.WaitConfirmed(record.routes_revision, Clock::now() + order.timeout,
                                               services.stopping);
        return IsStillRouted(services, record);
      }
      return Repeat(services, order.timeout, [&] { return IsStillRouted(services, record); });
  }
  return {.reached = true, .failed = false, .ended = false, .reason = {}};
}

WaitResult WaitGone(const Services& services, site::SiteId id, const WaitOrder& order) {
  return Repeat(services, order.timeout, [&] {
    const auto record = services.store.Find(id);
    WaitResult result;
    result.reached = record && (!*record || !(*record)->removing);
    if (!record) {
      result.reason = record.error().message;
    } else if (!result.reached) {
      result.reason = services.reconciler.StatusOf(id).problem;
      if (result.reason.empty()) result.reason = "its service is still being removed";
    }
    return result;
  });
}

}  // namespace orchestrator::api
