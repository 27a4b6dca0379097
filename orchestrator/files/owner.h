#pragma once

#include <sys/types.h>

namespace orchestrator::files {

// Who what is made for a site belongs to.
struct Owner {
  uid_t user = 0;
  gid_t group = 0;
};

}  // namespace orchestrator::files
