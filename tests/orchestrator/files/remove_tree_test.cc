#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include "orchestrator/files/site_files.h"
#include "tests/orchestrator/files/few_descriptors.h"
#include "tests/orchestrator/files/site_fixture.h"
#include "tests/support/eventually.h"

namespace orchestrator::files::tests {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kDepth = 2'000;

// Folders in each other, with a file in each; deeper than a path can name.
void MakeDeepTree(const fs::path& top, const std::string& name) {
  fs::create_directories(top);
  Descriptor folder(open(top.c_str(), O_RDONLY | O_DIRECTORY));
  for (std::uint64_t i = 0; i < kDepth; ++i) {
    REQUIRE(mkdirat(folder.get(), name.c_str(), 0755) == 0);
    const Descriptor file(openat(folder.get(), "file", O_WRONLY | O_CREAT, 0644));
    REQUIRE(file.valid());
    folder = Descriptor(openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    REQUIRE(folder.valid());
  }
}

TEST_CASE("A tree that is not there, or is no tree of the site's own, is refused", "[files]") {
  SiteFixture fixture;
  CHECK(KindOf(fixture.Open().RemoveTree(At("none"))) == ErrorKind::kNotFound);
  std::stop_source stop;
  stop.request_stop();
  Put(fixture.site / "tree" / "file", "x");
  CHECK(KindOf(fixture.Open().RemoveTree(At("tree"), stop.get_token())) == ErrorKind::kCancelled);
  CHECK(fs::exists(fixture.site / "tree" / "file"));
}

TEST_CASE("A removed tree takes links along, and never their targets", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "tree" / "a" / "b" / "file", "x");
  fs::create_directory_symlink(fixture.outside, fixture.site / "tree" / "a" / "out");
  fs::create_symlink(fixture.outside / "file", fixture.site / "tree" / "file");
  fs::create_directory_symlink("..", fixture.site / "tree" / "a" / "b" / "up");
  REQUIRE(mkfifo((fixture.site / "tree" / "fifo").c_str(), 0600) == 0);
  Put(fixture.site / "kept", "x");
  REQUIRE(fixture.Open().RemoveTree(At("tree")));
  CHECK(!fs::exists(fixture.site / "tree"));
  CHECK(fs::exists(fixture.site / "kept"));
  CHECK(fixture.OutsideIsUntouched());
}

TEST_CASE("What every site has is emptied and stays", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  const auto fill = [&] {
    Put(fixture.site / "public" / "a" / "file", "x");
    Put(fixture.site / ".home" / "b" / "file", "x");
    Put(fixture.site / "c" / "file", "x");
    Put(fixture.site / "c" / "public" / "file", "x");
    Put(fixture.site / MakeUploadName(false), "x");
  };
  fill();
  REQUIRE(files.RemoveTree(At("public")));
  CHECK(fs::is_empty(fixture.site / "public"));
  REQUIRE(files.RemoveTree(At("c/public")));
  CHECK(!fs::exists(fixture.site / "c" / "public"));
  fill();
  REQUIRE(files.RemoveTree(At("")));
  CHECK(fs::is_empty(fixture.site / "public"));
  CHECK(fs::is_empty(fixture.site / ".home"));
  CHECK(Get(fixture.site / ".orchestrator" / "run") == "run");
  CHECK(std::distance(fs::directory_iterator(fixture.site), fs::directory_iterator()) == 3);
}

TEST_CASE("A folder that stays is emptied of however many files", "[files]") {
  constexpr int kFiles = 1'500;  // more than one removal may begin again
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  for (const std::string& path : {std::string("public"), std::string()}) {
    INFO(path);
    for (int i = 0; i < kFiles; ++i) {
      Put(fixture.site / path / ("file" + std::to_string(i)), "");
    }
    const auto removed = files.RemoveTree(At(path));
    INFO(MessageOf(removed));
    CHECK(removed.has_value());
    CHECK(fs::is_empty(fixture.site / "public"));
  }
  CHECK(std::distance(fs::directory_iterator(fixture.site), fs::directory_iterator()) == 3);
}

TEST_CASE("A link in the place of public is removed", "[files]") {
  SiteFixture fixture;
  fs::remove(fixture.site / "public");
  fs::create_directory_symlink(fixture.outside, fixture.site / "public");
  SECTION("by its own path") { REQUIRE(fixture.Open().RemoveTree(At("public"))); }
  SECTION("with all of the site") { REQUIRE(fixture.Open().RemoveTree(At(""))); }
  CHECK(!fs::is_symlink(fixture.site / "public"));
  CHECK(fixture.OutsideIsUntouched());
}

TEST_CASE("A tree of 2,000 levels is measured, archived and removed", "[files]") {
  for (const std::string& name : {std::string("d"), std::string(200, 'd')}) {
    SiteFixture fixture;
    const SiteFiles files = fixture.Open();
    const auto before = files.MeasureUsage();
    MakeDeepTree(fixture.site / "deep", name);
    const FewDescriptors few(200);  // one for each level would be too many
    const auto usage = files.MeasureUsage();
    REQUIRE(usage.has_value());
    CHECK(usage->entries == before->entries + 1 + 2 * kDepth);
    CHECK(Archived(files, At("deep"), ArchiveFormat::kTarGz).has_value());
    const auto removed = files.RemoveTree(At("deep"));
    INFO(MessageOf(removed));
    REQUIRE(removed.has_value());
    CHECK(!fs::exists(fixture.site / "deep"));
  }
}

TEST_CASE("A wide tree of many levels is walked to its last name", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  fs::path folder = fixture.site / "tree";
  for (int level = 0; level < 100; ++level) {
    for (int i = 0; i < 20; ++i) Put(folder / ("file" + std::to_string(i)), "");
    folder /= "folder";
  }
  // Three names are the site's own folders, and one is in .orchestrator.
  CHECK(files.MeasureUsage()->entries == 4 + 100 * 21);
  REQUIRE(files.RemoveTree(At("tree")));
  CHECK(files.MeasureUsage()->entries == 4);
}

TEST_CASE("A tree goes away though others put files in as it does", "[files]") {
  // Each time the removal begins again, there is at least one file more: so it never gives up here.
  constexpr int kFiles = 500;
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  for (int round = 0; round < 5; ++round) {
    const fs::path folder = fixture.site / "tree" / "a" / "b";
    fs::create_directories(folder);
    std::atomic<int> made = 0;
    std::jthread writer([&](const std::stop_token& stop) {
      const Descriptor open_folder(open(folder.c_str(), O_RDONLY | O_DIRECTORY));
      while (!stop.stop_requested() && made < kFiles) {
        const std::string name = "file" + std::to_string(made);
        const Descriptor file(openat(open_folder.get(), name.c_str(), O_WRONLY | O_CREAT, 0644));
        if (!file.valid()) return;
        ++made;
      }
    });
    REQUIRE(::tests::Eventually([&] { return made > 50; }, std::chrono::seconds(10),
                                std::chrono::milliseconds(0)));
    const auto removed = files.RemoveTree(At("tree"));
    INFO(MessageOf(removed));
    CHECK(removed.has_value());
    CHECK(!fs::exists(fixture.site / "tree"));
  }
}

TEST_CASE("Removing ends, one way or the other, though folders appear again and again", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  std::atomic<int> made = 0;
  const std::jthread writer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::error_code ignored;
      fs::create_directories(fixture.site / "tree" / "a" / "b", ignored);
      ++made;
    }
  });
  for (int round = 0; round < 50; ++round) {
    const int before = made;
    REQUIRE(::tests::Eventually([&] { return made > before; }, std::chrono::seconds(10),
                                std::chrono::milliseconds(0)));
    const auto kind = KindOf(files.RemoveTree(At("tree")));
    CHECK((!kind || kind == ErrorKind::kConflict || kind == ErrorKind::kNotFound));
  }
}

TEST_CASE("Usage is what is allocated, hard links once, links not followed", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  const auto before = files.MeasureUsage();
  REQUIRE(before.has_value());
  Put(fixture.site / "public" / "file", std::string(64 * kKibibyte, 'x'));
  fs::create_hard_link(fixture.site / "public" / "file", fixture.site / "public" / "again");
  Put(fixture.outside / "folder" / "file", std::string(1024 * kKibibyte, 'x'));
  fs::create_directory_symlink(fixture.outside, fixture.site / "public" / "out");
  fs::resize_file(fixture.directory.Write("site/public/sparse", ""), 1U << 30U);
  const auto after = files.MeasureUsage();
  REQUIRE(after.has_value());
  CHECK(after->entries == before->entries + 4);
  CHECK(after->bytes >= before->bytes + 64 * kKibibyte);
  CHECK(after->bytes < before->bytes + 128 * kKibibyte);
  std::stop_source stop;
  stop.request_stop();
  CHECK(KindOf(files.MeasureUsage(stop.get_token())) == ErrorKind::kCancelled);
}

}  // namespace
}  // namespace orchestrator::files::tests
