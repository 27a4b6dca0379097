#include "orchestrator/files/entry.h"

#include <algorithm>
#include <climits>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/files/system_failure.h"

namespace orchestrator::files {

std::string EntityTag(const struct stat& status) {
  const auto nanoseconds = [](const timespec& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
  };
  return fmt::format("{:x}-{:x}-{:x}-{:x}", status.st_ino, status.st_size,
                     nanoseconds(status.st_mtim), nanoseconds(status.st_ctim));
}

std::chrono::system_clock::time_point ModifiedTime(const struct stat& status) {
  using Clock = std::chrono::system_clock;
  constexpr auto kLast =
      std::chrono::floor<std::chrono::seconds>(Clock::duration::max()) - std::chrono::seconds(1);
  const std::chrono::seconds seconds(
      std::clamp<std::int64_t>(status.st_mtim.tv_sec, -kLast.count(), kLast.count()));
  return Clock::time_point(seconds + std::chrono::nanoseconds(status.st_mtim.tv_nsec));
}

EntryType TypeOf(const struct stat& status) {
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      return EntryType::kFile;
    case S_IFDIR:
      return EntryType::kFolder;
    case S_IFLNK:
      return EntryType::kLink;
    default:
      return EntryType::kOther;
  }
}

std::optional<std::string> ReadLink(const Descriptor& folder, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = readlinkat(folder.get(), name.c_str(), target.data(), target.size());
  if (length < 0) return std::nullopt;
  target.resize(static_cast<std::size_t>(length));
  return target;
}

Entry MakeEntry(const struct stat& status, std::string shown_name, const Descriptor& folder,
                const std::string& name) {
  Entry entry{.name = std::move(shown_name),
              .type = TypeOf(status),
              .size = static_cast<std::uint64_t>(status.st_size),
              .mode = static_cast<std::uint32_t>(status.st_mode & 07777),
              .modified = ModifiedTime(status)};
  if (entry.type == EntryType::kFile) entry.etag = EntityTag(status);
  if (entry.type == EntryType::kLink) entry.link_target = ReadLink(folder, name);
  return entry;
}

Result<void> CheckMode(std::uint32_t mode, std::string_view what, const RelativePath& path) {
  if ((mode & ~07777U) != 0) {
    return Refusal(ErrorKind::kInvalid, what, path.text(),
                   "a mode has the bits 07777 and no others");
  }
  if ((mode & (S_ISUID | S_ISGID)) != 0) {
    return Refusal(ErrorKind::kInvalid, what, path.text(),
                   "set-user-id and set-group-id are not allowed");
  }
  return {};
}

}  // namespace orchestrator::files
