#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/files/descriptor.h"
#include "orchestrator/files/entry.h"
#include "orchestrator/files/made_folders.h"
#include "orchestrator/files/precondition.h"
#include "orchestrator/files/quota.h"
#include "orchestrator/files/relative_path.h"
#include "orchestrator/files/site_root.h"
#include "orchestrator/files/upload.h"

namespace orchestrator::files {

struct Options {
  std::optional<Owner> owner = {};                // of what is made here; else the process's own
  std::optional<std::uint64_t> quota_bytes = {};  // for what is made here, against MeasureUsage
};

struct Listing {
  std::vector<Entry> entries;  // sorted by the bytes of their names
  bool truncated = false;      // there are more than the limit: these are the first
  std::string last_name = {};  // that was looked at; where to go on after
};

struct Usage {
  std::uint64_t bytes = 0;    // what is allocated on disk; hard links to one file count once
  std::uint64_t entries = 0;  // all names, the site's directory itself left out
};

// A file, open for reading. It stays readable when it is replaced or removed meanwhile.
// Thread-safe.
struct OpenFile {
  Descriptor descriptor;
  std::string path;        // for messages
  std::uint64_t size = 0;  // as all below, from when it was opened
  std::string etag;
  std::chrono::system_clock::time_point modified;

  // How many bytes were read: fewer than asked for only at the end of the file, where it is 0.
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<char> buffer) const;
};

// The files of one site, whose directory others write in at the same time and with bad intent.
// Whatever they do, nothing outside of it is read or changed: links are shown and never followed,
// mounts are not crossed, and FIFOs, sockets and devices are not opened. `.orchestrator` at the top
// belongs to the program: it is not listed, and its paths are refused. So are the temporary files
// of uploads.
//
// Errors: kNotFound; kInvalid for what no site could do; kConflict for what contradicts what is
// there, links and foreign mounts included; kPrecondition when `wanted` does not hold of the path
// (its first one, in a move), which is looked at in one step with the change itself; kNoSpace;
// kUnavailable when the file system fails. Thread-safe.
class SiteFiles {
 public:
  // The directory itself must be a folder, not a link.
  static Result<SiteFiles> Open(const std::filesystem::path& site_directory, Options options);

  Result<Entry> Stat(const RelativePath& path) const;
  // Of the names behind `after`, in the order of their bytes, the first ones; all with "".
  Result<Listing> List(const RelativePath& path, std::size_t limit,
                       std::string_view after = {}) const;
  Result<OpenFile> OpenForReading(const RelativePath& path) const;

  // Begins a file which appears with Upload::Commit. Temporary files in its folder that were last
  // written more than an hour ago are removed. With a quota this measures the site's usage, until
  // `stop` is requested. A new file, also an empty one, is kNoSpace when nothing is left.
  Result<Upload> StartWriting(const RelativePath& path, const WriteOptions& options,
                              const std::stop_token& stop = {}) const;

  // kConflict when something of this name is there. `parents`: missing folders above are made too,
  // and none stays when it fails.
  // With a quota as for a new file.
  Result<Entry> MakeFolder(const RelativePath& path, std::uint32_t mode, bool parents,
                           const Precondition& wanted = {}, const std::stop_token& stop = {}) const;

  // `replace`: a file or link may take the place of another one, a folder that of an empty one.
  Result<Entry> Move(const RelativePath& from, const RelativePath& to, bool replace,
                     const Precondition& wanted = {}) const;

  // Of files and folders. Bits for set-user-id and set-group-id are kInvalid.
  Result<Entry> Chmod(const RelativePath& path, std::uint32_t mode,
                      const Precondition& wanted = {}) const;

  // A file, a link, or an empty folder.
  Result<void> Remove(const RelativePath& path, const Precondition& wanted = {}) const;

  // With all that is in it. public and .home at the top are emptied and stay, and so does the
  // site's directory with them and .orchestrator. What others put in meanwhile is removed too, as
  // long as they do not do it faster. `wanted` holds of a folder when the removal begins.
  Result<void> RemoveTree(const RelativePath& path, const std::stop_token& stop = {},
                          const Precondition& wanted = {}) const;

  Result<Usage> MeasureUsage(const std::stop_token& stop = {}) const;

  const SiteRoot& root() const { return root_; }

 private:
  SiteFiles(SiteRoot root, Options options) : root_(std::move(root)), options_(options) {}

  Result<Descriptor> OpenParent(const RelativePath& path, std::string_view what) const;
  // Nothing without a quota. `replaced`: bytes of the site that become free.
  Result<std::optional<UploadQuota>> MeasureQuota(std::uint64_t replaced,
                                                  const std::stop_token& stop) const;
  Result<void> MakeParents(const RelativePath& folder, std::string_view what,
                           MadeFolders& made) const;
  Result<void> GiveAway(const Descriptor& made, std::uint32_t mode, const RelativePath& path) const;

  SiteRoot root_;
  Options options_;
};

}  // namespace orchestrator::files
