#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "orchestrator/error.h"
#include "orchestrator/files/relative_path.h"
#include "orchestrator/files/site_files.h"

namespace orchestrator::files {

enum class ArchiveFormat { kTar, kTarGz, kZip };

// Takes a part of an archive; false when no more is wanted.
using ArchiveSink = std::function<bool(std::string_view)>;

struct ArchiveOptions {
  // A file that is not in the site, in front of all others.
  struct Addition {
    std::string name;
    std::string text;
  };
  std::optional<Addition> addition = {};
  // Whether a path goes in, and whether what is below it can; all does where none is set.
  enum class Choice : std::uint8_t { kTake, kSkip, kSkipAll };
  std::function<Choice(std::string_view path, bool is_folder)> choose = {};
};

// Gives `sink` an archive of what is in a folder, with names relative to it, or of a single file or
// link under its own name. A tar archive takes the same memory however much there is; a zip archive
// takes some more for each entry (its name and about a hundred bytes), since it ends with a
// directory of all of them. Links go in as links; other mounts, FIFOs, sockets, devices and paths
// over 4,095 bytes are left out, and so is what belongs to the program. A file that changes
// meanwhile goes in with the size that it had when it was opened: cut, or filled up with zeros.
// kCancelled when the sink or `stop` said so. A folder that is there and cannot be entered is an
// error, too. After an error what the sink got is no whole archive.
//
// Tar archives are in GNU format and have the bytes of names as they are. In zip archives names are
// marked as UTF-8 where they are.
Result<void> WriteArchive(const SiteFiles& site, const RelativePath& path, ArchiveFormat format,
                          const ArchiveSink& sink, const std::stop_token& stop,
                          const ArchiveOptions& options = {});

}  // namespace orchestrator::files
