#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>

#include "orchestrator/files/site_files.h"
#include "orchestrator/files/system_failure.h"
#include "orchestrator/files/tree_walk.h"

namespace orchestrator::files {
namespace {

constexpr std::string_view kWhat = "remove";
// How often the removal of one entry begins again because others change the same folders.
constexpr int kRetries = 1'000;

int Unlink(const Descriptor& folder, const std::string& name, int flags = 0) {
  return unlinkat(folder.get(), name.c_str(), flags) == 0 ? 0 : errno;
}

bool IsGone(int error) { return error == 0 || error == ENOENT; }
bool IsNoFolder(int error) { return error == ENOTDIR || error == ELOOP; }

// Removes trees in one folder, the base.
class TreeRemoval {
 public:
  TreeRemoval(const Descriptor& base, std::string path, std::stop_token stop)
      : base_(base), path_(std::move(path)), stop_(std::move(stop)) {}

  // What is under the name, whatever it is by then.
  Result<void> RemoveEntry(const std::string& name) {
    retries_ = 0;
    while (true) {
      if (auto going_on = CountRetry(); !going_on) return going_on;
      const int error = Unlink(base_, name);
      if (IsGone(error)) return {};
      if (error != EISDIR) return SystemFailure(error, kWhat, Shown(name));
      auto walk = TreeWalk::Start(base_, path_);
      if (!walk) return Failure(walk.error());
      const int entered = walk->Enter(name);
      if (entered == ENOENT) return {};
      if (IsNoFolder(entered)) continue;
      if (entered != 0) return SystemFailure(entered, kWhat, Shown(name));
      const auto removed = RemoveEntered(*walk);
      if (!removed) return Failure(removed.error());
      if (*removed) return {};
    }
  }

 private:
  Result<void> CountRetry() {
    if (stop_.stop_requested()) {
      return Refusal(ErrorKind::kCancelled, kWhat, path_, "it was told to stop");
    }
    if (retries_++ < kRetries) return {};
    return Refusal(ErrorKind::kConflict, kWhat, path_,
                   "new files appear in it all the time; stop the site and try again");
  }

  std::string Shown(const std::string& below) const {
    return path_.empty() ? below : path_ + "/" + below;
  }

  // Empties the folder that was entered and removes it. False when others moved folders so that it
  // has to begin again.
  Result<bool> RemoveEntered(TreeWalk& walk) {
    while (walk.depth() > 0) {
      if (stop_.stop_requested()) {
        return Refusal(ErrorKind::kCancelled, kWhat, path_, "it was told to stop");
      }
      const auto name = walk.Next();
      if (!name) return Failure(name.error());
      const auto done = *name ? RemoveNext(walk, **name) : RemoveLeft(walk);
      if (!done || !*done) return done;
    }
    return true;
  }

  Result<bool> RemoveNext(TreeWalk& walk, const std::string& name) {
    int error = Unlink(walk.folder(), name);
    if (error == EISDIR) error = walk.Enter(name);
    // If it is a link by now, its folder will not be empty and gets another round.
    if (IsGone(error) || IsNoFolder(error)) return true;
    return SystemFailure(error, kWhat, Shown(walk.path() + "/" + name));
  }

  Result<bool> RemoveLeft(TreeWalk& walk) {
    const std::string name = walk.name();
    if (!walk.Leave()) return false;
    const int error = Unlink(walk.folder(), name, AT_REMOVEDIR);
    if (IsGone(error)) return true;
    // Someone put something in, or something else in its place.
    if (error == ENOTEMPTY || error == EEXIST || error == ENOTDIR) {
      if (auto going_on = CountRetry(); !going_on) return Failure(going_on.error());
      const int entered = error == ENOTDIR ? ENOTDIR : walk.Enter(name);
      return IsGone(entered) || (IsNoFolder(entered) && walk.depth() > 0);
    }
    return SystemFailure(error, kWhat,
                         Shown(walk.path().empty() ? name : walk.path() + "/" + name));
  }

  const Descriptor& base_;
  std::string path_;
  std::stop_token stop_;
  int retries_ = 0;  // of the current entry
};

// Empties a folder. At the top, what every site has stays.
Result<void> Empty(const SiteRoot& root, const RelativePath& path, const std::stop_token& stop) {
  const auto folder = root.OpenFolder(path, kWhat);
  if (!folder) return Failure(folder.error());
  auto walk = TreeWalk::Start(*folder, path.text());
  if (!walk) return Failure(walk.error());
  TreeRemoval removal(*folder, path.text(), stop);
  while (true) {
    const auto name = walk->Next();
    if (!name) return Failure(name.error());
    if (!*name) return {};
    const bool at_top = path.is_root();
    if (at_top && **name == kProgramFolder) continue;
    struct stat status{};
    const bool kept = at_top && IsKeptFolder(**name) &&
                      fstatat(folder->get(), (*name)->c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                      S_ISDIR(status.st_mode);
    if (kept) continue;
    if (auto removed = removal.RemoveEntry(**name); !removed) return removed;
  }
}

}  // namespace

Result<void> SiteFiles::RemoveTree(const RelativePath& path, const std::stop_token& stop,
                                   const Precondition& wanted) const {
  if (wanted.if_match || wanted.if_none_match_any) {
    const auto node = root_.OpenNode(path, kWhat);
    struct stat status{};
    const bool is_folder = node && fstat(node->get(), &status) == 0 && S_ISDIR(status.st_mode);
    // A single entry is removed in one step with the look at it.
    if (!is_folder) return Remove(path, wanted);
    if (auto holds = CheckPrecondition(wanted, &status, kWhat, path); !holds) return holds;
  }
  if (path.is_root()) {
    for (const char* name : {"public", ".home"}) {
      const RelativePath kept = *RelativePath::Parse(name);
      const auto entry = Stat(kept);
      if (!entry || entry->type != EntryType::kFolder) continue;
      if (auto emptied = Empty(root_, kept, stop); !emptied) return emptied;
    }
    return Empty(root_, path, stop);
  }
  const auto entry = Stat(path);
  if (!entry) return Failure(entry.error());
  if (IsKeptFolder(path.text()) && entry->type == EntryType::kFolder)
    return Empty(root_, path, stop);
  const auto parent = OpenParent(path, kWhat);
  if (!parent) return Failure(parent.error());
  return TreeRemoval(*parent, path.parent().text(), stop).RemoveEntry(path.name());
}

}  // namespace orchestrator::files
