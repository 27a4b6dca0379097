#include "orchestrator/image/byte_pipe.h"

#include <algorithm>

namespace orchestrator::image {

bool BytePipe::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return abandoned_ || bytes_.size() < capacity_; });
    if (abandoned_) return false;
    const std::size_t count = std::min(bytes.size(), capacity_ - bytes_.size());
    bytes_ += bytes.substr(0, count);
    bytes.remove_prefix(count);
    changed_.notify_all();
  }
  return true;
}

void BytePipe::EndOfWriting(bool whole) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;  // aborted, which is no good end
  ended_ = true;
  whole_ = whole;
  changed_.notify_all();
}

std::optional<std::size_t> BytePipe::Read(char* buffer, std::size_t size) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ || !bytes_.empty(); });
  if (bytes_.empty()) return whole_ ? std::optional<std::size_t>(0) : std::nullopt;
  const std::size_t count = bytes_.copy(buffer, size);
  bytes_.erase(0, count);
  changed_.notify_all();
  return count;
}

void BytePipe::Abort() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  ended_ = true;
  whole_ = false;  // also where all was written: nobody is to take what was read for all of it
  bytes_.clear();
  changed_.notify_all();
}

}  // namespace orchestrator::image
