#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace orchestrator::image {

// Carries bytes from one thread to another, with so many on their way at most. Thread-safe.
class BytePipe {
 public:
  explicit BytePipe(std::size_t capacity) : capacity_(capacity) {}

  // Blocks while the pipe is full; false when nobody reads any more.
  bool Write(std::string_view bytes);

  // Nothing more comes. `whole`: all was written.
  void EndOfWriting(bool whole);

  // Blocks until there are bytes; 0 at the end, nothing when the writer did not finish.
  std::optional<std::size_t> Read(char* buffer, std::size_t size);

  // Ends both sides at once, whatever is on its way.
  void Abort();

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string bytes_;       // guarded by mutex_
  bool ended_ = false;      // guarded by mutex_
  bool whole_ = false;      // guarded by mutex_
  bool abandoned_ = false;  // guarded by mutex_
};

}  // namespace orchestrator::image
