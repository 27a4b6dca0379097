#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include <sys/types.h>

#include "orchestrator/error.h"
#include "orchestrator/files/change_batch.h"
#include "orchestrator/files/descriptor.h"
#include "orchestrator/files/relative_path.h"
#include "orchestrator/files/site_files.h"
#include "orchestrator/files/site_root.h"

struct inotify_event;

namespace orchestrator::files {

// Watches a folder of a site and all folders in it (inotify(7)), without following links or
// crossing mounts. Reports neither what belongs to the program nor uploads before they are
// finished; a finished one is kCreated, or kChanged where it replaced something.
//
// kCreated may come for what was there already, when a file is put in a folder at the moment that
// it is watched. When the watched folder itself goes away, is moved, or a folder above it is, the
// watch ends: kRemoved of its path is the last event, or kOverflow. No event tells that a folder
// above was moved, so this is seen with the next one in it, or when a wait is over.
//
// Used by one thread at a time; may outlive the SiteFiles.
class ChangeWatch {
 public:
  static constexpr std::size_t kFolderLimit = 4'096;

  // kConflict when there are more folders than the limit, or `path` is none.
  static Result<ChangeWatch> Start(const SiteFiles& site, RelativePath path,
                                   std::size_t folder_limit = kFolderLimit);

  // Waits for the next events; none when the time is over. Changes of the same file that are there
  // at the same time are one event. kCancelled when `stop` said so; kConflict when there are more
  // folders than the limit by now, and the watch is incomplete from then on.
  Result<std::vector<ChangeEvent>> Next(std::chrono::milliseconds timeout,
                                        const std::stop_token& stop);

  // There will be no more events: what Next gave is all.
  bool ended() const { return ended_; }

 private:
  struct Source {
    std::string path;
    std::string name;
    bool is_folder = false;
    bool hidden = false;
  };

  ChangeWatch(SiteRoot root, RelativePath path, std::size_t folder_limit)
      : root_(std::move(root)), path_(std::move(path)), folder_limit_(folder_limit) {}

  Result<void> Begin();
  Result<void> WatchTree(const std::string& top, ChangeBatch* created);
  // Whether the folder was not watched before.
  Result<bool> WatchFolder(const Descriptor& folder, const std::string& path);
  Result<bool> Wait(std::chrono::milliseconds timeout, const std::stop_token& stop);
  Result<void> ReadEvents(ChangeBatch& batch);
  Result<void> ReadQueue(ChangeBatch& batch);
  Result<void> Handle(const inotify_event& event, const std::string& name, ChangeBatch& batch);
  Result<void> HandleArrival(const Source& target, std::uint32_t cookie, ChangeBatch& batch);
  void EndMoves(ChangeBatch& batch);
  Result<void> BeginAgain(ChangeBatch& batch);
  Result<void> CheckWatched(ChangeBatch& batch);
  void End(ChangeBatch& batch);
  void Forget(const std::string& folder);
  void Rename(const std::string& from, const std::string& to);

  SiteRoot root_;
  RelativePath path_;
  std::size_t folder_limit_;
  Descriptor inotify_;
  Descriptor wake_;
  std::unordered_map<int, std::string> folders_;  // paths by watch descriptor
  std::map<std::uint32_t, Source> moves_;         // by cookie: seen leaving, not yet arriving
  bool overflow_ = false;
  dev_t device_ = 0;  // which folder is watched, whatever is at its path by now
  ino_t inode_ = 0;
  bool ended_ = false;
};

}  // namespace orchestrator::files
