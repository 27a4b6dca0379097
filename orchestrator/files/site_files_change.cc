// The part of SiteFiles that makes, moves and removes single entries.

#include <cerrno>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>

#include "orchestrator/files/precondition.h"
#include "orchestrator/files/site_files.h"
#include "orchestrator/files/system_failure.h"

namespace orchestrator::files {
namespace {

constexpr std::uint32_t kParentMode = 0755;

}  // namespace

Result<Descriptor> SiteFiles::OpenParent(const RelativePath& path, std::string_view what) const {
  if (path.is_root()) {
    return Refusal(ErrorKind::kConflict, what, "", "it belongs to the orchestrator");
  }
  if (auto allowed = root_.Check(path, what); !allowed) return Failure(allowed.error());
  auto parent = root_.OpenFolder(path.parent(), what);
  if (!parent && parent.error().kind == ErrorKind::kNotFound) {
    return Refusal(ErrorKind::kNotFound, what, path.text(), "there is no folder for it");
  }
  return parent;
}

Result<void> SiteFiles::GiveAway(const Descriptor& made, std::uint32_t mode,
                                 const RelativePath& path) const {
  // The owner first: changing it takes away bits of the mode.
  const bool owned =
      !options_.owner || fchown(made.get(), options_.owner->user, options_.owner->group) == 0;
  if (owned && fchmod(made.get(), mode) == 0) return {};
  return SystemFailure(errno, "set owner and mode of", path.text());
}

Result<void> SiteFiles::MakeParents(const RelativePath& folder, std::string_view what,
                                    MadeFolders& made) const {
  if (auto allowed = root_.Check(folder, what); !allowed) return Failure(allowed.error());
  auto current = root_.OpenFolder(RelativePath(), what);
  if (!current) return Failure(current.error());
  const std::string& text = folder.text();
  bool ours = true;  // until others make a folder below one that was made here
  for (std::size_t start = 0; start < text.size();) {
    const std::string name = text.substr(start, text.find('/', start) - start);
    const bool is_made = mkdirat(current->get(), name.c_str(), 0700) == 0;
    if (!is_made && errno != EEXIST) return SystemFailure(errno, what, folder.text());
    ours = ours && (is_made || made.empty());
    if (ours && is_made && !made.empty()) made.Add(name);
    Descriptor next = OpenBeneath(*current, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    const int error = errno;
    if (ours && is_made && made.empty()) made.Begin(std::move(*current), name);
    if (!next.valid()) return SystemFailure(error, what, folder.text());
    if (is_made) {
      if (auto given = GiveAway(next, kParentMode, folder); !given) return given;
    }
    *current = std::move(next);
    start += name.size() + 1;
  }
  return {};
}

Result<Entry> SiteFiles::MakeFolder(const RelativePath& path, std::uint32_t mode, bool parents,
                                    const Precondition& wanted, const std::stop_token& stop) const {
  constexpr std::string_view kWhat = "make the folder";
  if (path.is_root()) return SystemFailure(EEXIST, kWhat, "");
  if (auto valid = CheckMode(mode, kWhat, path); !valid) return Failure(valid.error());
  const std::string name = path.name();
  auto parent = OpenParent(path, kWhat);
  const bool makes_parent = !parent && parents && parent.error().kind == ErrorKind::kNotFound;
  if (!parent && !makes_parent) return Failure(parent.error());
  struct stat status{};
  const bool there = parent && Look(*parent, name, status);
  if (parent && !there && errno != ENOENT) return SystemFailure(errno, kWhat, path.text());
  if (auto holds = CheckPrecondition(wanted, there ? &status : nullptr, kWhat, path); !holds) {
    return Failure(holds.error());
  }
  if (there) return SystemFailure(EEXIST, kWhat, path.text());
  const auto quota = MeasureQuota(0, stop);
  if (!quota) return Failure(quota.error());
  if (*quota && (*quota)->is_used_up()) return QuotaUsedUp(kWhat, path, (*quota)->bytes());
  MadeFolders above;
  const std::lock_guard lock(PlaceMutex());
  if (parents) {
    if (auto made = MakeParents(path.parent(), kWhat, above); !made) return Failure(made.error());
    parent = OpenParent(path, kWhat);
    if (!parent) return Failure(parent.error());
  }
  if (mkdirat(parent->get(), name.c_str(), 0700) != 0) {
    const bool unwanted = errno == EEXIST && wanted.if_none_match_any;
    return unwanted ? Refusal(ErrorKind::kPrecondition, kWhat, path.text(), "it is there already")
                    : SystemFailure(errno, kWhat, path.text());
  }
  above.Keep();
  const Descriptor folder = OpenBeneath(*parent, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  if (!folder.valid()) return SystemFailure(errno, kWhat, path.text());
  if (auto given = GiveAway(folder, mode, path); !given) return Failure(given.error());
  if (fstat(folder.get(), &status) != 0) return SystemFailure(errno, kWhat, path.text());
  return MakeEntry(status, name, folder, "");
}

Result<Entry> SiteFiles::Move(const RelativePath& from, const RelativePath& to, bool replace,
                              const Precondition& wanted) const {
  constexpr std::string_view kWhat = "move";
  for (const RelativePath* path : {&from, &to}) {
    if (IsKeptFolder(path->text())) {
      return Refusal(ErrorKind::kConflict, kWhat, from.text(),
                     "public and .home of a site stay where they are");
    }
  }
  if (!from.is_root() && (to == from || to.IsInside(from))) {
    return Refusal(ErrorKind::kInvalid, kWhat, from.text(), "it cannot be moved into itself");
  }
  const auto source = OpenParent(from, kWhat);
  if (!source) return Failure(source.error());
  const auto target = OpenParent(to, kWhat);
  if (!target) return Failure(target.error());
  const std::string name = to.name();
  const std::lock_guard lock(PlaceMutex());
  if (auto holds = CheckPrecondition(wanted, *source, kWhat, from); !holds) {
    return Failure(holds.error());
  }
  if (renameat2(source->get(), from.name().c_str(), target->get(), name.c_str(),
                replace ? 0U : static_cast<unsigned>(RENAME_NOREPLACE)) != 0) {
    const int error = errno;
    switch (error) {
      case ENOENT:
        return SystemFailure(error, kWhat, from.text());
      case EINVAL:
        return Refusal(ErrorKind::kInvalid, kWhat, from.text(), "it cannot be moved into itself");
      case ENOTDIR:
        return Refusal(ErrorKind::kConflict, kWhat, from.text(),
                       "a folder cannot take the place of what is no folder");
      default:
        return SystemFailure(error, "move something to", to.text());
    }
  }
  struct stat status{};
  if (fstatat(target->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return SystemFailure(errno, "look at", to.text());
  }
  return MakeEntry(status, name, *target, name);
}

Result<Entry> SiteFiles::Chmod(const RelativePath& path, std::uint32_t mode,
                               const Precondition& wanted) const {
  constexpr std::string_view kWhat = "change the mode of";
  if (auto valid = CheckMode(mode, kWhat, path); !valid) return Failure(valid.error());
  if (path.is_root()) {
    return Refusal(ErrorKind::kConflict, kWhat, "", "it belongs to the orchestrator");
  }
  const std::lock_guard lock(PlaceMutex());
  const auto node = root_.OpenNode(path, kWhat);
  struct stat status{};
  if (!node && node.error().kind == ErrorKind::kNotFound) {
    if (auto holds = CheckPrecondition(wanted, nullptr, kWhat, path); !holds) {
      return Failure(holds.error());
    }
  }
  if (!node) return Failure(node.error());
  if (fstat(node->get(), &status) != 0) return SystemFailure(errno, kWhat, path.text());
  if (auto holds = CheckPrecondition(wanted, &status, kWhat, path); !holds) {
    return Failure(holds.error());
  }
  const EntryType type = TypeOf(status);
  if (type != EntryType::kFile && type != EntryType::kFolder) {
    return Refusal(ErrorKind::kConflict, kWhat, path.text(), "it is neither a file nor a folder");
  }
  // fchmod does not take an O_PATH descriptor, and fchmodat2 is younger than the kernels we run on.
  if (chmod(ProcessPath(*node).c_str(), mode) != 0 || fstat(node->get(), &status) != 0) {
    return SystemFailure(errno, kWhat, path.text());
  }
  return MakeEntry(status, path.name(), *node, "");
}

Result<void> SiteFiles::Remove(const RelativePath& path, const Precondition& wanted) const {
  constexpr std::string_view kWhat = "remove";
  if (IsKeptFolder(path.text())) {
    return Refusal(ErrorKind::kConflict, kWhat, path.text(), "every site has this folder");
  }
  const auto parent = OpenParent(path, kWhat);
  if (!parent) return Failure(parent.error());
  const std::string name = path.name();
  const auto remove = [&]() -> Result<int> {
    const std::lock_guard lock(PlaceMutex());
    if (auto holds = CheckPrecondition(wanted, *parent, kWhat, path); !holds) {
      return Failure(holds.error());
    }
    if (unlinkat(parent->get(), name.c_str(), 0) == 0) return 0;
    if (errno != EISDIR) return errno;
    return unlinkat(parent->get(), name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
  };
  auto error = remove();
  if (error && *error == ENOTEMPTY) {
    // It may look empty and still have what a crash left of an upload.
    const auto folder = root_.OpenFolder(path, kWhat);
    if (!folder) return Failure(folder.error());
    RemoveAbandonedUploads(*folder);
    error = remove();
  }
  if (!error) return Failure(error.error());
  return *error == 0 ? Result<void>() : SystemFailure(*error, kWhat, path.text());
}

}  // namespace orchestrator::files
