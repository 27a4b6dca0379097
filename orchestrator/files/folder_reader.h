#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include <dirent.h>

#include "orchestrator/files/descriptor.h"

namespace orchestrator::files {

// Gives the names in a folder one after the other, without "." and "..", in the file system's
// order. Reads as it goes: names that appear meanwhile may be given or not.
class FolderReader {
 public:
  // `folder` is open for reading. Fails with an error number.
  static std::expected<FolderReader, int> Start(Descriptor folder);

  // Nothing at the end; else an error number.
  std::expected<std::optional<std::string>, int> Next();

  const Descriptor& folder() const { return folder_; }
  // Where the next name is: the same folder, opened again, goes on there.
  long position() const { return position_; }
  void Seek(long position);

 private:
  struct Close {
    void operator()(DIR* stream) const { closedir(stream); }
  };

  FolderReader(Descriptor folder, DIR* stream) : folder_(std::move(folder)), stream_(stream) {}

  Descriptor folder_;
  std::unique_ptr<DIR, Close> stream_;
  long position_ = 0;
};

}  // namespace orchestrator::files
