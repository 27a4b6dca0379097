#include "tests/support/process.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace tests {

Process::Process(std::vector<std::string> command, const std::filesystem::path& output,
                 const std::map<std::string, std::string>& environment)
    : output_(output) {
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot write " + output.string());
  id_ = fork();
  if (id_ == 0) {
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    std::signal(SIGHUP, SIG_DFL);  // whoever started the tests may ignore it (nohup)
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    execvp(arguments.front(), arguments.data());
    _exit(127);
  }
  close(file);
}

Process::~Process() {
  if (!IsRunning()) return;
  Signal(SIGKILL);
  Wait(std::chrono::seconds(10));
}

bool Process::IsRunning() { return !Wait(std::chrono::milliseconds(0)); }

void Process::Signal(int signal) {
  if (!status_) kill(id_, signal);
}

std::optional<int> Process::Wait(std::chrono::milliseconds limit) {
  Eventually(
      [&] {
        int status = 0;
        if (!status_ && waitpid(id_, &status, WNOHANG) == id_) {
          status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        }
        return status_.has_value();
      },
      limit);
  return status_;
}

std::string Process::Output() const {
  std::ifstream file(output_, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::int64_t MemoryOf(pid_t process, const std::string& line) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string text; std::getline(status, text);) {
    if (text.starts_with(line + ":")) return std::stoll(text.substr(line.size() + 1));
  }
  throw std::runtime_error("process " + std::to_string(process) + " is gone");
}

Finished RunProgram(const std::vector<std::string>& command,
                    const std::map<std::string, std::string>& environment,
                    std::chrono::milliseconds limit) {
  const TemporaryDirectory directory;
  Process process(command, directory.path() / "output", environment);
  const auto status = process.Wait(limit);
  return {status.value_or(-SIGALRM), process.Output()};
}

std::string OrchestratorProgram() {
  // The tests are built beside it.
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "orchestrator";
}

}  // namespace tests
