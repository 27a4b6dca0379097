#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/api/answer.h"
#include "orchestrator/files/relative_path.h"
#include "orchestrator/site/site.h"

namespace orchestrator::api {

// What a POST wants to be done to a path of a site.
struct FileChange {
  enum class Action : std::uint8_t { kMakeFolder, kMove, kChangeMode };
  Action action = Action::kMakeFolder;
  std::optional<std::uint32_t> mode = {};  // always there for kChangeMode
  files::RelativePath to = {};             // of kMove
  bool parents = false;
  bool replace = false;
};

// kInvalid with all that is wrong with the body.
Result<FileChange> ReadFileChange(const Request& request, site::SiteId id);

// Permission bits as octal digits, at most 07777.
std::optional<std::uint32_t> ParseMode(std::string_view text);

}  // namespace orchestrator::api
