#include "orchestrator/files/precondition.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include "orchestrator/files/entry.h"
#include "orchestrator/files/system_failure.h"

namespace orchestrator::files {

bool EntityTags::Contains(std::string_view tag) const {
  return any || std::ranges::find(tags, tag) != tags.end();
}

std::mutex& PlaceMutex() {
  static std::mutex mutex;
  return mutex;
}

bool Look(const Descriptor& folder, const std::string& name, struct stat& status) {
  return fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0;
}

Result<void> CheckPrecondition(const Precondition& wanted, const struct stat* there,
                               std::string_view what, const RelativePath& path) {
  if (there != nullptr && wanted.if_none_match_any) {
    return Refusal(ErrorKind::kPrecondition, what, path.text(), "it is there already");
  }
  if (!wanted.if_match) return {};
  if (there == nullptr) {
    return Refusal(ErrorKind::kPrecondition, what, path.text(), "it is not there any more");
  }
  // Only files have entity tags.
  const bool matches = wanted.if_match->any || (TypeOf(*there) == EntryType::kFile &&
                                                wanted.if_match->Contains(EntityTag(*there)));
  if (matches) return {};
  return Refusal(ErrorKind::kPrecondition, what, path.text(), "it has been changed in between");
}

Result<void> CheckPrecondition(const Precondition& wanted, const Descriptor& folder,
                               std::string_view what, const RelativePath& path) {
  if (!wanted.if_match && !wanted.if_none_match_any) return {};
  struct stat status{};
  const bool there = Look(folder, path.name(), status);
  if (!there && errno != ENOENT) return SystemFailure(errno, what, path.text());
  return CheckPrecondition(wanted, there ? &status : nullptr, what, path);
}

}  // namespace orchestrator::files
