#include <cerrno>
#include <set>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "orchestrator/files/site_files.h"
#include "orchestrator/files/system_failure.h"
#include "orchestrator/files/tree_walk.h"

namespace orchestrator::files {
namespace {

constexpr std::uint64_t kBlock = 512;  // of st_blocks
constexpr std::string_view kWhat = "measure";

std::uint64_t Allocated(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_blocks) * kBlock;
}

}  // namespace

Result<Usage> SiteFiles::MeasureUsage(const std::stop_token& stop) const {
  const auto folder = root_.OpenFolder(RelativePath(), kWhat);
  if (!folder) return Failure(folder.error());
  auto walk = TreeWalk::Start(*folder, "");
  if (!walk) return Failure(walk.error());
  struct stat status{};
  if (fstat(folder->get(), &status) != 0) return SystemFailure(errno, kWhat, "");
  const auto below = [&](const std::string& name) {
    return walk->path().empty() ? name : walk->path() + "/" + name;
  };
  Usage usage{.bytes = Allocated(status)};
  std::set<std::pair<dev_t, ino_t>> counted;
  while (true) {
    if (stop.stop_requested()) {
      return Refusal(ErrorKind::kCancelled, kWhat, "", "it was told to stop");
    }
    const auto name = walk->Next();
    if (!name) return Failure(name.error());
    if (!*name) {
      if (walk->depth() == 0) return usage;
      if (auto left = walk->Leave(); !left) return Failure(left.error());
      continue;
    }
    if (fstatat(walk->folder().get(), (*name)->c_str(), &status,
                AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
      if (errno == ENOENT) continue;  // gone by now
      return SystemFailure(errno, kWhat, below(**name));
    }
    ++usage.entries;
    if (S_ISDIR(status.st_mode)) {
      const int entered = walk->Enter(**name);
      // In a mount, the folder below it is meant, which cannot be seen.
      if (IsNoOwnFolder(entered)) continue;
      if (entered != 0) return SystemFailure(entered, kWhat, below(**name));
      usage.bytes += Allocated(status);
      continue;
    }
    if (status.st_dev != walk->device()) continue;
    if (status.st_nlink > 1 && !counted.emplace(status.st_dev, status.st_ino).second) continue;
    usage.bytes += Allocated(status);
  }
}

}  // namespace orchestrator::files
