#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/store/migration.h"
#include "orchestrator/store/record.h"

// What becomes of the steps of a migration. Pure functions.
namespace orchestrator::routing {

bool Any(const std::vector<store::MigrationStep>& steps, store::MigrationStep::State state);

// Whether its site is between the sides by this migration.
bool IsUnderWay(const store::MigrationStep& step);

// Whether only the first, small batch is over, and others are to come.
bool IsCanaryOver(const store::Migration& migration,
                  const std::vector<store::MigrationStep>& steps);

// Says in the record that its site is to go over, and in the step that it does; where it stays, in
// the step why.
void SendOver(const store::Migration& migration, store::SiteRecord& record,
              store::MigrationStep& step);

// The same for the way back to where it was.
void SendBack(const store::Migration& migration, store::SiteRecord& record,
              store::MigrationStep& step);

// Goes by what the site of a step that is under way has come to. `unapplied`: why the swarm does
// not have what the record says; empty where it does.
void SettleStep(const store::Migration& migration, const std::optional<store::SiteRecord>& record,
                const std::string& unapplied, store::MigrationStep& step);

// Puts changed steps in the place of those of the same sites.
void Remember(std::vector<store::MigrationStep> changed, std::vector<store::MigrationStep>& steps);

}  // namespace orchestrator::routing
