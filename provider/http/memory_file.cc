#include "provider/http/memory_file.h"

#include <cerrno>

#include <sys/mman.h>
#include <unistd.h>

namespace provider::http {

std::shared_ptr<const MemoryFile> MemoryFile::Make(std::string_view bytes) {
  if (bytes.size() < kLeastBytes) return nullptr;
  const int descriptor = memfd_create("answer", MFD_CLOEXEC);
  if (descriptor < 0) return nullptr;
  auto file = std::make_shared<const MemoryFile>(descriptor);
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return nullptr;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return file;
}

MemoryFile::~MemoryFile() { close(descriptor_); }

}  // namespace provider::http
