#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "orchestrator/error.h"
#include "orchestrator/files/descriptor.h"
#include "orchestrator/files/relative_path.h"

namespace orchestrator::files {

// A list of entity tags, without quotes, or all that there can be.
struct EntityTags {
  bool any = false;  // "*": whatever is there, folders and links included
  std::vector<std::string> tags = {};

  bool Contains(std::string_view tag) const;
};

// What must hold of what is at a path when an operation changes it (RFC 9110, 13.1).
struct Precondition {
  std::optional<EntityTags> if_match = {};
  bool if_none_match_any = false;  // nothing may be there
};

// Between the last look at an entry and what is done to it nobody else in this process may put
// something else there, or two operations with the same precondition would both succeed. Held for a
// few system calls.
std::mutex& PlaceMutex();

// What is under a name itself, links included; false when nothing is, or errno says why.
bool Look(const Descriptor& folder, const std::string& name, struct stat& status);

// kPrecondition when it does not hold. `there` is null where nothing is.
Result<void> CheckPrecondition(const Precondition& wanted, const struct stat* there,
                               std::string_view what, const RelativePath& path);

// The same for a name as it is now.
Result<void> CheckPrecondition(const Precondition& wanted, const Descriptor& folder,
                               std::string_view what, const RelativePath& path);

}  // namespace orchestrator::files
