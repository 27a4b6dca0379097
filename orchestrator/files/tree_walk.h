#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "orchestrator/error.h"
#include "orchestrator/files/descriptor.h"
#include "orchestrator/files/folder_reader.h"

namespace orchestrator::files {

// Goes through a tree of folders of any depth, without recursion, with a few open descriptors and
// without following a link or crossing a mount, while others may change it. Folders high above the
// current one are closed and opened again on the way back.
//
// At first the base is the current folder; Enter and Leave change it.
class TreeWalk {
 public:
  // `shown_path` is the base's path in errors.
  static Result<TreeWalk> Start(const Descriptor& base, std::string shown_path);

  // The next name in the current folder; nothing at its end.
  Result<std::optional<std::string>> Next();

  // Makes a folder in the current folder the current one, at its start. 0, or the error number:
  // ENOENT, ENOTDIR, ELOOP when it is gone or none, EXDEV when something is mounted there.
  int Enter(const std::string& name);

  // Back to the folder above. An error when it is not where it was; the walk is of no use then.
  Result<void> Leave();

  std::size_t depth() const { return levels_.size() - 1; }
  const Descriptor& folder() const { return levels_.back().reader->folder(); }
  const std::string& name() const { return levels_.back().name; }
  dev_t device() const { return levels_.back().device; }
  // From the base to the current folder; empty at the base.
  const std::string& path() const { return path_; }

 private:
  struct Level {
    std::string name;
    dev_t device = 0;
    ino_t inode = 0;
    long position = 0;
    std::optional<FolderReader> reader = {};  // not there while it is closed
  };

  explicit TreeWalk(std::string shown_path) : shown_path_(std::move(shown_path)) {}
  int OpenInto(Level& level, const Descriptor& above, const std::string& path);
  int OpenAgain();

  std::string shown_path_;
  std::string path_;
  std::vector<Level> levels_;
  std::size_t first_open_ = 1;  // it and all below are open, and always the base
};

}  // namespace orchestrator::files
