#include "orchestrator/files/upload.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "orchestrator/files/folder_reader.h"
#include "orchestrator/files/site_files.h"
#include "orchestrator/files/system_failure.h"

namespace orchestrator::files {
namespace {

constexpr std::string_view kWhat = "write";
constexpr std::uint32_t kFileMode = 0644;
constexpr std::chrono::hours kAbandonedAfter{1};
constexpr std::uint64_t kBlock = 512;  // of st_blocks

Precondition Wanted(const WriteOptions& options) {
  return {options.if_match, options.if_none_match_any};
}

// What is there already, when a file may take its place.
Result<std::optional<struct stat>> CheckTarget(const Descriptor& folder, const RelativePath& path,
                                               const WriteOptions& options) {
  struct stat status{};
  const bool there = Look(folder, path.name(), status);
  if (!there && errno != ENOENT) return SystemFailure(errno, kWhat, path.text());
  const auto type = there ? std::optional(TypeOf(status)) : std::nullopt;
  if (type == EntryType::kFolder) return SystemFailure(EISDIR, kWhat, path.text());
  if (type == EntryType::kOther) {
    return Refusal(ErrorKind::kConflict, kWhat, path.text(),
                   "it is a FIFO, a socket or a device, not a file");
  }
  if (auto holds = CheckPrecondition(Wanted(options), there ? &status : nullptr, kWhat, path);
      !holds) {
    return Failure(holds.error());
  }
  return there ? std::optional(status) : std::nullopt;
}

// The blocks of a file with other hard links stay.
bool BecomesFree(const struct stat& target) { return target.st_nlink == 1; }

}  // namespace

Result<Upload> SiteFiles::StartWriting(const RelativePath& path, const WriteOptions& options,
                                       const std::stop_token& stop) const {
  if (path.is_root()) return SystemFailure(EISDIR, kWhat, "");
  if (auto valid = CheckMode(options.mode.value_or(kFileMode), kWhat, path); !valid) {
    return Failure(valid.error());
  }
  auto folder = OpenParent(path, kWhat);
  const bool makes_folder =
      !folder && options.make_parents && folder.error().kind == ErrorKind::kNotFound;
  if (!folder && !makes_folder) return Failure(folder.error());
  std::optional<struct stat> target;
  if (folder) {
    auto found = CheckTarget(*folder, path, options);
    if (!found) return Failure(found.error());
    target = *found;
    RemoveAbandonedUploads(*folder);
  } else if (auto holds = CheckPrecondition(Wanted(options), nullptr, kWhat, path); !holds) {
    return Failure(holds.error());
  }
  std::optional<Upload::Replaced> replaced;
  if (target && BecomesFree(*target)) {
    replaced = {target->st_dev, target->st_ino,
                static_cast<std::uint64_t>(target->st_blocks) * kBlock};
  }
  auto quota = MeasureQuota(replaced ? replaced->bytes : 0, stop);
  if (!quota) return Failure(quota.error());
  // An empty file takes no bytes, but a place of its own.
  if (*quota && !target && (*quota)->is_used_up()) {
    return QuotaUsedUp(kWhat, path, (*quota)->bytes());
  }
  MadeFolders made;
  // Until the temporary file is in them, another upload that made them could take them along.
  std::unique_lock lock(PlaceMutex(), std::defer_lock);
  if (options.make_parents) {
    lock.lock();
    if (auto parents = MakeParents(path.parent(), kWhat, made); !parents) {
      return Failure(parents.error());
    }
    folder = OpenParent(path, kWhat);
    if (!folder) return Failure(folder.error());
  }
  Upload upload(std::move(*folder), path, options);
  upload.owner_ = options_.owner;
  upload.quota_ = *std::move(quota);
  upload.replaced_ = replaced;
  if (auto created = upload.Create(target.has_value()); !created) return Failure(created.error());
  upload.made_ = std::move(made);
  return upload;
}

Result<std::optional<UploadQuota>> SiteFiles::MeasureQuota(std::uint64_t replaced,
                                                           const std::stop_token& stop) const {
  if (!options_.quota_bytes) return std::optional<UploadQuota>();
  const auto top = root_.OpenFolder(RelativePath(), kWhat);
  if (!top) return Failure(top.error());
  UploadQuota quota(*options_.quota_bytes, *top);
  const auto usage = MeasureUsage(stop);
  if (!usage) return Failure(usage.error());
  quota.SetUsed(usage->bytes - std::min(usage->bytes, replaced));
  return std::optional(std::move(quota));
}

Upload::~Upload() {
  if (HasTemporary()) unlinkat(folder_.get(), temporary_.c_str(), 0);
}

Result<void> Upload::Create(bool replaces) {
  temporary_ = MakeUploadName(replaces);
  file_ = OpenBeneath(folder_, temporary_, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!file_.valid()) return SystemFailure(errno, kWhat, path_.text());
  return {};
}

// Whether the temporary file is still ours: others may rename things in the folder.
bool Upload::HasTemporary() const {
  struct stat ours{};
  struct stat there{};
  return file_.valid() && !temporary_.empty() && fstat(file_.get(), &ours) == 0 &&
         Look(folder_, temporary_, there) && ours.st_dev == there.st_dev &&
         ours.st_ino == there.st_ino;
}

Failure Upload::Fail(Failure failure) {
  failure_ = failure.error();
  return failure;
}

Result<void> Upload::Append(std::string_view bytes) {
  if (failure_) return Failure(*failure_);
  if (quota_ && !quota_->Take(bytes.size())) {
    return Fail(QuotaUsedUp(kWhat, path_, quota_->bytes()));
  }
  while (!bytes.empty()) {
    const ssize_t count = write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Fail(SystemFailure(errno, kWhat, path_.text()));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

// Room was counted on that does not become free when the file to be replaced has been moved or
// linked meanwhile.
Result<void> Upload::TakeWhatIsNotReplaced(const std::optional<struct stat>& target) {
  if (!quota_ || !replaced_) return {};
  const bool is_same = target && target->st_dev == replaced_->device &&
                       target->st_ino == replaced_->inode && BecomesFree(*target);
  if (is_same || quota_->Take(replaced_->bytes)) return {};
  return Refusal(ErrorKind::kNoSpace, kWhat, path_.text(),
                 fmt::format("the file that it was to replace is elsewhere by now, and the site's "
                             "quota of {} bytes has no room for both",
                             quota_->bytes()));
}

Result<void> Upload::SetOwnerAndMode(const std::optional<struct stat>& target) const {
  const bool replaces_file = target && S_ISREG(target->st_mode);
  std::optional<Owner> owner = owner_;
  if (!owner && replaces_file) owner = Owner{target->st_uid, target->st_gid};
  std::uint32_t mode = options_.mode.value_or(kFileMode);
  // New content does not get the right to act as someone else that the old content had.
  if (!options_.mode && replaces_file) mode = target->st_mode & 01777;
  // The owner first: changing it takes away bits of the mode.
  const bool owned = !owner || fchown(file_.get(), owner->user, owner->group) == 0;
  if (owned && fchmod(file_.get(), mode) == 0) return {};
  return SystemFailure(errno, "set owner and mode of", path_.text());
}

Result<void> Upload::TakePlace() {
  const std::lock_guard lock(PlaceMutex());
  const auto target = CheckTarget(folder_, path_, options_);
  if (!target) return Failure(target.error());
  if (auto taken = TakeWhatIsNotReplaced(*target); !taken) return taken;
  if (auto set = SetOwnerAndMode(*target); !set) return set;
  if (!HasTemporary()) {
    return Refusal(ErrorKind::kConflict, kWhat, path_.text(),
                   "its temporary file has been removed meanwhile");
  }
  const unsigned flags = options_.if_none_match_any ? RENAME_NOREPLACE : 0U;
  if (renameat2(folder_.get(), temporary_.c_str(), folder_.get(), path_.name().c_str(), flags) ==
      0) {
    temporary_.clear();
    made_.Keep();
    return {};
  }
  if (errno == EEXIST && options_.if_none_match_any) {
    return Refusal(ErrorKind::kPrecondition, kWhat, path_.text(), "it is there already");
  }
  return SystemFailure(errno, kWhat, path_.text());
}

Result<Entry> Upload::Commit() {
  if (failure_) return Failure(*failure_);
  // The content before the name, so that a crash never leaves a name without its content.
  if (fsync(file_.get()) != 0) return Fail(SystemFailure(errno, kWhat, path_.text()));
  if (auto placed = TakePlace(); !placed) return Fail(Failure(placed.error()));
  // From now on nothing can be committed again.
  failure_ = Error{ErrorKind::kInternal, "the upload is committed already"};
  struct stat status{};
  if (fsync(folder_.get()) != 0 || fstat(file_.get(), &status) != 0) {
    return SystemFailure(errno, kWhat, path_.text());
  }
  return MakeEntry(status, path_.name(), folder_, path_.name());
}

void RemoveAbandonedUploads(const Descriptor& folder) {
  auto reader = FolderReader::Start(OpenBeneath(folder, "", O_RDONLY | O_DIRECTORY));
  if (!reader) return;
  const auto limit = std::chrono::system_clock::now() - kAbandonedAfter;
  while (true) {
    const auto name = reader->Next();
    if (!name || !*name) return;
    struct stat status{};
    if (IsUploadName(**name) && Look(folder, **name, status) && S_ISREG(status.st_mode) &&
        ModifiedTime(status) < limit) {
      unlinkat(folder.get(), (*name)->c_str(), 0);
    }
  }
}

}  // namespace orchestrator::files
