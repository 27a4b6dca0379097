#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace provider::http {

// A copy of some bytes in the kernel's memory, out of which sockets take them without copying them
// once more. Immutable.
class MemoryFile {
 public:
  // Fewer bytes are copied faster than looked up.
  static constexpr std::size_t kLeastBytes = 16 << 10;

  // Null where it is not worth it, or where the system has no file to give: the bytes are sent as
  // any others then.
  static std::shared_ptr<const MemoryFile> Make(std::string_view bytes);

  explicit MemoryFile(int descriptor) : descriptor_(descriptor) {}
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

}  // namespace provider::http
