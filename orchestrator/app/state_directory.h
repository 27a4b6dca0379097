#pragma once

#include <filesystem>
#include <string>

#include "orchestrator/error.h"

namespace orchestrator::app {

// The folder with the database and the admin token, held by one process at a time.
class StateDirectory {
 public:
  // Makes the folder (mode 0700) where it is missing and locks it. A folder that another process
  // has locked is a kConflict that names the process.
  static Result<StateDirectory> Open(const std::filesystem::path& path);

  ~StateDirectory();
  StateDirectory(StateDirectory&& other) noexcept;
  StateDirectory& operator=(StateDirectory&&) = delete;

  // The token of the API in admin.token (mode 0600), made at the first call.
  Result<std::string> AdminToken() const;

 private:
  StateDirectory(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_;
};

}  // namespace orchestrator::app
