#include "orchestrator/files/made_folders.h"

#include <mutex>

#include <fcntl.h>
#include <unistd.h>

#include "orchestrator/files/precondition.h"
#include "orchestrator/files/site_root.h"

namespace orchestrator::files {

void MadeFolders::Begin(Descriptor above, std::string name) {
  above_ = std::move(above);
  path_ = std::move(name);
}

MadeFolders::~MadeFolders() {
  if (path_.empty()) return;
  const std::lock_guard lock(PlaceMutex());
  while (!path_.empty()) {
    const std::size_t slash = path_.rfind('/');
    const bool is_first = slash == std::string::npos;
    const Descriptor above =
        OpenBeneath(above_, is_first ? "" : path_.substr(0, slash), O_PATH | O_DIRECTORY);
    const std::string name = is_first ? path_ : path_.substr(slash + 1);
    // In use or moved by now, and no more ours then.
    if (!above.valid() || unlinkat(above.get(), name.c_str(), AT_REMOVEDIR) != 0) return;
    path_.resize(is_first ? 0 : slash);
  }
}

}  // namespace orchestrator::files
