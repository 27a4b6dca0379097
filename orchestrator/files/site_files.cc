#include "orchestrator/files/site_files.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>

#include "orchestrator/files/folder_reader.h"
#include "orchestrator/files/system_failure.h"

namespace orchestrator::files {

Result<SiteFiles> SiteFiles::Open(const std::filesystem::path& site_directory, Options options) {
  auto root = SiteRoot::Open(site_directory);
  if (!root) return Failure(root.error());
  return SiteFiles(std::move(*root), options);
}

Result<Entry> SiteFiles::Stat(const RelativePath& path) const {
  const auto node = root_.OpenNode(path, "look at");
  if (!node) return Failure(node.error());
  struct stat status{};
  if (fstat(node->get(), &status) != 0) return SystemFailure(errno, "look at", path.text());
  return MakeEntry(status, path.name(), *node, "");
}

Result<Listing> SiteFiles::List(const RelativePath& path, std::size_t limit,
                                std::string_view after) const {
  auto folder = root_.OpenFolder(path, "list the folder");
  if (!folder) return Failure(folder.error());
  auto reader = FolderReader::Start(std::move(*folder));
  if (!reader) return SystemFailure(reader.error(), "list the folder", path.text());
  // Never more than the limit in memory, however many names are there.
  std::set<std::string> names;
  Listing listing;
  while (true) {
    auto name = reader->Next();
    if (!name) return SystemFailure(name.error(), "list the folder", path.text());
    if (!*name) break;
    if (IsHidden(path.is_root(), **name) || **name <= after) continue;
    names.insert(std::move(**name));
    if (names.size() <= limit) continue;
    names.erase(std::prev(names.end()));
    listing.truncated = true;
  }
  listing.last_name = names.empty() ? after : *names.rbegin();
  for (const std::string& name : names) {
    struct stat status{};
    // What is gone by now is left out.
    if (fstatat(reader->folder().get(), name.c_str(), &status,
                AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
      continue;
    }
    listing.entries.push_back(MakeEntry(status, name, reader->folder(), name));
  }
  return listing;
}

Result<OpenFile> SiteFiles::OpenForReading(const RelativePath& path) const {
  // A FIFO or a device is found out before it is opened: opening has effects there.
  const auto node = root_.OpenNode(path, "read");
  if (!node) return Failure(node.error());
  struct stat status{};
  if (fstat(node->get(), &status) != 0) return SystemFailure(errno, "read", path.text());
  switch (TypeOf(status)) {
    case EntryType::kFile:
      break;
    case EntryType::kFolder:
      return SystemFailure(EISDIR, "read", path.text());
    case EntryType::kLink:
      return SystemFailure(ELOOP, "read", path.text());
    case EntryType::kOther:
      return Refusal(ErrorKind::kConflict, "read", path.text(),
                     "it is a FIFO, a socket or a device, not a file");
  }
  Descriptor file = Reopen(*node, O_RDONLY);
  if (!file.valid() || fstat(file.get(), &status) != 0) {
    return SystemFailure(errno, "read", path.text());
  }
  return OpenFile{.descriptor = std::move(file),
                  .path = path.text(),
                  .size = static_cast<std::uint64_t>(status.st_size),
                  .etag = EntityTag(status),
                  .modified = ModifiedTime(status)};
}

Result<std::size_t> OpenFile::ReadAt(std::uint64_t offset, std::span<char> buffer) const {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const std::uint64_t at = offset + done;
    if (at < offset || at > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) break;
    const ssize_t count =
        pread(descriptor.get(), buffer.data() + done, buffer.size() - done, static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemFailure(errno, "read", path);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace orchestrator::files
