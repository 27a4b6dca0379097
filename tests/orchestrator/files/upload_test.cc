#include "orchestrator/files/upload.h"

#include <atomic>
#include <filesystem>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/stat.h>

#include "tests/orchestrator/files/site_fixture.h"

namespace orchestrator::files::tests {
namespace {

using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

std::size_t CountEntries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST_CASE("What cannot become a file is refused at the start", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  CHECK(KindOf(files.StartWriting(At(""), {})) == ErrorKind::kConflict);
  CHECK(KindOf(files.StartWriting(At("public"), {})) == ErrorKind::kConflict);
  CHECK(KindOf(files.StartWriting(At("none/file"), {})) == ErrorKind::kNotFound);
  CHECK(KindOf(files.StartWriting(At("file"), {.mode = 04755})) == ErrorKind::kInvalid);
  CHECK(KindOf(files.StartWriting(At("file"), {.mode = 02755})) == ErrorKind::kInvalid);
  Put(fixture.site / "file", "x");
  CHECK(KindOf(files.StartWriting(At("file/below"), {.make_parents = true})) ==
        ErrorKind::kConflict);
}

TEST_CASE("An interrupted upload leaves nothing, and nothing is shown before its end", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  {
    auto upload = files.StartWriting(At("public/file"), {});
    REQUIRE(upload.has_value());
    REQUIRE(upload->Append("half"));
    CHECK(files.List(At("public"), 10)->entries.empty());
    CHECK(CountEntries(fixture.site / "public") == 1);
    const Upload moved = std::move(*upload);
    CHECK(CountEntries(fixture.site / "public") == 1);
  }
  CHECK(CountEntries(fixture.site / "public") == 0);
}

TEST_CASE("What a crash left of an upload is removed after an hour", "[files]") {
  SiteFixture fixture;
  const fs::path old_one = fixture.site / "public" / MakeUploadName(false);
  const fs::path young = fixture.site / "public" / MakeUploadName(true);
  const fs::path other = fixture.site / "public" / ".orchestrator-upload-of-mine";
  const auto now = fs::file_time_type::clock::now();
  for (const fs::path& path : {old_one, young, other}) {
    Put(path, "x");
    fs::last_write_time(path, now - std::chrono::minutes(path == young ? 59 : 61));
  }
  REQUIRE(WriteText(fixture.Open(), At("public/file"), "x"));
  CHECK(!fs::exists(old_one));
  CHECK(fs::exists(young));
  CHECK(fs::exists(other));
}

TEST_CASE("Conditions hold at the start and at the end", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  CHECK(KindOf(files.StartWriting(At("file"), {.if_match = Tag("x")})) == ErrorKind::kPrecondition);
  CHECK(KindOf(files.StartWriting(At("file"), {.if_match = kAnyTag})) == ErrorKind::kPrecondition);
  REQUIRE(WriteText(files, At("file"), "one", {.if_none_match_any = true}));
  CHECK(KindOf(files.StartWriting(At("file"), {.if_none_match_any = true})) ==
        ErrorKind::kPrecondition);
  CHECK(KindOf(files.StartWriting(At("file"), {.if_match = Tag("x")})) == ErrorKind::kPrecondition);
  CHECK(WriteText(files, At("file"), "two", {.if_match = kAnyTag}));

  const std::string etag = files.Stat(At("file"))->etag.value();
  auto first = files.StartWriting(At("file"), {.if_match = Tag(etag)});
  const EntityTags both{.any = false, .tags = {"older", etag}};
  auto second = files.StartWriting(At("file"), {.if_match = both});
  REQUIRE((first && second && first->Append("first") && second->Append("second")));
  const auto committed = second->Commit();
  REQUIRE(committed.has_value());
  CHECK(committed->etag != etag);
  CHECK(committed->etag == files.Stat(At("file"))->etag);
  CHECK(committed->size == 6);
  CHECK(KindOf(first->Commit()) == ErrorKind::kPrecondition);
  CHECK(Get(fixture.site / "file") == "second");

  auto created = files.StartWriting(At("new"), {.if_none_match_any = true});
  REQUIRE((created && created->Append("late")));
  Put(fixture.site / "new", "early");
  CHECK(KindOf(created->Commit()) == ErrorKind::kPrecondition);
  CHECK(Get(fixture.site / "new") == "early");

  auto removed =
      files.StartWriting(At("new"), {.if_match = Tag(files.Stat(At("new"))->etag.value())});
  REQUIRE(removed.has_value());
  fs::remove(fixture.site / "new");
  CHECK(KindOf(removed->Commit()) == ErrorKind::kPrecondition);
  CHECK(!fs::exists(fixture.site / "new"));
}

TEST_CASE("Of many uploads at the same time with one If-Match, one succeeds", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  for (int round = 0; round < 20; ++round) {
    Put(fixture.site / "file", "start");
    const WriteOptions options{.if_match = Tag(files.Stat(At("file"))->etag.value())};
    std::atomic<int> succeeded = 0;
    {
      std::vector<std::jthread> writers;
      writers.reserve(4);
      for (int i = 0; i < 4; ++i) {
        writers.emplace_back([&] {
          if (WriteText(files, At("file"), "next", options)) ++succeeded;
        });
      }
    }
    CHECK(succeeded == 1);
  }
}

TEST_CASE("A target that becomes a folder meanwhile is a conflict", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  auto upload = files.StartWriting(At("file"), {});
  REQUIRE(upload.has_value());
  fs::create_directory(fixture.site / "file");
  CHECK(KindOf(upload->Commit()) == ErrorKind::kConflict);
  CHECK(KindOf(upload->Commit()) == ErrorKind::kConflict);
  CHECK(KindOf(upload->Append("x")) == ErrorKind::kConflict);
}

TEST_CASE("A temporary file that others put something else in the place of is not used",
          "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  fs::path planted;
  {
    auto upload = files.StartWriting(At("public/file"), {});
    REQUIRE(upload.has_value());
    planted = fs::directory_iterator(fixture.site / "public")->path();
    fs::remove(planted);
    fs::create_symlink(fixture.outside / "file", planted);
    CHECK(KindOf(upload->Commit()) == ErrorKind::kConflict);
  }
  CHECK(!fs::exists(fixture.site / "public" / "file"));
  CHECK(fs::is_symlink(planted));
  CHECK(fixture.OutsideIsUntouched());
}

TEST_CASE("Mode and owner are those of the request, else of the file that is replaced", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  const fs::path path = fixture.site / "file";
  const auto status = [&] {
    struct stat result{};
    REQUIRE(stat(path.c_str(), &result) == 0);
    return result;
  };
  REQUIRE(WriteText(files, At("file"), "x"));
  CHECK((status().st_mode & 07777) == 0644);
  REQUIRE(chmod(path.c_str(), 06711) == 0);
  REQUIRE(chown(path.c_str(), 77, 78) == 0);
  REQUIRE(chmod(path.c_str(), 06711) == 0);
  REQUIRE(WriteText(files, At("file"), "y"));
  CHECK((status().st_mode & 07777) == 0711);
  CHECK(status().st_uid == 77);
  CHECK(status().st_gid == 78);
  REQUIRE(WriteText(fixture.Open({.owner = Owner{12, 13}}), At("file"), "z", {.mode = 0600}));
  CHECK((status().st_mode & 07777) == 0600);
  CHECK(status().st_uid == 12);
  CHECK(status().st_gid == 13);
}

TEST_CASE("Folders above are made when asked for", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  REQUIRE(WriteText(files, At("public/a/b/file"), "x", {.make_parents = true}));
  REQUIRE(WriteText(files, At("public/a/b/file"), "y", {.make_parents = true}));
  CHECK(Get(fixture.site / "public" / "a" / "b" / "file") == "y");
}

TEST_CASE("The quota holds to the byte", "[files]") {
  SiteFixture fixture;
  // Here folders have the same size whatever was in them.
  const Mount mount(fixture.site);
  fs::create_directory(fixture.site / "public");
  Put(fixture.site / "public" / "other", std::string(10'000, 'x'));
  const std::uint64_t used = fixture.Open().MeasureUsage()->bytes;
  const SiteFiles files = fixture.Open({.quota_bytes = used + 100});
  REQUIRE(WriteText(files, At("exact"), std::string(100, 'x')));
  REQUIRE(files.Remove(At("exact")));
  const auto over = WriteText(files, At("over"), std::string(101, 'x'));
  CHECK(KindOf(over) == ErrorKind::kNoSpace);
  CHECK_THAT(MessageOf(over), ContainsSubstring("quota"));
  {
    auto parts = files.StartWriting(At("parts"), {});
    REQUIRE((parts && parts->Append(std::string(60, 'x')) && parts->Append(std::string(40, 'x'))));
    CHECK(KindOf(parts->Append("x")) == ErrorKind::kNoSpace);
    CHECK(KindOf(parts->Commit()) == ErrorKind::kNoSpace);
  }
  CHECK(!fs::exists(fixture.site / "parts"));

  // The file that is replaced makes room for the new one.
  struct stat status{};
  REQUIRE(stat((fixture.site / "public" / "other").c_str(), &status) == 0);
  const auto freed = static_cast<std::uint64_t>(status.st_blocks) * 512;
  CHECK(KindOf(WriteText(files, At("public/other"), std::string(freed + 101, 'y'))) ==
        ErrorKind::kNoSpace);
  CHECK(Get(fixture.site / "public" / "other") == std::string(10'000, 'x'));
  CHECK(WriteText(files, At("public/other"), std::string(freed + 100, 'y')));
  CHECK(KindOf(WriteText(fixture.Open({.quota_bytes = 1}), At("file"), "x")) ==
        ErrorKind::kNoSpace);
}

TEST_CASE("Where nothing is left of the quota, nothing new is made", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "public" / "old", "some text");
  const SiteFiles files = fixture.Open({.quota_bytes = 1});
  CHECK(KindOf(WriteText(files, At("public/empty"), "")) == ErrorKind::kNoSpace);
  CHECK(KindOf(WriteText(files, At("a/b/empty"), "", {.make_parents = true})) ==
        ErrorKind::kNoSpace);
  const auto folder = files.MakeFolder(At("a/b/c"), 0755, true);
  CHECK(KindOf(folder) == ErrorKind::kNoSpace);
  CHECK_THAT(MessageOf(folder), ContainsSubstring("'a/b/c'") && ContainsSubstring("quota"));
  CHECK(!fs::exists(fixture.site / "a"));
  CHECK(KindOf(files.MakeFolder(At("public"), 0755, true)) == ErrorKind::kConflict);
  // What is there may be emptied, moved and removed.
  CHECK(WriteText(files, At("public/old"), ""));
  CHECK(files.Move(At("public/old"), At("old"), false));
  CHECK(files.Remove(At("old")));
}

TEST_CASE("What is refused at the start leaves no folders", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  CHECK(KindOf(files.StartWriting(At("a/b/file"), {.if_match = kAnyTag, .make_parents = true})) ==
        ErrorKind::kPrecondition);
  CHECK(KindOf(files.MakeFolder(At("a/b/c"), 0755, true, {.if_match = kAnyTag})) ==
        ErrorKind::kPrecondition);
  CHECK(!fs::exists(fixture.site / "a"));
}

TEST_CASE("An upload that does not become a file takes the folders along that it made", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  const auto start = [&](const std::string& path) {
    return files.StartWriting(At(path), {.make_parents = true});
  };
  REQUIRE(start("public/a/b/file")->Append("half"));
  CHECK(fs::is_empty(fixture.site / "public"));
  {
    auto first = start("public/a/b/file");
    auto second = start("public/a/c/file");
    REQUIRE((first && second));
    CHECK(fs::exists(fixture.site / "public" / "a" / "b"));
    CHECK(second->Commit());
  }
  CHECK(!fs::exists(fixture.site / "public" / "a" / "b"));
  CHECK(fs::exists(fixture.site / "public" / "a" / "c" / "file"));
  {
    const auto upload = start("d/e/f/file");
    REQUIRE(upload.has_value());
    Put(fixture.site / "d" / "theirs", "x");
  }
  CHECK(!fs::exists(fixture.site / "d" / "e"));
  CHECK(Get(fixture.site / "d" / "theirs") == "x");
}

TEST_CASE("Uploads into new folders that come and go do not disturb each other", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 4; ++i) {
      writers.emplace_back([&files, &failed, i] {
        for (int round = 0; round < 200; ++round) {
          const auto upload =
              files.StartWriting(At("a/b/file" + std::to_string(i)), {.make_parents = true});
          if (!upload) ++failed;
        }
      });
    }
  }
  // The folders may stay: who finds them there does not take them along.
  CHECK(failed == 0);
}

TEST_CASE("A file that was moved before its successor came counts beside it", "[files]") {
  SiteFixture fixture;
  const Mount mount(fixture.site);
  fs::create_directory(fixture.site / "public");
  constexpr std::size_t kSize = 64 * kKibibyte;
  Put(fixture.site / "file", std::string(kSize, 'x'));
  const std::uint64_t used = fixture.Open().MeasureUsage()->bytes;
  const SiteFiles files = fixture.Open({.quota_bytes = used + 8 * kKibibyte});
  const auto replace_after = [&](auto&& meanwhile) {
    auto upload = files.StartWriting(At("file"), {});
    REQUIRE((upload && upload->Append(std::string(kSize, 'y'))));
    meanwhile();
    return upload->Commit();
  };
  CHECK(replace_after([] {}));
  const auto moved = replace_after([&] { REQUIRE(files.Move(At("file"), At("moved"), false)); });
  CHECK(KindOf(moved) == ErrorKind::kNoSpace);
  CHECK_THAT(MessageOf(moved), ContainsSubstring("elsewhere by now"));
  CHECK(!fs::exists(fixture.site / "file"));
  REQUIRE(files.Move(At("moved"), At("file"), false));
  const auto linked = replace_after(
      [&] { fs::create_hard_link(fixture.site / "file", fixture.site / "public" / "linked"); });
  CHECK(KindOf(linked) == ErrorKind::kNoSpace);
  CHECK(files.MeasureUsage()->bytes <= used + 8 * kKibibyte);
}

TEST_CASE("Measuring for an upload or a folder ends when it is told to", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open({.quota_bytes = 1024 * kKibibyte});
  std::stop_source stop;
  stop.request_stop();
  CHECK(KindOf(files.StartWriting(At("file"), {}, stop.get_token())) == ErrorKind::kCancelled);
  CHECK(KindOf(files.MakeFolder(At("folder"), 0755, false, {}, stop.get_token())) ==
        ErrorKind::kCancelled);
}

TEST_CASE("Uploads at the same time share what is left of the quota", "[files]") {
  SiteFixture fixture;
  const Mount mount(fixture.site);
  fs::create_directory(fixture.site / "public");
  const std::uint64_t used = fixture.Open().MeasureUsage()->bytes;
  // Of two instances, as two requests have them.
  const SiteFiles one = fixture.Open({.quota_bytes = used + 8 * kKibibyte});
  const SiteFiles two = fixture.Open({.quota_bytes = used + 8 * kKibibyte});
  auto first = one.StartWriting(At("first"), {});
  auto second = two.StartWriting(At("second"), {});
  REQUIRE((first && second));
  REQUIRE(first->Append(std::string(5 * kKibibyte, 'x')));
  CHECK(KindOf(second->Append(std::string(5 * kKibibyte, 'y'))) == ErrorKind::kNoSpace);
  CHECK(first->Commit());
  CHECK(KindOf(second->Commit()) == ErrorKind::kNoSpace);
  CHECK(fs::exists(fixture.site / "first"));
  CHECK(!fs::exists(fixture.site / "second"));
}

TEST_CASE("A full disk leaves the old file as it was", "[files]") {
  SiteFixture fixture;
  const Mount mount(fixture.site, "size=256k");
  const SiteFiles files = fixture.Open();
  REQUIRE(WriteText(files, At("file"), "old"));
  const auto result = WriteText(files, At("file"), std::string(300 * kKibibyte, 'x'));
  CHECK(KindOf(result) == ErrorKind::kNoSpace);
  CHECK_THAT(MessageOf(result), ContainsSubstring("'file'") && ContainsSubstring("full"));
  CHECK(Get(fixture.site / "file") == "old");
  CHECK(CountEntries(fixture.site) == 1);
  CHECK(WriteText(files, At("file"), std::string(100 * kKibibyte, 'x')));
}

}  // namespace
}  // namespace orchestrator::files::tests
