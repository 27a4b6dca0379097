#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace tests {

// A program that runs beside the test, with its output in a file. Killed at the end if it still
// runs.
class Process {
 public:
  Process(std::vector<std::string> command, const std::filesystem::path& output,
          const std::map<std::string, std::string>& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t id() const { return id_; }
  bool IsRunning();
  void Signal(int signal);

  // The exit status, negative for a signal; nothing when it still runs then.
  std::optional<int> Wait(std::chrono::milliseconds limit);

  std::string Output() const;

 private:
  pid_t id_ = -1;
  std::filesystem::path output_;
  std::optional<int> status_;
};

struct Finished {
  int status = 0;
  std::string output;  // standard output and error
};

// A line of /proc/PID/status in KiB: "VmRSS" (memory now) or "VmHWM" (the most so far).
std::int64_t MemoryOf(pid_t process, const std::string& line);

// Runs a program to its end; one that takes longer is killed, and its status is -SIGALRM.
Finished RunProgram(const std::vector<std::string>& command,
                    const std::map<std::string, std::string>& environment = {},
                    std::chrono::milliseconds limit = std::chrono::minutes(1));

// The program under test.
std::string OrchestratorProgram();

}  // namespace tests
