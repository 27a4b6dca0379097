#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "orchestrator/error.h"

namespace orchestrator::image {

enum class BuildState : std::uint8_t { kNone, kWaiting, kRunning, kBuilt, kFailed, kCancelled };

const char* Name(BuildState state);

struct BuildStatus {
  BuildState state = BuildState::kNone;
  std::string error = {};     // of a failed build, for the site's user
  std::string image_id = {};  // of a good one
  // Of a failed one: kInvalid where the site's own files are to blame.
  ErrorKind kind = ErrorKind::kInternal;

  bool is_unfinished() const {
    return state == BuildState::kWaiting || state == BuildState::kRunning;
  }
};

// Of a build that ended with the process.
BuildStatus Interrupted();

// The last line of a build's log, {"state": …, "error": …, "image": …}, and back. Any other line
// says that the build was interrupted.
std::string ToLine(const BuildStatus& status);
BuildStatus FromLastLine(std::string_view line);

}  // namespace orchestrator::image
