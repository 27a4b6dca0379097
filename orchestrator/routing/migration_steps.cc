#include "orchestrator/routing/migration_steps.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/routing/extra.h"
#include "orchestrator/routing/routes.h"

namespace orchestrator::routing {
namespace {

using site::RoutingMode;
using store::Migration;
using store::MigrationStep;
using store::Phase;
using store::SiteRecord;
using StepState = store::MigrationStep::State;

Phase PhaseOf(RoutingMode side) {
  return side == RoutingMode::kLabels ? Phase::kLabels : Phase::kProvider;
}

// Whether this migration, and nobody after it, has said where the site is.
bool IsOurs(const SiteRecord& record, const Migration& migration) {
  const RoutingMode mode = record.site.routing.mode;
  return mode == RoutingMode::kDefault ? record.followed == migration.to
                                       : migration.chosen && mode == migration.to;
}

}  // namespace

bool Any(const std::vector<MigrationStep>& steps, StepState state) {
  return std::ranges::find(steps, state, &MigrationStep::state) != steps.end();
}

bool IsUnderWay(const MigrationStep& step) {
  return step.state == StepState::kStarted || step.state == StepState::kReturning;
}

bool IsCanaryOver(const Migration& migration, const std::vector<MigrationStep>& steps) {
  return migration.canary > 0 && Any(steps, StepState::kPlanned) && Any(steps, StepState::kMoved) &&
         std::ranges::none_of(steps, [](const MigrationStep& step) {
           return step.batch > 0 && step.state != StepState::kPlanned &&
                  step.state != StepState::kSkipped;
         });
}

void SendOver(const Migration& migration, SiteRecord& record, MigrationStep& step) {
  const auto skip = [&](std::string why) {
    step.state = StepState::kSkipped;
    step.note = std::move(why);
  };
  RoutingMode& mode = record.site.routing.mode;
  if (const auto obstacle = LabelObstacle(record.site);
      obstacle && migration.to == RoutingMode::kLabels) {
    return skip("it " + *obstacle);
  }
  step.mode_before = mode;
  step.followed_before = record.followed;
  if (mode != RoutingMode::kDefault && mode != migration.to) {
    if (!migration.chosen) {
      return skip(fmt::format("its own routing.mode is {}", site::Name(mode)));
    }
    mode = migration.to;
  }
  record.followed = migration.to;
  step.state = StepState::kStarted;
}

void SendBack(const Migration& migration, SiteRecord& record, MigrationStep& step) {
  if (!IsOurs(record, migration)) {
    step.state = StepState::kSkipped;
    step.note = "it was sent elsewhere meanwhile";
    return;
  }
  if (migration.chosen && record.site.routing.mode == migration.to) {
    record.site.routing.mode = step.mode_before;
  }
  record.followed = step.followed_before;
  step.state = StepState::kReturning;
}

void SettleStep(const Migration& migration, const std::optional<SiteRecord>& record,
                const std::string& unapplied, MigrationStep& step) {
  if (!record || record->removing) {
    step.state = StepState::kSkipped;
    step.note = "it was removed";
    return;
  }
  const RoutingMode wanted = WantedMode(*record);
  const bool is_settled = record->phase == PhaseOf(wanted) && unapplied.empty();
  if (step.state == StepState::kReturning) {
    if (is_settled) step.state = StepState::kReturned;
    return;
  }
  if (wanted != migration.to) {
    step.state = StepState::kSkipped;
    step.note = "it was sent elsewhere meanwhile";
  } else if (is_settled) {
    step.state = StepState::kMoved;
  }
}

void Remember(std::vector<MigrationStep> changed, std::vector<MigrationStep>& steps) {
  std::map<site::SiteId, MigrationStep*> by_site;
  for (MigrationStep& step : changed) by_site.emplace(step.site, &step);
  for (MigrationStep& step : steps) {
    const auto found = by_site.find(step.site);
    if (found != by_site.end()) step = std::move(*found->second);
  }
}

}  // namespace orchestrator::routing
