#include "provider/base/durable_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace provider {
namespace {

// Closes its descriptor.
class File {
 public:
  File(const std::filesystem::path& path, int flags)
      : descriptor_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool Write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
  bool Sync() const { return fsync(descriptor_) == 0; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

}  // namespace

std::expected<void, std::string> WriteDurably(const std::filesystem::path& path,
                                              std::string_view bytes) {
  const auto failure = [&](std::string_view what) {
    return std::unexpected(
        fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
  };
  std::filesystem::path temporary = path;
  temporary += ".new";
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.is_open()) return failure("create a file beside");
    if (!file.Write(bytes) || !file.Sync()) return failure("write");
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return failure("replace");
  const File directory(path.parent_path(), O_RDONLY | O_DIRECTORY);
  if (!directory.is_open() || !directory.Sync()) return failure("sync the folder of");
  return {};
}

}  // namespace provider
