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
#include <utility>
#include <vector>

#include "orchestrator/error.h"
#include "orchestrator/image/build_status.h"

namespace orchestrator::image {

// The messages of one build, one JSON object a line: those of the engine as it sent them, and ours,
// {"state": …}, of which the first has the build's id ("build") and the last says how it ended. In
// a file that stays until the site's next build. Thread-safe.
class BuildLog {
 public:
  // Begins a new log in place of an older one.
  static Result<std::unique_ptr<BuildLog>> Create(const std::filesystem::path& file);

  // A log that is kept, which does not grow; null where there is none.
  static std::unique_ptr<BuildLog> Load(const std::filesystem::path& file);

  // What a log that is kept says, whoever wrote it; nothing where there is none.
  static std::vector<std::string> ReadLines(const std::filesystem::path& file);

  // The last of its lines alone, however long it is; nothing where there is none.
  static std::optional<std::string> ReadLastLine(const std::filesystem::path& file);

  ~BuildLog();
  BuildLog(const BuildLog&) = delete;
  BuildLog& operator=(const BuildLog&) = delete;

  // Tells the log from those of other builds of the site. Empty in logs of earlier versions.
  const std::string& build() const { return build_; }

  // From the message on that would make it more than 16 MiB all are left out, which a line says.
  void Append(std::string_view line);
  // The line that says how it ended, however long the log is.
  void AppendLast(std::string_view line);
  // No more comes.
  void Finish(BuildStatus status);

  // The lines from `first` on; waits for one, at most until the deadline, while the log grows.
  struct Lines {
    std::vector<std::string> lines;
    bool finished = false;
    BuildStatus status;  // how the build ended, where it has
  };
  Lines Wait(std::size_t first, std::chrono::steady_clock::time_point deadline,
             const std::stop_token& stop) const;

 private:
  BuildLog(int descriptor, std::string build) : descriptor_(descriptor), build_(std::move(build)) {}
  void Keep(std::string_view line);

  const int descriptor_;  // -1: not to be written
  const std::string build_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::vector<std::string> lines_;  // guarded by mutex_
  std::size_t bytes_ = 0;           // guarded by mutex_
  bool cut_ = false;                // guarded by mutex_
  bool finished_ = false;           // guarded by mutex_
  BuildStatus status_;              // guarded by mutex_
};

}  // namespace orchestrator::image
