#include "orchestrator/files/site_files.h"

#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>

#include "tests/orchestrator/files/site_fixture.h"

namespace orchestrator::files::tests {
namespace {

using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

TEST_CASE("A site's directory that is a link, a file or not there is not opened", "[files]") {
  SiteFixture fixture;
  fs::create_directory_symlink(fixture.outside, fixture.directory.path() / "link");
  CHECK(KindOf(SiteFiles::Open(fixture.directory.path() / "link", {})) == ErrorKind::kConflict);
  CHECK(KindOf(SiteFiles::Open(fixture.outside / "file", {})) == ErrorKind::kConflict);
  CHECK(KindOf(SiteFiles::Open(fixture.outside / "none", {})) == ErrorKind::kNotFound);
}

TEST_CASE("No operation goes through a link, wherever it is in the path", "[files]") {
  struct Case {
    std::string_view should;
    std::string path;
  };
  const std::vector<Case> cases{
      {"should not follow a link to a folder at the start", "out/file"},
      {"should not follow a link in the middle", "public/out/folder/file"},
      {"should not follow a link with a new name behind it", "out/new"},
      {"should not follow a link with new folders behind it", "out/new/new"},
      {"should not follow a link to the folder above", "up/outside/file"},
      {"should not follow a link of the process to the root", "root/etc/hostname"},
      {"should not follow a link of the process to its folder", "cwd/file"},
      {"should not follow a link that stays in the site", "inside/file"},
      {"should not follow a link to itself", "loop/file"},
  };
  for (const Case& test : cases) {
    for (const Operation& operation : AllOperations()) {
      INFO(test.should << ": " << operation.name);
      SiteFixture fixture;
      Put(fixture.site / "public" / "file", "ours");
      Put(fixture.site / "movable", "ours");
      fs::create_directory_symlink(fixture.outside, fixture.site / "out");
      fs::create_directory_symlink(fixture.outside, fixture.site / "public" / "out");
      fs::create_directory_symlink("..", fixture.site / "up");
      fs::create_directory_symlink("/proc/self/root", fixture.site / "root");
      fs::create_directory_symlink("/proc/self/cwd", fixture.site / "cwd");
      fs::create_directory_symlink("public", fixture.site / "inside");
      fs::create_directory_symlink("loop", fixture.site / "loop");
      const SiteFiles files = fixture.Open();
      const auto result = operation.run(files, At(test.path));
      CHECK(KindOf(result) == ErrorKind::kConflict);
      CHECK_THAT(MessageOf(result), ContainsSubstring("link") || ContainsSubstring("not a folder"));
      CHECK(fixture.OutsideIsUntouched());
      CHECK(Get(fixture.site / "public" / "file") == "ours");
    }
  }
}

TEST_CASE("A link at the end of a path is itself meant, never its target", "[files]") {
  SiteFixture fixture;
  const fs::path link = fixture.site / "link";
  const auto make = [&](const fs::path& target) {
    fs::remove(link);
    fs::create_symlink(target, link);
  };
  const SiteFiles files = fixture.Open();
  for (const fs::path& target : {fixture.outside / "file", fixture.outside}) {
    make(target);
    const auto entry = files.Stat(At("link"));
    REQUIRE(entry.has_value());
    CHECK(entry->type == EntryType::kLink);
    CHECK(entry->link_target == target.native());
    CHECK(!entry->etag);
    CHECK(KindOf(files.OpenForReading(At("link"))) == ErrorKind::kConflict);
    CHECK(KindOf(files.List(At("link"), 10)) == ErrorKind::kConflict);
    CHECK(KindOf(files.Chmod(At("link"), 0777)) == ErrorKind::kConflict);
    CHECK(KindOf(files.MakeFolder(At("link"), 0755, true)) == ErrorKind::kConflict);
    CHECK(KindOf(ChangeWatch::Start(files, At("link"))) == ErrorKind::kConflict);
    REQUIRE(files.RemoveTree(At("link")));
    CHECK(!fs::is_symlink(link));
    make(target);
    REQUIRE(files.Remove(At("link")));
    make(target);
    REQUIRE(WriteText(files, At("link"), "ours"));
    CHECK(fs::is_regular_file(fs::symlink_status(link)));
    make(target);
    REQUIRE(files.Move(At("link"), At("public/link"), false));
    CHECK(fs::read_symlink(fixture.site / "public" / "link") == target);
    REQUIRE(files.Remove(At("public/link")));
    CHECK(fixture.OutsideIsUntouched());
  }
}

TEST_CASE("What belongs to the orchestrator is hidden and refused", "[files]") {
  const std::string upload = MakeUploadName(false);
  for (const std::string& path :
       {std::string(".orchestrator"), std::string(".orchestrator/run"),
        std::string(".orchestrator/new/new"), "public/" + upload, upload + "/file"}) {
    for (const Operation& operation : AllOperations()) {
      INFO(operation.name << " " << path);
      SiteFixture fixture;
      Put(fixture.site / "movable", "ours");
      const auto result = operation.run(fixture.Open(), At(path));
      CHECK(KindOf(result) == ErrorKind::kConflict);
      CHECK_THAT(MessageOf(result), ContainsSubstring("belongs to the orchestrator"));
      CHECK(Get(fixture.site / ".orchestrator" / "run") == "run");
    }
  }
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  Put(fixture.site / upload, "x");
  const auto listing = files.List(At(""), 10);
  REQUIRE(listing.has_value());
  REQUIRE(listing->entries.size() == 2);
  CHECK(listing->entries[0].name == ".home");
  CHECK(listing->entries[1].name == "public");
  // Elsewhere the name is anybody's.
  CHECK(WriteText(files, At("public/.orchestrator"), "ours"));
}

TEST_CASE("FIFOs, sockets and devices are shown and never opened", "[files]") {
  SiteFixture fixture;
  REQUIRE(mkfifo((fixture.site / "fifo").c_str(), 0666) == 0);
  REQUIRE(mknod((fixture.site / "zero").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0);
  const Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (fixture.site / "socket").native().copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  const SiteFiles files = fixture.Open();
  for (const std::string& name :
       {std::string("fifo"), std::string("zero"), std::string("socket")}) {
    INFO(name);
    CHECK(files.Stat(At(name))->type == EntryType::kOther);
    CHECK(KindOf(files.OpenForReading(At(name))) == ErrorKind::kConflict);
    CHECK(KindOf(files.StartWriting(At(name), {})) == ErrorKind::kConflict);
    CHECK(KindOf(files.List(At(name), 10)) == ErrorKind::kConflict);
    CHECK(KindOf(files.Chmod(At(name), 0600)) == ErrorKind::kConflict);
    CHECK(files.Remove(At(name)).has_value());
  }
}

TEST_CASE("A mount in the site is not entered", "[files]") {
  SiteFixture fixture;
  fs::create_directories(fixture.site / "tree" / "mount");
  const Mount mount(fixture.site / "tree" / "mount");
  Put(fixture.site / "tree" / "mount" / "file", std::string(100'000, 'x'));
  Put(fixture.site / "movable", "ours");
  const SiteFiles files = fixture.Open();
  for (const Operation& operation : AllOperations()) {
    INFO(operation.name);
    const auto result = operation.run(files, At("tree/mount/file"));
    CHECK(KindOf(result) == ErrorKind::kConflict);
    CHECK_THAT(MessageOf(result), ContainsSubstring("mounted there"));
  }
  const auto archived = Archived(files, At("tree"), ArchiveFormat::kTar);
  REQUIRE(archived.has_value());
  CHECK(archived->size() < 100'000);
  CHECK(files.MeasureUsage()->bytes < 100'000);
  const auto removed = files.RemoveTree(At("tree"));
  CHECK(KindOf(removed) == ErrorKind::kConflict);
  CHECK_THAT(MessageOf(removed), ContainsSubstring("tree/mount") && ContainsSubstring("mounted"));
  CHECK(Get(fixture.site / "tree" / "mount" / "file").size() == 100'000);
}

TEST_CASE("A listing is sorted by bytes, and says when there is more", "[files]") {
  SiteFixture fixture;
  for (const char* name : {"b", "B", "a", "\xFF", "ä"}) Put(fixture.site / "f" / name, "12345");
  fs::create_directory(fixture.site / "f" / "folder");
  fs::create_symlink("nowhere", fixture.site / "f" / "link");
  const SiteFiles files = fixture.Open();
  const auto all = files.List(At("f"), 7);
  REQUIRE(all.has_value());
  CHECK(!all->truncated);
  std::vector<std::string> names;
  for (const Entry& entry : all->entries) names.push_back(entry.name);
  CHECK(names == std::vector<std::string>{"B", "a", "b", "folder", "link", "ä", "\xFF"});
  CHECK(all->entries[0].type == EntryType::kFile);
  CHECK(all->entries[0].size == 5);
  CHECK(all->entries[0].mode == 0644);
  CHECK(all->entries[0].etag == files.Stat(At("f/B"))->etag);
  CHECK(all->entries[3].type == EntryType::kFolder);
  CHECK(all->entries[4].link_target == "nowhere");
  const auto first = files.List(At("f"), 2);
  REQUIRE(first.has_value());
  CHECK(first->truncated);
  REQUIRE(first->entries.size() == 2);
  CHECK(first->entries[1].name == "a");
  CHECK(first->last_name == "a");
  CHECK(files.List(At("f"), 0)->truncated);
  CHECK(KindOf(files.List(At("f/a"), 1)) == ErrorKind::kConflict);
  CHECK(KindOf(files.List(At("none"), 1)) == ErrorKind::kNotFound);
}

TEST_CASE("A listing goes on behind a name, whatever became of it", "[files]") {
  SiteFixture fixture;
  for (const char* name : {"a", "b", "c", "\xC3\xA4", "\xFF", "\xFF\x01"}) {
    Put(fixture.site / "f" / name, "");
  }
  const SiteFiles files = fixture.Open();
  std::vector<std::string> names;
  std::string after;
  for (int page = 0; page < 3; ++page) {
    const auto listing = files.List(At("f"), 2, after);
    REQUIRE(listing.has_value());
    CHECK(listing->truncated == (page < 2));
    for (const Entry& entry : listing->entries) names.push_back(entry.name);
    after = listing->last_name;
    fs::remove(fixture.site / "f" / after);
  }
  CHECK(names == std::vector<std::string>{"a", "b", "c", "\xC3\xA4", "\xFF", "\xFF\x01"});
  const auto end = files.List(At("f"), 2, after);
  REQUIRE(end.has_value());
  CHECK(end->entries.empty());
  CHECK(!end->truncated);
}

TEST_CASE("Times that the clock cannot hold are shown as the nearest", "[files]") {
  SiteFixture fixture;
  // Not every file system has room for such a time.
  const Mount mount(fixture.site / "public");
  const SiteFiles files = SiteFiles::Open(fixture.site / "public", {}).value();
  Put(fixture.site / "public" / "file", "x");
  for (const time_t seconds :
       {std::numeric_limits<time_t>::max(), std::numeric_limits<time_t>::min()}) {
    const timespec times[2] = {{seconds, 999'999'999}, {seconds, 999'999'999}};
    REQUIRE(utimensat(AT_FDCWD, (fixture.site / "public" / "file").c_str(), times, 0) == 0);
    const auto entry = files.Stat(At("file"));
    REQUIRE(entry.has_value());
    CHECK((entry->modified > std::chrono::system_clock::now()) == (seconds > 0));
  }
}

TEST_CASE("A file is read at any place, whatever becomes of its name", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "file", "0123456789");
  const SiteFiles files = fixture.Open();
  CHECK(KindOf(files.OpenForReading(At("none"))) == ErrorKind::kNotFound);
  CHECK(KindOf(files.OpenForReading(At("public"))) == ErrorKind::kConflict);
  CHECK(KindOf(files.OpenForReading(At(""))) == ErrorKind::kConflict);
  CHECK(KindOf(files.OpenForReading(At("file/below"))) == ErrorKind::kConflict);
  const auto file = files.OpenForReading(At("file"));
  REQUIRE(file.has_value());
  CHECK(file->size == 10);
  CHECK(file->etag == files.Stat(At("file"))->etag);
  REQUIRE(files.Remove(At("file")));
  std::string buffer(4, '\0');
  CHECK(file->ReadAt(3, buffer) == 4U);
  CHECK(buffer == "3456");
  CHECK(file->ReadAt(8, buffer) == 2U);
  CHECK(file->ReadAt(10, buffer) == 0U);
  CHECK(file->ReadAt(std::numeric_limits<std::uint64_t>::max(), buffer) == 0U);
}

TEST_CASE("Folders are made with owner and mode, missing ones above too", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open({.owner = Owner{1234, 2345}});
  CHECK(KindOf(files.MakeFolder(At("a/b"), 0750, false)) == ErrorKind::kNotFound);
  CHECK(KindOf(files.MakeFolder(At("public"), 0750, true)) == ErrorKind::kConflict);
  CHECK(KindOf(files.MakeFolder(At(""), 0750, true)) == ErrorKind::kConflict);
  CHECK(KindOf(files.MakeFolder(At("a"), 04755, true)) == ErrorKind::kInvalid);
  CHECK(KindOf(files.MakeFolder(At("a"), 0200755, true)) == ErrorKind::kInvalid);
  const auto made = files.MakeFolder(At("a/b/c"), 01777, true);
  REQUIRE(made.has_value());
  CHECK(made->name == "c");
  CHECK(made->mode == 01777);
  CHECK(files.Stat(At("a/b"))->mode == 0755);
  struct stat status{};
  REQUIRE(stat((fixture.site / "a" / "b").c_str(), &status) == 0);
  CHECK(status.st_uid == 1234);
  CHECK(status.st_gid == 2345);
}

TEST_CASE("Moving keeps what is there unless it is told to replace it", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "a" / "file", "a");
  Put(fixture.site / "b", "b");
  fs::create_directories(fixture.site / "empty");
  const SiteFiles files = fixture.Open();
  CHECK(KindOf(files.Move(At("none"), At("c"), false)) == ErrorKind::kNotFound);
  CHECK(KindOf(files.Move(At("b"), At("none/c"), false)) == ErrorKind::kNotFound);
  CHECK(KindOf(files.Move(At("a"), At("a/c"), false)) == ErrorKind::kInvalid);
  CHECK(KindOf(files.Move(At("a"), At("a"), true)) == ErrorKind::kInvalid);
  CHECK(KindOf(files.Move(At(""), At("c"), false)) == ErrorKind::kConflict);
  CHECK(KindOf(files.Move(At("b"), At(""), true)) == ErrorKind::kConflict);
  CHECK(KindOf(files.Move(At("public"), At("c"), true)) == ErrorKind::kConflict);
  CHECK(KindOf(files.Move(At(".home"), At("c"), true)) == ErrorKind::kConflict);
  CHECK(KindOf(files.Move(At("empty"), At("public"), true)) == ErrorKind::kConflict);
  CHECK(KindOf(files.Move(At("b"), At("a/file"), false)) == ErrorKind::kConflict);
  CHECK(KindOf(files.Move(At("b"), At("a"), true)) == ErrorKind::kConflict);
  CHECK(KindOf(files.Move(At("a"), At("b"), true)) == ErrorKind::kConflict);
  CHECK(KindOf(files.Move(At("empty"), At("a"), true)) == ErrorKind::kConflict);
  CHECK(Get(fixture.site / "a" / "file") == "a");

  REQUIRE(files.Move(At("b"), At("a/file"), true));
  CHECK(Get(fixture.site / "a" / "file") == "b");
  const auto moved = files.Move(At("a"), At("empty"), true);
  REQUIRE(moved.has_value());
  CHECK(moved->type == EntryType::kFolder);
  CHECK(Get(fixture.site / "empty" / "file") == "b");
}

TEST_CASE("Modes are changed of files and folders only, without rights of others", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "file", "x");
  const SiteFiles files = fixture.Open();
  CHECK(KindOf(files.Chmod(At("file"), 04755)) == ErrorKind::kInvalid);
  CHECK(KindOf(files.Chmod(At("file"), 02755)) == ErrorKind::kInvalid);
  CHECK(KindOf(files.Chmod(At("file"), 010000)) == ErrorKind::kInvalid);
  CHECK(KindOf(files.Chmod(At(""), 0700)) == ErrorKind::kConflict);
  CHECK(KindOf(files.Chmod(At("none"), 0700)) == ErrorKind::kNotFound);
  CHECK(files.Chmod(At("file"), 0)->mode == 0);
  CHECK(files.Chmod(At("file"), 01604)->mode == 01604);
  CHECK(files.Chmod(At("public"), 01777)->mode == 01777);
  CHECK(ModeOf(fixture.site / "file") == 01604);
}

TEST_CASE("Single entries are removed, folders only when they are empty", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "a" / "file", "x");
  const SiteFiles files = fixture.Open();
  CHECK(KindOf(files.Remove(At(""))) == ErrorKind::kConflict);
  CHECK(KindOf(files.Remove(At("public"))) == ErrorKind::kConflict);
  CHECK(KindOf(files.Remove(At(".home"))) == ErrorKind::kConflict);
  CHECK(KindOf(files.Remove(At("none"))) == ErrorKind::kNotFound);
  CHECK(KindOf(files.Remove(At("a"))) == ErrorKind::kConflict);
  REQUIRE(files.Remove(At("a/file")));
  const fs::path left = fixture.site / "a" / MakeUploadName(false);
  Put(left, "x");
  CHECK(KindOf(files.Remove(At("a"))) == ErrorKind::kConflict);
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(2));
  REQUIRE(files.Remove(At("a")));
  CHECK(!fs::exists(fixture.site / "a"));
}

TEST_CASE("Messages show names safely", "[files]") {
  SiteFixture fixture;
  CHECK(MessageOf(fixture.Open().Stat(At("a\n\x1B"))) ==
        "cannot look at 'a\\x0A\\x1B': it is not there");
}

}  // namespace
}  // namespace orchestrator::files::tests
