#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <stdio.h>

#include "tests/orchestrator/files/site_fixture.h"

namespace orchestrator::files::tests {
namespace {

namespace fs = std::filesystem;

constexpr int kSwaps = 3'000;

// Exchanges a folder with a link to the outside in one step, as fast as it can, and puts both back
// where an operation removed one of them.
class Swapper {
 public:
  explicit Swapper(const SiteFixture& fixture)
      : folder_(fixture.site / "swapped"), link_(fixture.site / "link"), outside_(fixture.outside) {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        if (renameat2(AT_FDCWD, folder_.c_str(), AT_FDCWD, link_.c_str(), RENAME_EXCHANGE) == 0) {
          ++swaps_;
          continue;
        }
        PutBack();
        ++swaps_;
      }
    });
  }

  int swaps() const { return swaps_; }

 private:
  // One of the two is a folder with content, the other one the link.
  void PutBack() const {
    std::error_code ignored;
    const bool exchanged = fs::is_symlink(fs::symlink_status(folder_, ignored));
    const fs::path& folder = exchanged ? link_ : folder_;
    const fs::path& link = exchanged ? folder_ : link_;
    fs::create_directories(folder / "folder", ignored);
    std::ofstream(folder / "folder" / "file") << "ours";
    if (fs::is_symlink(fs::symlink_status(link, ignored))) return;
    fs::remove_all(link, ignored);
    fs::create_directory_symlink(outside_, link, ignored);
  }

  fs::path folder_;
  fs::path link_;
  fs::path outside_;
  std::atomic<int> swaps_ = 0;
  std::jthread thread_;
};

TEST_CASE("A folder that is swapped with a link all the time never leads outside", "[files]") {
  for (const Operation& operation : AllOperations()) {
    INFO(operation.name);
    SiteFixture fixture;
    fs::create_directories(fixture.site / "swapped" / "folder");
    Put(fixture.site / "movable", "ours");
    const SiteFiles files = fixture.Open();
    const Swapper swapper(fixture);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    int calls = 0;
    int refused = 0;
    while ((swapper.swaps() < kSwaps || calls < 100) &&
           std::chrono::steady_clock::now() < deadline) {
      for (const char* path :
           {"swapped/folder/file", "swapped/file", "swapped/folder", "swapped"}) {
        refused += operation.run(files, At(path)) ? 0 : 1;
        ++calls;
      }
    }
    CHECK(swapper.swaps() >= kSwaps);
    CHECK(refused > 0);
    CHECK(fixture.OutsideIsUntouched());
  }
}

TEST_CASE("Nothing of the outside is read while folders are swapped", "[files]") {
  SiteFixture fixture;
  fs::create_directories(fixture.site / "swapped");
  Put(fixture.site / "swapped" / "file", "ours");
  Put(fixture.site / "swapped" / "folder" / "file", "ours");
  Put(fixture.outside / "only-outside", fixture.kSecret);
  const SiteFiles files = fixture.Open();
  const Swapper swapper(fixture);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  int leaks = 0;
  int reads = 0;
  while ((swapper.swaps() < kSwaps || reads < 100) && std::chrono::steady_clock::now() < deadline) {
    for (const char* path : {"swapped/file", "swapped/folder/file", "link/file"}) {
      const auto text = ReadText(files, At(path));
      if (text && *text == fixture.kSecret) ++leaks;
      ++reads;
    }
    if (const auto listing = files.List(At("swapped"), 100)) {
      for (const Entry& entry : listing->entries) leaks += entry.name == "only-outside" ? 1 : 0;
    }
    const auto archive = Archived(files, At(""), ArchiveFormat::kTar);
    if (archive && (archive->find("only-outside") != std::string::npos ||
                    archive->find(fixture.kSecret) != std::string::npos)) {
      ++leaks;
    }
  }
  CHECK(swapper.swaps() >= kSwaps);
  CHECK(leaks == 0);
}

}  // namespace
}  // namespace orchestrator::files::tests
