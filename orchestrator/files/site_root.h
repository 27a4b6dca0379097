#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "orchestrator/error.h"
#include "orchestrator/files/descriptor.h"
#include "orchestrator/files/relative_path.h"

namespace orchestrator::files {

// Opens `path` below `folder` with openat2(2): no part of it, the last one included, is a link that
// is followed, a "..", or in another mount. With O_PATH a link at the end is opened itself. Not
// valid when it fails; errno says why.
Descriptor OpenBeneath(const Descriptor& folder, const std::string& path, int flags,
                       unsigned mode = 0);

// Opens what an O_PATH descriptor stands for, and surely nothing else. Only for files and folders:
// opening a FIFO or a device has effects.
Descriptor Reopen(const Descriptor& path, int flags);

// The name of a descriptor for system calls that take a path only.
std::string ProcessPath(const Descriptor& descriptor);

// `.orchestrator` at the top of a site, and running uploads in every folder, belong to the program.
inline constexpr std::string_view kProgramFolder = ".orchestrator";
inline constexpr std::string_view kUploadPrefix = ".orchestrator-upload-";
// The name of an upload's temporary file, which also says whether a file is replaced. Nobody can
// guess it.
std::string MakeUploadName(bool replaces);
bool IsUploadName(std::string_view name);
bool ReplacesFile(std::string_view upload_name);

// Whether a name is not shown. `at_top`: it is in the site's directory itself.
bool IsHidden(bool at_top, std::string_view name);
// public and .home at the top: every site has them, and they are mounted into its containers.
bool IsKeptFolder(std::string_view path);

// A site's directory, open, and the only way to open what is in it. Thread-safe.
class SiteRoot {
 public:
  static Result<SiteRoot> Open(const std::filesystem::path& directory);
  Result<SiteRoot> Duplicate() const;

  // Each of them refuses what belongs to the program; `what` is said in errors ("read").
  Result<Descriptor> OpenNode(const RelativePath& path, std::string_view what) const;  // O_PATH
  Result<Descriptor> OpenFolder(const RelativePath& path, std::string_view what) const;
  // Nothing where there is no folder of the site's own (any more): see IsNoOwnFolder.
  Result<std::optional<Descriptor>> OpenFolderIfThere(const RelativePath& path,
                                                      std::string_view what) const;
  Result<void> Check(const RelativePath& path, std::string_view what) const;

 private:
  explicit SiteRoot(Descriptor folder) : folder_(std::move(folder)) {}

  Descriptor folder_;
};

}  // namespace orchestrator::files
