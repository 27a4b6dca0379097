#include "orchestrator/deploy/site_directory.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "orchestrator/deploy/entry_script.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::deploy {
namespace {

using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

site::Site WithRun(const std::string& text) {
  site::Site site = tests::MakeSite(1);
  site.run = text;
  return site;
}

class Fixture {
 public:
  tests::TemporaryDirectory directory;
  const fs::path root = directory.path() / "sites";
  const fs::path site = root / "00" / "01";
  const fs::path run = site / ".orchestrator" / RunFileName("ours");
  const fs::path outside = directory.path() / "outside";
};

TEST_CASE("A link in the place of a folder is refused, and nothing is made behind it") {
  for (const char* name : {"00", "00/01", "00/01/public", "00/01/.home", "00/01/.orchestrator"}) {
    INFO(name);
    Fixture fixture;
    fs::create_directories(fixture.outside);
    const fs::path link = fixture.root / name;
    fs::create_directories(link.parent_path());
    fs::create_directory_symlink(fixture.outside, link);
    const auto ready = PrepareSiteDirectory(fixture.root, WithRun("x"));
    REQUIRE_FALSE(ready.has_value());
    CHECK(ready.error().kind == ErrorKind::kConflict);
    CHECK_THAT(ready.error().message, ContainsSubstring("may not be a link"));
    CHECK(fs::is_empty(fixture.outside));
  }
}

TEST_CASE("A file in the place of a folder is refused") {
  Fixture fixture;
  fs::create_directories(fixture.site);
  std::ofstream(fixture.site / "public") << "x";
  const auto ready = PrepareSiteDirectory(fixture.root, tests::MakeSite(1));
  REQUIRE_FALSE(ready.has_value());
  CHECK(ready.error().kind == ErrorKind::kConflict);
}

TEST_CASE("A link in the place of the run file is replaced, what it names stays") {
  Fixture fixture;
  fs::create_directories(fixture.run.parent_path());
  std::ofstream(fixture.outside) << "theirs";
  fs::create_symlink(fixture.outside, fixture.run);
  fs::create_symlink(fixture.outside, fixture.run.string() + ".new");
  REQUIRE(PrepareSiteDirectory(fixture.root, WithRun("ours")));
  CHECK(ReadAll(fixture.outside) == "theirs");
  CHECK_FALSE(fs::is_symlink(fixture.run));
  CHECK(ReadAll(fixture.run) == "ours");
}

TEST_CASE("What a site puts in the place of the run file holds nobody up") {
  Fixture fixture;
  fs::create_directories(fixture.run.parent_path());
  SECTION("a FIFO that nobody writes to") { REQUIRE(mkfifo(fixture.run.c_str(), 0644) == 0); }
  SECTION("a FIFO under the temporary name") {
    REQUIRE(mkfifo((fixture.run.string() + ".new").c_str(), 0644) == 0);
  }
  REQUIRE(PrepareSiteDirectory(fixture.root, WithRun("ours")));
  CHECK(ReadAll(fixture.run) == "ours");
}

TEST_CASE("What is made belongs to the owner of sites, whatever the process lets pass") {
  Fixture fixture;
  fs::create_directories(fixture.site / "public");
  const mode_t before = umask(077);
  REQUIRE(MakeSiteFolders(fixture.root, {1}, files::Owner{1234, 5678}));
  umask(before);
  struct stat status{};
  REQUIRE(stat((fixture.site / ".home").c_str(), &status) == 0);
  CHECK(status.st_uid == 1234);
  CHECK(status.st_gid == 5678);
  CHECK((status.st_mode & 0777) == 0755);
  REQUIRE(stat((fixture.site / "public").c_str(), &status) == 0);
  CHECK(status.st_uid == getuid());  // it was there
  CHECK_FALSE(fs::exists(fixture.site / ".orchestrator"));
}

TEST_CASE("The folders are made, and what is there stays") {
  Fixture fixture;
  REQUIRE(PrepareSiteDirectory(fixture.root, tests::MakeSite(1)));
  CHECK(fs::is_directory(fixture.site / "public"));
  CHECK(fs::is_directory(fixture.site / ".home"));
  CHECK_FALSE(fs::exists(fixture.site / ".orchestrator"));
  std::ofstream(fixture.site / "public" / "index.html") << "hello";
  REQUIRE(PrepareSiteDirectory(fixture.root, tests::MakeSite(1)));
  CHECK(ReadAll(fixture.site / "public" / "index.html") == "hello");
}

TEST_CASE(
    "The run file is written executable, whatever the site made of it, and those of before stay") {
  Fixture fixture;
  REQUIRE(PrepareSiteDirectory(fixture.root, WithRun("ours")));
  CHECK(ReadAll(fixture.run) == "ours");
  struct stat status{};
  REQUIRE(stat(fixture.run.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0755);
  const auto inode = status.st_ino;
  REQUIRE(PrepareSiteDirectory(fixture.root, WithRun("ours")));
  REQUIRE(stat(fixture.run.c_str(), &status) == 0);
  CHECK(status.st_ino == inode);

  fs::permissions(fixture.run, fs::perms::owner_read);
  REQUIRE(PrepareSiteDirectory(fixture.root, WithRun("ours")));
  REQUIRE(stat(fixture.run.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0755);
  std::ofstream(fixture.run) << "evil";
  REQUIRE(PrepareSiteDirectory(fixture.root, WithRun("ours")));
  CHECK(ReadAll(fixture.run) == "ours");

  REQUIRE(PrepareSiteDirectory(fixture.root, WithRun("next")));
  CHECK(ReadAll(fixture.run.parent_path() / RunFileName("next")) == "next");
  REQUIRE(PrepareSiteDirectory(fixture.root, tests::MakeSite(1)));
  CHECK(ReadAll(fixture.run) == "ours");
}

TEST_CASE("A sweep removes run files that are not named, and nothing else") {
  Fixture fixture;
  REQUIRE(SweepRunFiles(fixture.root, {1}, {}));  // there is nothing yet
  const fs::path own = fixture.run.parent_path();
  fs::create_directories(own / "run-folder");
  fs::create_directories(fixture.outside);
  std::ofstream(fixture.outside / "run-theirs") << "x";
  for (const char* name : {"run-old", "run-old.new", "run-kept", "crashes"}) {
    std::ofstream(own / name) << "x";
  }
  fs::create_symlink(fixture.outside / "run-theirs", own / "run-link");
  REQUIRE(SweepRunFiles(fixture.root, {1}, {"run-kept", ""}));
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(own)) left.insert(entry.path().filename());
  CHECK(left == std::set<std::string>{"run-folder", "run-kept", "crashes"});

  fs::remove_all(own);
  fs::create_directory_symlink(fixture.outside, own);
  REQUIRE(SweepRunFiles(fixture.root, {1}, {}));
  CHECK(fs::exists(fixture.outside / "run-theirs"));
}

TEST_CASE("SitePath spreads sites over folders of a hundred") {
  CHECK(SitePath("/r", {1}) == "/r/00/01");
  CHECK(SitePath("/r", {100}) == "/r/01/00");
  CHECK(SitePath("/r", {1234}) == "/r/12/34");
  CHECK(SitePath("/r", {123456}) == "/r/1234/56");
}

}  // namespace
}  // namespace orchestrator::deploy
