#pragma once

#include <string>
#include <string_view>

#include "orchestrator/error.h"

namespace orchestrator::files {

// A path as messages show it: 'a/b', or "the site's directory" for the empty one.
std::string Shown(std::string_view path);

// An error number of the system as an error: "cannot <what> '<path>': <why>".
Failure SystemFailure(int error, std::string_view what, std::string_view path);

// Whether the error number of opening a folder says that there is none of the site's own any more:
// it is gone, something else by now, or another mount. Who goes through a tree leaves it out then;
// every other error means that not all has been seen.
bool IsNoOwnFolder(int error);

// An error of our own in the same words.
Failure Refusal(ErrorKind kind, std::string_view what, std::string_view path, std::string_view why);

}  // namespace orchestrator::files
