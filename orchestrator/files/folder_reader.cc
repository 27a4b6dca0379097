#include "orchestrator/files/folder_reader.h"

#include <cerrno>
#include <string_view>
#include <utility>

#include <fcntl.h>

namespace orchestrator::files {

std::expected<FolderReader, int> FolderReader::Start(Descriptor folder) {
  // The stream closes its descriptor itself, and its descriptor is nobody else's.
  Descriptor own(fcntl(folder.get(), F_DUPFD_CLOEXEC, 0));
  if (!own.valid()) return std::unexpected(errno);
  DIR* stream = fdopendir(own.get());
  if (stream == nullptr) return std::unexpected(errno);
  own.Release();
  return FolderReader(std::move(folder), stream);
}

std::expected<std::optional<std::string>, int> FolderReader::Next() {
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream_.get());
    if (entry == nullptr) {
      // ENOENT: the folder has been removed while it was read, so nothing is in it.
      if (errno != 0 && errno != ENOENT) return std::unexpected(errno);
      return std::nullopt;
    }
    position_ = entry->d_off;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return std::string(name);
  }
}

void FolderReader::Seek(long position) {
  seekdir(stream_.get(), position);
  position_ = position;
}

}  // namespace orchestrator::files
