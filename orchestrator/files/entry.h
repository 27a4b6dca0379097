#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "orchestrator/error.h"
#include "orchestrator/files/descriptor.h"
#include "orchestrator/files/relative_path.h"

namespace orchestrator::files {

enum class EntryType {
  kFile,
  kFolder,
  kLink,
  kOther,  // a FIFO, a socket or a device: never opened
};

// One thing in a site's directory, as it was when it was looked at.
struct Entry {
  std::string name;  // bytes; empty for the site's directory itself
  EntryType type = EntryType::kOther;
  std::uint64_t size = 0;  // in bytes; of a link, of its target's text
  std::uint32_t mode = 0;  // permission bits, 07777
  std::chrono::system_clock::time_point modified;
  std::optional<std::string> link_target = {};  // of links: bytes, never followed
  std::optional<std::string> etag = {};         // of files
};

// Changes whenever the file does: inode, size, time of modification and of change, in
// hexadecimal. Without quotes.
std::string EntityTag(const struct stat& status);

// Times beyond what system_clock can hold (a site may set any) become the nearest it can.
std::chrono::system_clock::time_point ModifiedTime(const struct stat& status);

EntryType TypeOf(const struct stat& status);

// The text of a link in `folder`, or of the O_PATH descriptor of a link when `name` is empty.
std::optional<std::string> ReadLink(const Descriptor& folder, const std::string& name);

// `folder` and `name` as for ReadLink.
Entry MakeEntry(const struct stat& status, std::string shown_name, const Descriptor& folder,
                const std::string& name);

// kInvalid for a mode that is not given to anything here: bits beyond 07777, set-user-id and
// set-group-id, which would let a file act as someone else.
Result<void> CheckMode(std::uint32_t mode, std::string_view what, const RelativePath& path);

}  // namespace orchestrator::files
