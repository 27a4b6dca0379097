#include "orchestrator/files/precondition.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/files/site_fixture.h"

namespace orchestrator::files::tests {
namespace {

namespace fs = std::filesystem;

struct Change {
  std::string name;
  std::function<Result<void>(const SiteFiles&, const RelativePath&, const Precondition&)> run;
};

std::vector<Change> AllChanges() {
  const auto drop = [](const auto& result) -> Result<void> {
    if (!result) return Failure(result.error());
    return {};
  };
  return {
      {"write",
       [](auto& files, auto& path, auto& wanted) {
         return WriteText(
             files, path, "new",
             {.if_match = wanted.if_match, .if_none_match_any = wanted.if_none_match_any});
       }},
      {"move", [=](auto& files, auto& path,
                   auto& wanted) { return drop(files.Move(path, At("moved"), true, wanted)); }},
      {"chmod", [=](auto& files, auto& path,
                    auto& wanted) { return drop(files.Chmod(path, 0600, wanted)); }},
      {"remove", [](auto& files, auto& path, auto& wanted) { return files.Remove(path, wanted); }},
      {"remove a tree",
       [](auto& files, auto& path, auto& wanted) { return files.RemoveTree(path, {}, wanted); }},
  };
}

TEST_CASE("What does not fit the precondition stays as it is", "[files]") {
  for (const Change& change : AllChanges()) {
    INFO(change.name);
    SiteFixture fixture;
    Put(fixture.site / "file", "old");
    const SiteFiles files = fixture.Open();
    const auto before = files.Stat(At("file"));
    REQUIRE(before.has_value());
    for (const Precondition& wanted :
         {Precondition{.if_match = Tag("x")}, Precondition{.if_match = EntityTags{}},
          Precondition{.if_none_match_any = true}}) {
      CHECK(KindOf(change.run(files, At("file"), wanted)) == ErrorKind::kPrecondition);
    }
    CHECK(KindOf(change.run(files, At("none"), {.if_match = kAnyTag})) == ErrorKind::kPrecondition);
    CHECK(files.Stat(At("file"))->etag == before->etag);
    CHECK(!fs::exists(fixture.site / "moved"));
    const EntityTags fitting{.any = false, .tags = {"x", *before->etag}};
    CHECK(change.run(files, At("file"), {.if_match = fitting}).has_value());
  }
}

TEST_CASE("A folder is there, and has no entity tag", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "folder" / "file", "x");
  const SiteFiles files = fixture.Open();
  const Precondition tagged{.if_match = Tag("x")};
  CHECK(KindOf(files.MakeFolder(At("new"), 0755, false, tagged)) == ErrorKind::kPrecondition);
  CHECK(KindOf(files.MakeFolder(At("folder"), 0755, false, {.if_none_match_any = true})) ==
        ErrorKind::kPrecondition);
  CHECK(KindOf(files.RemoveTree(At("folder"), {}, tagged)) == ErrorKind::kPrecondition);
  CHECK(KindOf(files.Move(At("folder"), At("moved"), false, tagged)) == ErrorKind::kPrecondition);
  CHECK(Get(fixture.site / "folder" / "file") == "x");
  CHECK(files.RemoveTree(At("folder"), {}, {.if_match = kAnyTag}).has_value());
  CHECK(!fs::exists(fixture.site / "folder"));
}

TEST_CASE("Of writers and movers at the same time with one entity tag, one succeeds", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  for (int round = 0; round < 20; ++round) {
    Put(fixture.site / "file", "start");
    const Precondition wanted{.if_match = Tag(files.Stat(At("file"))->etag.value())};
    std::atomic<int> succeeded = 0;
    {
      std::vector<std::jthread> threads;
      for (const Change& change : AllChanges()) {
        // Within one tick of the file system's clock it leaves the entity tag as it is.
        if (change.name == "chmod") continue;
        threads.emplace_back([&files, &wanted, &succeeded, change] {
          if (change.run(files, At("file"), wanted)) ++succeeded;
        });
      }
    }
    CHECK(succeeded == 1);
  }
}

}  // namespace
}  // namespace orchestrator::files::tests
