#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>
#include <sys/types.h>

#include "orchestrator/error.h"
#include "orchestrator/files/descriptor.h"
#include "orchestrator/files/entry.h"
#include "orchestrator/files/made_folders.h"
#include "orchestrator/files/owner.h"
#include "orchestrator/files/precondition.h"
#include "orchestrator/files/quota.h"
#include "orchestrator/files/relative_path.h"

namespace orchestrator::files {

struct WriteOptions {
  // Of a new file 0644 if not given; an existing one keeps its permissions then.
  std::optional<std::uint32_t> mode = {};
  // The file must be there with one of these entity tags.
  std::optional<EntityTags> if_match = {};
  // Nothing may be there.
  bool if_none_match_any = false;
  // Missing folders above are made; they go again when the upload does not become a file.
  bool make_parents = false;
};

// A file being written, by one thread at a time. It gets its place whole with Commit, which takes
// the place of a link there and not of what it names; without Commit nothing stays. It may outlive
// the SiteFiles it came from.
class Upload {
 public:
  Upload(Upload&& other) noexcept = default;
  Upload& operator=(Upload&&) = delete;
  ~Upload();

  // kNoSpace when the disk is full, or when what the site used at the start, without the file that
  // is replaced, and all bytes that uploads of this process have written to the site since would be
  // over the quota. After a failure the upload cannot be committed.
  Result<void> Append(std::string_view bytes);

  // On disk when it returns. kPrecondition and kConflict as at the start, for what is there now:
  // of two uploads with the same condition, one succeeds. kNoSpace when the file that it was to
  // replace is elsewhere by now, and there is no room for both.
  Result<Entry> Commit();

 private:
  friend class SiteFiles;

  // The file whose place is taken, as it was at the start.
  struct Replaced {
    dev_t device = 0;
    ino_t inode = 0;
    std::uint64_t bytes = 0;  // that become free with it, on disk
  };

  Upload(Descriptor folder, RelativePath path, WriteOptions options)
      : folder_(std::move(folder)), path_(std::move(path)), options_(std::move(options)) {}

  Result<void> Create(bool replaces);
  Result<void> TakeWhatIsNotReplaced(const std::optional<struct stat>& target);
  Result<void> SetOwnerAndMode(const std::optional<struct stat>& target) const;
  Result<void> TakePlace();
  bool HasTemporary() const;
  Failure Fail(Failure failure);

  MadeFolders made_;  // first, since they are removed after what is in them
  Descriptor folder_;
  RelativePath path_;
  WriteOptions options_;
  std::optional<Owner> owner_ = {};
  std::optional<UploadQuota> quota_ = {};
  std::optional<Replaced> replaced_ = {};
  Descriptor file_;
  std::string temporary_;  // its name in the folder
  std::optional<Error> failure_ = {};
};

// Removes what crashes left of uploads in a folder: temporary files that nobody wrote to for an
// hour.
void RemoveAbandonedUploads(const Descriptor& folder);

}  // namespace orchestrator::files
