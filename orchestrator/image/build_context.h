#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "orchestrator/error.h"
#include "orchestrator/files/site_files.h"
#include "orchestrator/image/byte_pipe.h"
#include "orchestrator/image/ignore_file.h"

namespace orchestrator::image {

// What the engine is given for a build: the files of a site as a tar, without what its
// .dockerignore leaves out. A thread of its own packs them while they are read, and may find
// nothing to pack for a long time. For one reading thread; Cancel is for any.
class BuildContext {
 public:
  struct Options {
    std::optional<std::string> dockerfile;  // its text, in place of the site's own
    std::int64_t most_bytes = 0;            // of the tar; 0: no limit
  };

  // Begins to pack. `site` must live longer. kInvalid for a .dockerignore that has too much in it.
  static Result<std::unique_ptr<BuildContext>> Start(const files::SiteFiles& site, Options options);

  ~BuildContext();
  BuildContext(const BuildContext&) = delete;
  BuildContext& operator=(const BuildContext&) = delete;

  // The Dockerfile's path in the tar.
  std::string dockerfile() const;

  // Blocks until there is a part of the tar; 0 at its end, nothing when it will never be whole.
  std::optional<std::size_t> Read(char* buffer, std::size_t size) {
    return pipe_.Read(buffer, size);
  }

  // Nobody wants it any more: packing ends, and so does a Read that waits.
  void Cancel();

  // Ends the packing. Why the tar could not be made, where that was not for being cancelled.
  std::optional<Error> Finish();

 private:
  BuildContext(const files::SiteFiles& site, IgnoreFile ignored, Options options);
  void Pack(const std::stop_token& stop);

  const files::SiteFiles& site_;
  const IgnoreFile ignored_;
  const Options options_;
  BytePipe pipe_;
  std::optional<Error> error_;  // of the thread, until it has ended
  std::jthread packer_;
};

}  // namespace orchestrator::image
