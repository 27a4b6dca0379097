#include "orchestrator/files/upload.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
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

}  // namespace

Result<Upload> SiteFiles::StartWriting(const RelativePath& path,
                                       const WriteOptions& options) const {
  if (path.is_root()) return SystemFailure(EISDIR, kWhat, "");
  if (auto valid = CheckMode(options.mode.value_or(kFileMode), kWhat, path); !valid) {
    return Failure(valid.error());
  }
  if (auto allowed = root_.Check(path, kWhat); !allowed) return Failure(allowed.error());
  if (options.make_parents) {
    if (auto made = MakeParents(path.parent(), kWhat); !made) return Failure(made.error());
  }
  auto folder = OpenParent(path, kWhat);
  if (!folder) return Failure(folder.error());
  Upload upload(std::move(*folder), path, options);
  upload.owner_ = options_.owner;
  const auto target = upload.CheckTarget();
  if (!target) return Failure(target.error());
  RemoveAbandonedUploads(upload.folder_);
  if (options_.quota_bytes) {
    const auto top = root_.OpenFolder(RelativePath(), kWhat);
    if (!top) return Failure(top.error());
    auto written = Upload::WrittenTo(*top);
    // Before the measurement, so that what others write meanwhile counts rather twice than never.
    const std::uint64_t begun_at = *written;
    const auto usage = MeasureUsage();
    if (!usage) return Failure(usage.error());
    // The blocks of a file with other hard links stay.
    const bool freed = *target && (*target)->st_nlink == 1;
    const std::uint64_t replaced =
        freed ? static_cast<std::uint64_t>((*target)->st_blocks) * kBlock : 0;
    const std::uint64_t used = usage->bytes - std::min(usage->bytes, replaced);
    const std::uint64_t left = *options_.quota_bytes - std::min(*options_.quota_bytes, used);
    upload.quota_ = {*options_.quota_bytes, begun_at + left, std::move(written)};
  }
  if (auto created = upload.Create(target->has_value()); !created) return Failure(created.error());
  return upload;
}

Upload::~Upload() {
  if (HasTemporary()) unlinkat(folder_.get(), temporary_.c_str(), 0);
}

std::shared_ptr<Upload::Written> Upload::WrittenTo(const Descriptor& site) {
  static std::mutex mutex;
  static std::map<std::pair<dev_t, ino_t>, std::weak_ptr<Written>> all;
  struct stat status{};
  if (fstat(site.get(), &status) != 0) return std::make_shared<Written>(0);
  const std::lock_guard lock(mutex);
  std::erase_if(all, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Written>& known = all[{status.st_dev, status.st_ino}];
  auto written = known.lock();
  if (!written) known = written = std::make_shared<Written>(0);
  return written;
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
  if (quota_ && quota_->written->fetch_add(bytes.size()) + bytes.size() > quota_->most) {
    return Fail(Refusal(ErrorKind::kNoSpace, kWhat, path_.text(),
                        fmt::format("the site's quota of {} bytes is used up", quota_->bytes)));
  }
  while (!bytes.empty()) {
    const ssize_t count = write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Fail(SystemFailure(errno, kWhat, path_.text()));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::optional<struct stat>> Upload::CheckTarget() const {
  struct stat status{};
  const bool there = Look(folder_, path_.name(), status);
  if (!there && errno != ENOENT) return SystemFailure(errno, kWhat, path_.text());
  const auto type = there ? std::optional(TypeOf(status)) : std::nullopt;
  if (type == EntryType::kFolder) return SystemFailure(EISDIR, kWhat, path_.text());
  if (type == EntryType::kOther) {
    return Refusal(ErrorKind::kConflict, kWhat, path_.text(),
                   "it is a FIFO, a socket or a device, not a file");
  }
  const Precondition wanted{options_.if_match, options_.if_none_match_any};
  if (auto holds = CheckPrecondition(wanted, there ? &status : nullptr, kWhat, path_); !holds) {
    return Failure(holds.error());
  }
  return there ? std::optional(status) : std::nullopt;
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
  const auto target = CheckTarget();
  if (!target) return Failure(target.error());
  if (auto set = SetOwnerAndMode(*target); !set) return set;
  if (!HasTemporary()) {
    return Refusal(ErrorKind::kConflict, kWhat, path_.text(),
                   "its temporary file has been removed meanwhile");
  }
  const unsigned flags = options_.if_none_match_any ? RENAME_NOREPLACE : 0U;
  if (renameat2(folder_.get(), temporary_.c_str(), folder_.get(), path_.name().c_str(), flags) ==
      0) {
    temporary_.clear();
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
