#include "orchestrator/store/migration.h"

namespace orchestrator::store {

const char* Name(Migration::State state) {
  switch (state) {
    case Migration::State::kRunning:
      return "running";
    case Migration::State::kPaused:
      return "paused";
    case Migration::State::kAborting:
      return "aborting";
    case Migration::State::kRollingBack:
      return "rolling-back";
    case Migration::State::kFinished:
      return "finished";
    case Migration::State::kAborted:
      return "aborted";
    case Migration::State::kRolledBack:
      return "rolled-back";
  }
  return "?";
}

const char* Name(MigrationStep::State state) {
  switch (state) {
    case MigrationStep::State::kPlanned:
      return "planned";
    case MigrationStep::State::kStarted:
      return "started";
    case MigrationStep::State::kMoved:
      return "moved";
    case MigrationStep::State::kSkipped:
      return "skipped";
    case MigrationStep::State::kReturning:
      return "returning";
    case MigrationStep::State::kReturned:
      return "returned";
  }
  return "?";
}

}  // namespace orchestrator::store
