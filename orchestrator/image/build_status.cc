#include "orchestrator/image/build_status.h"

#include <nlohmann/json.hpp>

namespace orchestrator::image {

using nlohmann::json;

const char* Name(BuildState state) {
  switch (state) {
    case BuildState::kNone:
      return "none";
    case BuildState::kWaiting:
      return "waiting";
    case BuildState::kRunning:
      return "running";
    case BuildState::kBuilt:
      return "built";
    case BuildState::kFailed:
      return "failed";
    case BuildState::kCancelled:
      return "cancelled";
  }
  return "?";
}

BuildStatus Interrupted() {
  return {.state = BuildState::kFailed,
          .error = "it was interrupted: the orchestrator was stopped; build again",
          .kind = ErrorKind::kUnavailable};
}

std::string ToLine(const BuildStatus& status) {
  const json line{
      {"state", Name(status.state)}, {"error", status.error}, {"image", status.image_id}};
  return line.dump(-1, ' ', false, json::error_handler_t::replace);
}

BuildStatus FromLastLine(std::string_view line) {
  const json last = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!last.is_object() || !last.contains("state")) return Interrupted();
  for (const BuildState state : {BuildState::kBuilt, BuildState::kFailed, BuildState::kCancelled}) {
    if (last.at("state") == Name(state)) {
      return {
          .state = state, .error = last.value("error", ""), .image_id = last.value("image", "")};
    }
  }
  return Interrupted();
}

}  // namespace orchestrator::image
