#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/error.h"

namespace orchestrator::image {

// The messages of one build, one JSON object a line, in a file that stays until the site's next
// build. Thread-safe.
class BuildLog {
 public:
  // Begins a new log in place of an older one.
  static Result<std::unique_ptr<BuildLog>> Create(const std::filesystem::path& file);

  // What a log that is kept says, whoever wrote it; nothing where there is none.
  static std::vector<std::string> ReadLines(const std::filesystem::path& file);

  ~BuildLog();
  BuildLog(const BuildLog&) = delete;
  BuildLog& operator=(const BuildLog&) = delete;

  // Messages beyond 16 MiB in all are left out.
  void Append(std::string_view line);
  // The line that says how it ended, however long the log is.
  void AppendLast(std::string_view line);
  // No more comes.
  void Finish();

  // The lines from `first` on; waits for one, at most until the deadline, while the log grows.
  struct Lines {
    std::vector<std::string> lines;
    bool finished = false;
  };
  Lines Wait(std::size_t first, std::chrono::steady_clock::time_point deadline,
             const std::stop_token& stop) const;

 private:
  void Keep(std::string_view line);
  explicit BuildLog(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::vector<std::string> lines_;  // guarded by mutex_
  std::size_t bytes_ = 0;           // guarded by mutex_
  bool finished_ = false;           // guarded by mutex_
};

}  // namespace orchestrator::image
