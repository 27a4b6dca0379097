#include "orchestrator/app/state_directory.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/base/durable_file.h"
#include "provider/base/secret.h"

namespace orchestrator::app {
namespace {

constexpr std::size_t kTokenBytes = 32;

Failure Unusable(const std::filesystem::path& path, std::string_view reason) {
  return Failure(Error{ErrorKind::kStorage,
                       fmt::format("cannot use the state folder {}: {}", path.string(), reason)});
}

std::string ReadLine(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

Result<StateDirectory> StateDirectory::Open(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return Unusable(path, std::strerror(errno));
  const std::filesystem::path lock_path = path / "lock";
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return Unusable(path, std::strerror(errno));
  StateDirectory directory(path, lock);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return Failure(
        Error{ErrorKind::kConflict,
              fmt::format("the state folder {} is in use by another orchestrator (process "
                          "{})",
                          path.string(), ReadLine(lock_path))});
  }
  const std::string process = fmt::format("{}\n", getpid());
  if (ftruncate(lock, 0) != 0 || pwrite(lock, process.data(), process.size(), 0) < 0) {
    return Unusable(path, std::strerror(errno));
  }
  return directory;
}

StateDirectory::StateDirectory(StateDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

StateDirectory::~StateDirectory() {
  if (lock_ >= 0) close(lock_);
}

Result<std::string> StateDirectory::AdminToken() const {
  const std::filesystem::path path = path_ / "admin.token";
  if (std::string token = ReadLine(path); !token.empty()) return token;
  std::string token = provider::RandomHex(kTokenBytes);
  if (const auto written = provider::WriteDurably(path, token + "\n"); !written) {
    return Unusable(path_, written.error());
  }
  return token;
}

}  // namespace orchestrator::app
