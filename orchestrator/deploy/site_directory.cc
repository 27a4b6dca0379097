#include "orchestrator/deploy/site_directory.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "orchestrator/deploy/entry_script.h"
#include "orchestrator/files/descriptor.h"
#include "orchestrator/files/folder_reader.h"

namespace orchestrator::deploy {
namespace {

constexpr mode_t kFolderMode = 0755;
constexpr mode_t kRunMode = 0755;
constexpr std::size_t kMostSwept = 1000;
constexpr const char* kOwnFolder = ".orchestrator";

using files::Descriptor;

Failure SystemFailure(std::string_view what, const std::filesystem::path& path) {
  const int error = errno;
  if (error == ELOOP || error == ENOTDIR) {
    return Failure(
        Error{ErrorKind::kConflict,
              fmt::format("{} is not a folder: it may not be a link or a file", path.string())});
  }
  return Failure(Error{ErrorKind::kUnavailable,
                       fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(error))});
}

Failure ReadFailure(int error, const std::filesystem::path& path) {
  errno = error;
  return SystemFailure("read the folder", path);
}

// Opens a folder in `parent` without following a link, making it first where it is missing.
Result<Descriptor> OpenFolder(const Descriptor& parent, const std::string& name,
                              const std::filesystem::path& path,
                              const std::optional<files::Owner>& owner = {}) {
  const bool made = mkdirat(parent.get(), name.c_str(), kFolderMode) == 0;
  if (!made && errno != EEXIST) return SystemFailure("make the folder", path);
  Descriptor folder(openat(parent.get(), name.c_str(), O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder.get() < 0) return SystemFailure("open the folder", path);
  if (made && owner &&
      (fchown(folder.get(), owner->user, owner->group) != 0 ||
       fchmod(folder.get(), kFolderMode) != 0)) {
    return SystemFailure("give away the folder", path);
  }
  return folder;
}

// What a site may have put there instead of a file must neither be waited for nor opened.
Descriptor OpenFile(const Descriptor& folder, const std::string& name) {
  struct stat status{};
  if (fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISREG(status.st_mode)) {
    return {};
  }
  return Descriptor(
      openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

bool HasContent(const Descriptor& folder, const std::string& name, const std::string& text) {
  const Descriptor file = OpenFile(folder, name);
  struct stat status{};
  if (file.get() < 0 || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<std::size_t>(status.st_size) != text.size() ||
      (status.st_mode & 07777) != kRunMode) {
    return false;
  }
  std::string current(text.size(), '\0');
  return pread(file.get(), current.data(), current.size(), 0) ==
             static_cast<ssize_t>(current.size()) &&
         current == text;
}

// Replaces the file whole: whoever reads it sees the old text or the new one.
Result<void> WriteFile(const Descriptor& folder, const std::string& name, const std::string& text,
                       const std::filesystem::path& path) {
  if (HasContent(folder, name, text)) return {};
  const std::string temporary = name + ".new";
  unlinkat(folder.get(), temporary.c_str(), 0);
  const Descriptor file(openat(folder.get(), temporary.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kRunMode));
  if (file.get() < 0) return SystemFailure("make the file", path);
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = write(file.get(), text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemFailure("write the file", path);
    written += static_cast<std::size_t>(count);
  }
  if (fchmod(file.get(), kRunMode) != 0 || fsync(file.get()) != 0 ||
      renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0 ||
      // The swarm remembers over a loss of power, too, what names the file.
      fsync(folder.get()) != 0) {
    return SystemFailure("write the file", path);
  }
  return {};
}

// The folder in the site's directory that is the program's, if it is there.
Descriptor OpenOwnFolder(const std::filesystem::path& site) {
  // The folders above belong to us; the last two may have been replaced by the site.
  const Descriptor own(open(site.c_str(), O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (own.get() < 0) return {};
  return Descriptor(openat(own.get(), kOwnFolder, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// The site's directory, with all its folders made.
Result<Descriptor> OpenSite(const std::filesystem::path& root, site::SiteId id,
                            const std::optional<files::Owner>& owner) {
  std::error_code error;
  std::filesystem::create_directories(root, error);
  const Descriptor base(open(root.c_str(), O_DIRECTORY | O_CLOEXEC));
  if (base.get() < 0) return SystemFailure("open the folder", root);
  const std::filesystem::path path = SitePath(root, id);
  const auto hundred = OpenFolder(base, path.parent_path().filename(), path.parent_path());
  if (!hundred) return Failure(hundred.error());
  auto own = OpenFolder(*hundred, path.filename(), path, owner);
  if (!own) return own;
  for (const char* name : {"public", ".home"}) {
    const auto folder = OpenFolder(*own, name, path / name, owner);
    if (!folder) return Failure(folder.error());
  }
  return own;
}

}  // namespace

std::filesystem::path SitePath(const std::filesystem::path& root, site::SiteId id) {
  return root / fmt::format("{:02}", id.value / 100) / fmt::format("{:02}", id.value % 100);
}

Result<void> ForgetCrashes(const std::filesystem::path& root, site::SiteId id) {
  const std::filesystem::path path = SitePath(root, id);
  const Descriptor folder = OpenOwnFolder(path);
  if (folder.get() < 0) return {};
  const std::string name(kCrashFile);
  if (unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return SystemFailure("remove the file", path / kOwnFolder / name);
  }
  return {};
}

Result<void> MakeSiteFolders(const std::filesystem::path& root, site::SiteId id,
                             const std::optional<files::Owner>& owner) {
  const auto own = OpenSite(root, id, owner);
  return own ? Result<void>() : Failure(own.error());
}

Result<void> PrepareSiteDirectory(const std::filesystem::path& root, const site::Site& site,
                                  const std::optional<files::Owner>& owner) {
  const auto own = OpenSite(root, site.id, owner);
  if (!own) return Failure(own.error());
  if (!site.run) return {};
  const std::filesystem::path path = SitePath(root, site.id) / kOwnFolder;
  const auto folder = OpenFolder(*own, kOwnFolder, path);
  if (!folder) return Failure(folder.error());
  const std::string name = RunFileName(*site.run);
  return WriteFile(*folder, name, *site.run, path / name);
}

Result<void> SweepRunFiles(const std::filesystem::path& root, site::SiteId id,
                           const std::set<std::string, std::less<>>& kept) {
  const std::filesystem::path path = SitePath(root, id) / kOwnFolder;
  Descriptor folder = OpenOwnFolder(path.parent_path());
  if (folder.get() < 0) return {};
  auto names = files::FolderReader::Start(std::move(folder));
  if (!names) return ReadFailure(names.error(), path);
  Result<void> done;
  // A site may make any number of them, and go on while this looks.
  for (std::size_t looked = 0; looked < kMostSwept; ++looked) {
    const auto name = names->Next();
    if (!name) return ReadFailure(name.error(), path);
    if (!*name) break;
    if (!(*name)->starts_with(kRunFilePrefix) || kept.contains(**name)) continue;
    const int removed = unlinkat(names->folder().get(), (*name)->c_str(), 0);
    // A folder of that name is the site's.
    if (removed != 0 && errno != ENOENT && errno != EISDIR && done) {
      done = SystemFailure("remove the file", path / **name);
    }
  }
  return done;
}

}  // namespace orchestrator::deploy
