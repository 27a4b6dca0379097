#include "orchestrator/files/tree_walk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "orchestrator/files/relative_path.h"
#include "orchestrator/files/site_root.h"
#include "orchestrator/files/system_failure.h"

namespace orchestrator::files {
namespace {

// Each takes two descriptors and the stream's buffer of 32 KiB.
constexpr std::size_t kOpenLevels = 32;

}  // namespace

Result<TreeWalk> TreeWalk::Start(const Descriptor& base, std::string shown_path) {
  TreeWalk walk(std::move(shown_path));
  Level level;
  // Opened again, so that the position of the caller's descriptor stays its own.
  if (const int error = walk.OpenInto(level, base, ""); error != 0) {
    return SystemFailure(error, "read the folder", walk.shown_path_);
  }
  walk.levels_.push_back(std::move(level));
  return walk;
}

int TreeWalk::OpenInto(Level& level, const Descriptor& above, const std::string& path) {
  Descriptor folder = OpenBeneath(above, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  struct stat status{};
  if (!folder.valid() || fstat(folder.get(), &status) != 0) return errno;
  const bool again = level.inode != 0;
  // Someone put another folder there.
  if (again && (level.device != status.st_dev || level.inode != status.st_ino)) return ENOENT;
  level.device = status.st_dev;
  level.inode = status.st_ino;
  auto reader = FolderReader::Start(std::move(folder));
  if (!reader) return reader.error();
  if (again) reader->Seek(level.position);
  level.reader = std::move(*reader);
  return 0;
}

Result<std::optional<std::string>> TreeWalk::Next() {
  auto name = levels_.back().reader->Next();
  if (!name) return SystemFailure(name.error(), "read the folder", shown_path_);
  return std::move(*name);
}

int TreeWalk::Enter(const std::string& name) {
  Level level{.name = name};
  if (const int error = OpenInto(level, folder(), name); error != 0) return error;
  levels_.push_back(std::move(level));
  if (!path_.empty()) path_ += '/';
  path_ += name;
  if (levels_.size() - first_open_ > kOpenLevels) {
    Level& highest = levels_[first_open_++];
    highest.position = highest.reader->position();
    highest.reader.reset();
  }
  return 0;
}

Result<void> TreeWalk::Leave() {
  path_.resize(path_.size() - std::min(path_.size(), levels_.back().name.size() + 1));
  levels_.pop_back();
  if (levels_.size() > first_open_ || depth() == 0) return {};
  if (OpenAgain() == 0) return {};
  return Refusal(ErrorKind::kConflict, "go through", shown_path_,
                 "its folders are being moved meanwhile");
}

int TreeWalk::OpenAgain() {
  const std::size_t first = std::max<std::size_t>(1, depth() - std::min(depth(), kOpenLevels / 2));
  Descriptor way;
  const Descriptor* above = &levels_.front().reader->folder();
  std::string part;
  for (std::size_t i = 1; i < first; ++i) {
    part += (part.empty() ? "" : "/") + levels_[i].name;
    if (i + 1 < first && part.size() + levels_[i + 1].name.size() < RelativePath::kLongestPath) {
      continue;
    }
    way = OpenBeneath(*above, part, O_PATH | O_DIRECTORY);
    if (!way.valid()) return errno;
    above = &way;
    part.clear();
  }
  for (std::size_t i = first; i <= depth(); ++i) {
    if (const int error = OpenInto(levels_[i], *above, levels_[i].name); error != 0) return error;
    above = &levels_[i].reader->folder();
  }
  first_open_ = first;
  return 0;
}

}  // namespace orchestrator::files
