#include "orchestrator/files/change_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "orchestrator/files/folder_reader.h"
#include "orchestrator/files/system_failure.h"

namespace orchestrator::files {
namespace {

constexpr std::string_view kWhat = "watch";
constexpr std::uint32_t kMask = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE |
                                IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                                IN_ONLYDIR;
constexpr std::size_t kBufferBytes = 65'536;
constexpr int kMostReads = 64;
// The two halves of a move are queued one after the other, but not in one step (inotify(7)).
constexpr std::chrono::milliseconds kSecondHalf{10};

std::string Below(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

bool IsInside(const std::string& path, const std::string& folder) {
  return folder.empty() || path == folder || path.starts_with(folder + "/");
}

}  // namespace

Result<ChangeWatch> ChangeWatch::Start(const SiteFiles& site, RelativePath path,
                                       std::size_t folder_limit) {
  // Refused here, since a folder that is gone is no error later.
  const auto folder = site.root().OpenFolder(path, kWhat);
  if (!folder) return Failure(folder.error());
  struct stat status{};
  if (fstat(folder->get(), &status) != 0) return SystemFailure(errno, kWhat, path.text());
  auto root = site.root().Duplicate();
  if (!root) return Failure(root.error());
  ChangeWatch watch(std::move(*root), std::move(path), folder_limit);
  watch.device_ = status.st_dev;
  watch.inode_ = status.st_ino;
  watch.wake_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!watch.wake_.valid()) return SystemFailure(errno, kWhat, watch.path_.text());
  if (auto begun = watch.Begin(); !begun) return Failure(begun.error());
  return watch;
}

Result<void> ChangeWatch::Begin() {
  folders_.clear();
  moves_.clear();
  overflow_ = false;
  inotify_ = Descriptor(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_.valid()) return SystemFailure(errno, kWhat, path_.text());
  return WatchTree(path_.text(), nullptr);
}

Result<bool> ChangeWatch::WatchFolder(const Descriptor& folder, const std::string& path) {
  // By descriptor: a path could lead elsewhere by now.
  const int watch = inotify_add_watch(inotify_.get(), ProcessPath(folder).c_str(), kMask);
  if (watch < 0 && errno == ENOSPC) {
    return Refusal(ErrorKind::kUnavailable, kWhat, path,
                   "the machine allows no more watches (fs.inotify.max_user_watches)");
  }
  if (watch < 0) return SystemFailure(errno, kWhat, path);
  const auto [known, added] = folders_.try_emplace(watch, path);
  known->second = path;
  if (folders_.size() <= folder_limit_) return added;
  inotify_rm_watch(inotify_.get(), watch);
  folders_.erase(watch);
  return Refusal(ErrorKind::kConflict, kWhat, path_.text(),
                 fmt::format("it has more than {} folders", folder_limit_));
}

// What is found in folders that were not watched goes to `created`.
Result<void> ChangeWatch::WatchTree(const std::string& top, ChangeBatch* created) {
  std::vector<std::string> open{top};
  while (!open.empty()) {
    const std::string path = std::move(open.back());
    open.pop_back();
    const auto parsed = RelativePath::Parse(path);
    if (!parsed) continue;  // too deep to be asked for
    auto folder = root_.OpenFolderIfThere(*parsed, kWhat);
    if (!folder) return Failure(folder.error());
    if (!*folder) continue;
    const auto added = WatchFolder(**folder, path);
    if (!added) return Failure(added.error());
    if (!*added) continue;
    auto reader = FolderReader::Start(*std::move(*folder));
    if (!reader) return SystemFailure(reader.error(), kWhat, path);
    while (true) {
      const auto name = reader->Next();
      if (!name) return SystemFailure(name.error(), kWhat, path);
      if (!*name) break;
      if (IsHidden(path.empty(), **name)) continue;
      const std::string below = Below(path, **name);
      struct stat status{};
      if (fstatat(reader->folder().get(), (*name)->c_str(), &status,
                  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
        if (errno == ENOENT) continue;  // gone by now
        return SystemFailure(errno, kWhat, below);
      }
      if (created) created->Add(ChangeKind::kCreated, below, S_ISDIR(status.st_mode));
      if (S_ISDIR(status.st_mode)) open.push_back(below);
    }
  }
  return {};
}

Result<std::vector<ChangeEvent>> ChangeWatch::Next(std::chrono::milliseconds timeout,
                                                   const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  ChangeBatch batch;
  while (!ended_) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const auto ready = Wait(std::max(left, std::chrono::milliseconds(0)), stop);
    if (!ready) return Failure(ready.error());
    if (*ready) {
      if (auto read = ReadEvents(batch); !read) return Failure(read.error());
    }
    if (auto checked = CheckWatched(batch); !checked) return Failure(checked.error());
    if (!*ready || !batch.empty()) break;
  }
  return batch.Take();
}

Result<bool> ChangeWatch::Wait(std::chrono::milliseconds timeout, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { eventfd_write(wake_.get(), 1); });
  std::array<pollfd, 2> waiting{{{inotify_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  constexpr std::int64_t kLongest = 1'000'000'000;
  const int count = poll(waiting.data(), waiting.size(),
                         static_cast<int>(std::min<std::int64_t>(timeout.count(), kLongest)));
  if (stop.stop_requested()) {
    eventfd_t ignored = 0;
    eventfd_read(wake_.get(), &ignored);
    return Refusal(ErrorKind::kCancelled, kWhat, path_.text(), "it was told to stop");
  }
  if (count < 0 && errno != EINTR) return SystemFailure(errno, kWhat, path_.text());
  // Interrupted counts as ready: there may be nothing to read then.
  return count != 0;
}

Result<void> ChangeWatch::ReadEvents(ChangeBatch& batch) {
  if (auto read = ReadQueue(batch); !read) return read;
  if (!moves_.empty()) {
    pollfd waiting{inotify_.get(), POLLIN, 0};
    poll(&waiting, 1, static_cast<int>(kSecondHalf.count()));
    if (auto read = ReadQueue(batch); !read) return read;
  }
  if (overflow_) return BeginAgain(batch);
  EndMoves(batch);
  return {};
}

Result<void> ChangeWatch::ReadQueue(ChangeBatch& batch) {
  std::vector<char> buffer(kBufferBytes);
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t size = read(inotify_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return {};
    if (size < 0) return SystemFailure(errno, kWhat, path_.text());
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      // Filled up with NUL bytes.
      const std::string name = event.len == 0 ? "" : buffer.data() + at + sizeof(event);
      if (auto handled = Handle(event, name, batch); !handled) return handled;
      at += sizeof(event) + event.len;
    }
  }
  return {};
}

Result<void> ChangeWatch::Handle(const inotify_event& event, const std::string& name,
                                 ChangeBatch& batch) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) overflow_ = true;
  const auto found = folders_.find(event.wd);
  if (found == folders_.end()) return {};
  const std::string folder = found->second;
  if ((event.mask & IN_IGNORED) != 0) {
    folders_.erase(found);
    return {};
  }
  if (name.empty()) {
    // Of other folders the one above tells it.
    if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0 && folder == path_.text()) {
      End(batch);
    }
    return {};
  }
  const Source node{.path = Below(folder, name),
                    .name = name,
                    .is_folder = (event.mask & IN_ISDIR) != 0,
                    .hidden = IsHidden(folder.empty(), name)};
  if ((event.mask & IN_MOVED_FROM) != 0) {
    moves_[event.cookie] = node;
    return {};
  }
  if ((event.mask & IN_MOVED_TO) != 0) return HandleArrival(node, event.cookie, batch);
  if (node.hidden) return {};
  if ((event.mask & IN_CREATE) != 0) {
    batch.Add(ChangeKind::kCreated, node.path, node.is_folder);
    return node.is_folder ? WatchTree(node.path, &batch) : Result<void>();
  }
  batch.Add((event.mask & IN_DELETE) != 0 ? ChangeKind::kRemoved : ChangeKind::kChanged, node.path,
            node.is_folder);
  return {};
}

Result<void> ChangeWatch::HandleArrival(const Source& target, std::uint32_t cookie,
                                        ChangeBatch& batch) {
  const auto found = moves_.find(cookie);
  // It went out of sight: its other half ends as if it had left.
  if (target.hidden) return {};
  if (found != moves_.end() && !found->second.hidden) {
    batch.AddMove(found->second.path, target.path, target.is_folder);
    Rename(found->second.path, target.path);
    moves_.erase(found);
    // It may have been renamed before it could be watched under its first name.
    return target.is_folder ? WatchTree(target.path, &batch) : Result<void>();
  }
  const bool replaced =
      found != moves_.end() && IsUploadName(found->second.name) && ReplacesFile(found->second.name);
  batch.Add(replaced ? ChangeKind::kChanged : ChangeKind::kCreated, target.path, target.is_folder);
  if (found != moves_.end()) moves_.erase(found);
  return target.is_folder ? WatchTree(target.path, &batch) : Result<void>();
}

// What left and did not arrive went out of sight.
void ChangeWatch::EndMoves(ChangeBatch& batch) {
  for (const auto& [cookie, source] : std::exchange(moves_, {})) {
    if (source.hidden) continue;
    batch.Add(ChangeKind::kRemoved, source.path, source.is_folder);
    if (source.is_folder) Forget(source.path);
  }
}

// The kernel dropped events: which folders there are is not known any more.
Result<void> ChangeWatch::BeginAgain(ChangeBatch& batch) {
  auto begun = Begin();
  if (!begun) return begun;
  batch.Overflow();
  return {};
}

// Whether the watched folder is where it was.
Result<void> ChangeWatch::CheckWatched(ChangeBatch& batch) {
  if (ended_) return {};
  const auto folder = root_.OpenFolderIfThere(path_, kWhat);
  if (!folder) return Failure(folder.error());
  struct stat status{};
  if (*folder && fstat((*folder)->get(), &status) != 0) {
    return SystemFailure(errno, kWhat, path_.text());
  }
  // The site's directory can always be opened, but has no name any more when it was removed.
  const bool is_there =
      *folder && status.st_dev == device_ && status.st_ino == inode_ && status.st_nlink > 0;
  if (!is_there) End(batch);
  return {};
}

void ChangeWatch::End(ChangeBatch& batch) {
  batch.Add(ChangeKind::kRemoved, path_.text(), true);
  Forget(path_.text());
  moves_.clear();
  ended_ = true;
}

void ChangeWatch::Forget(const std::string& folder) {
  std::erase_if(folders_, [&](const auto& watched) {
    if (!IsInside(watched.second, folder)) return false;
    inotify_rm_watch(inotify_.get(), watched.first);
    return true;
  });
}

void ChangeWatch::Rename(const std::string& from, const std::string& to) {
  for (auto& [watch, path] : folders_) {
    if (IsInside(path, from)) path.replace(0, from.size(), to);
  }
}

}  // namespace orchestrator::files
