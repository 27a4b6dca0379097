#pragma once

#include <string>
#include <utility>

#include "orchestrator/files/descriptor.h"

namespace orchestrator::files {

// Folders that were made for something below them, each in the one before. At the end they are
// removed, as far as nothing else is in them, unless they are kept. That takes PlaceMutex, and who
// holds it while something is made in them finds them there.
class MadeFolders {
 public:
  MadeFolders() = default;
  MadeFolders(MadeFolders&& other) noexcept { *this = std::move(other); }
  MadeFolders& operator=(MadeFolders&& other) noexcept {
    std::swap(above_, other.above_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~MadeFolders();

  bool empty() const { return path_.empty(); }
  // The first one, with the folder that it is in.
  void Begin(Descriptor above, std::string name);
  // One in the last one.
  void Add(const std::string& name) { path_ += "/" + name; }
  void Keep() { path_.clear(); }

 private:
  Descriptor above_;
  std::string path_;  // below it, down to the last one
};

}  // namespace orchestrator::files
