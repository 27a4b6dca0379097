#pragma once

#include <string>
#include <string_view>

namespace orchestrator::image {

// What one message of the engine tells of a build; empty texts where it tells nothing of the kind.
struct EngineMessage {
  std::string error;  // why the build has failed
  std::string built;  // the id of the image that a stage came out as; the last one is the build's
  std::string container;  // the short id of that of a step which begins
  std::string made;       // the short id of the image of a step which has ended
};

// `message` is JSON as the engine sends it. What a step prints can look like `container` and
// `made`, never like the others. Pure function.
EngineMessage ReadMessage(std::string_view message);

}  // namespace orchestrator::image
