#include "orchestrator/files/site_root.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "orchestrator/files/system_failure.h"

namespace orchestrator::files {
namespace {

constexpr int kOpenAttempts = 100;
constexpr std::string_view kReplacing = "old-";
constexpr std::string_view kCreating = "new-";
constexpr std::size_t kRandomBytes = 16;

}  // namespace

Descriptor OpenBeneath(const Descriptor& folder, const std::string& path, int flags,
                       unsigned mode) {
  open_how how{};
  how.flags = static_cast<__u64>(flags | O_NOFOLLOW | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  // EAGAIN: a folder was moved meanwhile, and the kernel cannot tell any more whether the path
  // stays below (openat2(2)).
  for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
    const long opened =
        syscall(SYS_openat2, folder.get(), path.empty() ? "." : path.c_str(), &how, sizeof(how));
    if (opened >= 0) return Descriptor(static_cast<int>(opened));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return {};
}

std::string ProcessPath(const Descriptor& descriptor) {
  return fmt::format("/proc/self/fd/{}", descriptor.get());
}

Descriptor Reopen(const Descriptor& path, int flags) {
  return Descriptor(open(ProcessPath(path).c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

std::string MakeUploadName(bool replaces) {
  std::array<unsigned char, kRandomBytes> random{};
  // For up to 256 bytes it neither fails nor gives less (getrandom(2)).
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    std::abort();
  std::string name = fmt::format("{}{}", kUploadPrefix, replaces ? kReplacing : kCreating);
  for (const unsigned char byte : random) name += fmt::format("{:02x}", byte);
  return name;
}

bool IsUploadName(std::string_view name) {
  if (!name.starts_with(kUploadPrefix)) return false;
  name.remove_prefix(kUploadPrefix.size());
  if (!name.starts_with(kReplacing) && !name.starts_with(kCreating)) return false;
  name.remove_prefix(kReplacing.size());
  return name.size() == 2 * kRandomBytes &&
         name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool ReplacesFile(std::string_view upload_name) {
  return upload_name.substr(kUploadPrefix.size()).starts_with(kReplacing);
}

bool IsHidden(bool at_top, std::string_view name) {
  return (at_top && name == kProgramFolder) || IsUploadName(name);
}

bool IsKeptFolder(std::string_view path) { return path == "public" || path == ".home"; }

Result<SiteRoot> SiteRoot::Open(const std::filesystem::path& directory) {
  Descriptor folder(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) {
    const int error = errno;
    if (error == ENOTDIR || error == ELOOP) {
      return Refusal(ErrorKind::kConflict, "open the site's directory", directory.native(),
                     "it is a link or a file, not a folder");
    }
    return SystemFailure(error, "open the site's directory", directory.native());
  }
  return SiteRoot(std::move(folder));
}

Result<SiteRoot> SiteRoot::Duplicate() const {
  Descriptor folder(fcntl(folder_.get(), F_DUPFD_CLOEXEC, 0));
  if (!folder.valid()) return SystemFailure(errno, "open", "");
  return SiteRoot(std::move(folder));
}

Result<void> SiteRoot::Check(const RelativePath& path, std::string_view what) const {
  std::string_view rest = path.text();
  for (bool at_top = true; !rest.empty(); at_top = false) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (IsHidden(at_top, name)) {
      return Refusal(ErrorKind::kConflict, what, path.text(),
                     fmt::format("'{}' belongs to the orchestrator", SafeText(name)));
    }
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  return {};
}

Result<Descriptor> SiteRoot::OpenNode(const RelativePath& path, std::string_view what) const {
  if (auto allowed = Check(path, what); !allowed) return Failure(allowed.error());
  Descriptor node = OpenBeneath(folder_, path.text(), O_PATH);
  if (!node.valid()) return SystemFailure(errno, what, path.text());
  return node;
}

Result<Descriptor> SiteRoot::OpenFolder(const RelativePath& path, std::string_view what) const {
  if (auto allowed = Check(path, what); !allowed) return Failure(allowed.error());
  Descriptor folder = OpenBeneath(folder_, path.text(), O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  if (!folder.valid()) return SystemFailure(errno, what, path.text());
  return folder;
}

Result<std::optional<Descriptor>> SiteRoot::OpenFolderIfThere(const RelativePath& path,
                                                              std::string_view what) const {
  if (auto allowed = Check(path, what); !allowed) return Failure(allowed.error());
  Descriptor folder = OpenBeneath(folder_, path.text(), O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  if (folder.valid()) return std::optional(std::move(folder));
  if (IsNoOwnFolder(errno)) return std::optional<Descriptor>();
  return SystemFailure(errno, what, path.text());
}

}  // namespace orchestrator::files
