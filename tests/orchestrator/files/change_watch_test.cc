#include "orchestrator/files/change_watch.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
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
using enum ChangeKind;
using Events = std::vector<ChangeEvent>;
namespace fs = std::filesystem;

constexpr std::chrono::seconds kLongest{10};

// A watch, and a file whose appearance tells that all before it has been seen.
class Observer {
 public:
  Observer(const SiteFixture& fixture, const std::string& path = "")
      : mark_path_(path.empty() ? "mark" : path + "/mark"),
        mark_(fixture.site / mark_path_),
        watch_(ChangeWatch::Start(fixture.Open(), At(path)).value()) {}

  // What was reported so far, without the mark.
  Events Drain() {
    Put(mark_, "");
    Events events;
    bool created = false;
    bool removed = false;
    const auto deadline = std::chrono::steady_clock::now() + kLongest;
    while (!removed && std::chrono::steady_clock::now() < deadline) {
      const auto next = watch_.Next(std::chrono::seconds(1), {});
      REQUIRE(next.has_value());
      for (const ChangeEvent& event : *next) {
        if (event.path != mark_path_) {
          events.push_back(event);
          continue;
        }
        removed = removed || event.kind == kRemoved;
        if (!std::exchange(created, true)) fs::remove(mark_);
      }
    }
    REQUIRE(removed);
    return events;
  }

  ChangeWatch& watch() { return watch_; }

 private:
  std::string mark_path_;
  fs::path mark_;
  ChangeWatch watch_;
};

bool Has(const Events& events, const ChangeEvent& event) {
  return std::find(events.begin(), events.end(), event) != events.end();
}

TEST_CASE("What is no folder cannot be watched", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "file", "x");
  CHECK(KindOf(ChangeWatch::Start(fixture.Open(), At("file"))) == ErrorKind::kConflict);
  CHECK(KindOf(ChangeWatch::Start(fixture.Open(), At("none"))) == ErrorKind::kNotFound);
}

TEST_CASE("More folders than the limit are an error that says so", "[files]") {
  SiteFixture fixture;
  for (const char* name : {"a", "b", "c"}) fs::create_directories(fixture.site / "t" / name);
  const auto refused = ChangeWatch::Start(fixture.Open(), At("t"), 3);
  CHECK(KindOf(refused) == ErrorKind::kConflict);
  CHECK_THAT(MessageOf(refused), ContainsSubstring("more than 3 folders"));
  auto watch = ChangeWatch::Start(fixture.Open(), At("t"), 4);
  REQUIRE(watch.has_value());
  fs::create_directory(fixture.site / "t" / "d");
  CHECK(KindOf(watch->Next(kLongest, {})) == ErrorKind::kConflict);
}

TEST_CASE("Waiting ends with the time or when it is told to stop", "[files]") {
  SiteFixture fixture;
  Observer observer(fixture);
  CHECK(observer.watch().Next(std::chrono::milliseconds(1), {})->empty());
  std::stop_source stop;
  const std::jthread stopper([&] { stop.request_stop(); });
  CHECK(KindOf(observer.watch().Next(std::chrono::hours(1), stop.get_token())) ==
        ErrorKind::kCancelled);
  CHECK(observer.Drain().empty());
}

TEST_CASE("Links are reported and not followed", "[files]") {
  SiteFixture fixture;
  fs::create_directory_symlink(fixture.outside, fixture.site / "public" / "old");
  Observer observer(fixture);
  fs::create_directory_symlink(fixture.outside, fixture.site / "public" / "new");
  Put(fixture.outside / "folder" / "file", "changed");
  Put(fixture.outside / "more", "x");
  const Events events = observer.Drain();
  CHECK(events == Events{{.kind = kCreated, .path = "public/new"}});
}

TEST_CASE("What belongs to the orchestrator is not reported", "[files]") {
  SiteFixture fixture;
  Observer observer(fixture);
  Put(fixture.site / ".orchestrator" / "run", "other");
  Put(fixture.site / ".orchestrator" / "new" / "file", "x");
  CHECK(observer.Drain().empty());
  fs::rename(fixture.site / ".orchestrator" / "run", fixture.site / "run");
  CHECK(observer.Drain() == Events{{.kind = kCreated, .path = "run"}});
  fs::rename(fixture.site / "run", fixture.site / ".orchestrator" / "run");
  CHECK(observer.Drain() == Events{{.kind = kRemoved, .path = "run"}});
}

TEST_CASE("A finished upload is one event of its file", "[files]") {
  SiteFixture fixture;
  const SiteFiles files = fixture.Open();
  Observer observer(fixture);
  REQUIRE(WriteText(files, At("public/file"), "one"));
  CHECK(observer.Drain() == Events{{.kind = kCreated, .path = "public/file"}});
  REQUIRE(WriteText(files, At("public/file"), "two"));
  CHECK(observer.Drain() == Events{{.kind = kChanged, .path = "public/file"}});
  REQUIRE(files.StartWriting(At("public/file"), {})->Append("never"));
  CHECK(observer.Drain().empty());
}

TEST_CASE("Files are reported when they appear, change and go", "[files]") {
  SiteFixture fixture;
  Observer observer(fixture);
  const fs::path path = fixture.site / "public" / "a\xFF";
  Put(path, "x");
  CHECK(observer.Drain() == Events{{.kind = kCreated, .path = "public/a\xFF"}});
  std::ofstream(path) << "more" << std::flush << "and more";
  CHECK(observer.Drain() == Events{{.kind = kChanged, .path = "public/a\xFF"}});
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  CHECK(observer.Drain() == Events{{.kind = kChanged, .path = "public/a\xFF"}});
  fs::remove(path);
  CHECK(observer.Drain() == Events{{.kind = kRemoved, .path = "public/a\xFF"}});
}

TEST_CASE("A folder made with content at once is reported with all of it, and watched", "[files]") {
  SiteFixture fixture;
  Observer observer(fixture);
  Put(fixture.site / "public" / "a" / "b" / "file", "x");
  Events events = observer.Drain();
  CHECK(Has(events, {.kind = kCreated, .path = "public/a", .is_folder = true}));
  CHECK(Has(events, {.kind = kCreated, .path = "public/a/b", .is_folder = true}));
  CHECK(Has(events, {.kind = kCreated, .path = "public/a/b/file"}));
  Put(fixture.site / "public" / "a" / "b" / "file", "y");
  CHECK(observer.Drain() == Events{{.kind = kChanged, .path = "public/a/b/file"}});
  fs::remove_all(fixture.site / "public" / "a");
  events = observer.Drain();
  CHECK(Has(events, {.kind = kRemoved, .path = "public/a/b/file"}));
  CHECK(Has(events, {.kind = kRemoved, .path = "public/a", .is_folder = true}));
}

TEST_CASE("A rename is one event, and what is in the folder has its new path", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "public" / "a" / "b" / "file", "x");
  Observer observer(fixture);
  fs::rename(fixture.site / "public" / "a", fixture.site / "moved");
  CHECK(observer.Drain() ==
        Events{{.kind = kMoved, .path = "moved", .old_path = "public/a", .is_folder = true}});
  Put(fixture.site / "moved" / "b" / "file", "y");
  CHECK(observer.Drain() == Events{{.kind = kChanged, .path = "moved/b/file"}});
  fs::rename(fixture.site / "moved" / "b" / "file", fixture.site / "file");
  CHECK(observer.Drain() == Events{{.kind = kMoved, .path = "file", .old_path = "moved/b/file"}});
}

TEST_CASE("What moves out of sight is removed, what moves in is created", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "public" / "a" / "file", "x");
  Observer observer(fixture, "public");
  fs::rename(fixture.site / "public" / "a", fixture.site / "a");
  CHECK(observer.Drain() == Events{{.kind = kRemoved, .path = "public/a", .is_folder = true}});
  Put(fixture.site / "a" / "file", "unseen");
  CHECK(observer.Drain().empty());
  fs::rename(fixture.site / "a", fixture.site / "public" / "b");
  const Events events = observer.Drain();
  CHECK(events == Events{{.kind = kCreated, .path = "public/b", .is_folder = true},
                         {.kind = kCreated, .path = "public/b/file"}});
  Put(fixture.site / "public" / "b" / "file", "seen");
  CHECK(observer.Drain() == Events{{.kind = kChanged, .path = "public/b/file"}});
}

TEST_CASE("The end of the watched folder is its last event", "[files]") {
  for (const bool removed : {true, false}) {
    SiteFixture fixture;
    fs::create_directories(fixture.site / "a");
    auto watch = ChangeWatch::Start(fixture.Open(), At("a"));
    REQUIRE(watch.has_value());
    if (removed) fs::remove(fixture.site / "a");
    if (!removed) fs::rename(fixture.site / "a", fixture.site / "b");
    const auto events = watch->Next(kLongest, {});
    REQUIRE(events.has_value());
    CHECK(*events == Events{{.kind = kRemoved, .path = "a", .is_folder = true}});
    CHECK(watch->ended());
    Put(fixture.site / "b" / "file", "x");
    CHECK(watch->Next(std::chrono::milliseconds(1), {})->empty());
  }
}

// All that is told until the watch ends.
Events UntilEnd(ChangeWatch& watch) {
  Events all;
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  while (!watch.ended() && std::chrono::steady_clock::now() < deadline) {
    const auto events = watch.Next(std::chrono::seconds(1), {});
    REQUIRE(events.has_value());
    all.insert(all.end(), events->begin(), events->end());
  }
  REQUIRE(watch.ended());
  return all;
}

TEST_CASE("A watch ends when a folder above is moved, and never tells wrong paths after it",
          "[files]") {
  SiteFixture fixture;
  fs::create_directories(fixture.site / "a" / "b");
  auto watch = ChangeWatch::Start(fixture.Open(), At("a/b"));
  REQUIRE(watch.has_value());
  fs::rename(fixture.site / "a", fixture.site / "c");
  const ChangeEvent end{.kind = kRemoved, .path = "a/b", .is_folder = true};
  SECTION("when something happens in it") {
    fs::create_directories(fixture.site / "c" / "b" / "new");
    CHECK(UntilEnd(*watch).back() == end);
  }
  SECTION("when nothing happens in it") {
    CHECK(*watch->Next(std::chrono::milliseconds(1), {}) == Events{end});
  }
  SECTION("when another one has its path") {
    fs::create_directories(fixture.site / "a" / "b");
    CHECK(*watch->Next(std::chrono::milliseconds(1), {}) == Events{end});
  }
  SECTION("when a link has its path") {
    fs::create_directory_symlink("c", fixture.site / "a");
    CHECK(*watch->Next(std::chrono::milliseconds(1), {}) == Events{end});
  }
  CHECK(watch->ended());
}

TEST_CASE("A watch of all of a site ends with its directory", "[files]") {
  SiteFixture fixture;
  auto watch = ChangeWatch::Start(fixture.Open(), At(""));
  REQUIRE(watch.has_value());
  fs::remove_all(fixture.site);
  const Events events = UntilEnd(*watch);
  CHECK(events.back() == ChangeEvent{.kind = kRemoved, .path = "", .is_folder = true});
  CHECK(Has(events, {.kind = kRemoved, .path = "public", .is_folder = true}));
}

TEST_CASE("Lost events are told, and the watch goes on with the folders that there are",
          "[files]") {
  SiteFixture fixture;
  Observer observer(fixture);
  std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
  int queued = 0;
  REQUIRE(limit >> queued);
  // The kernel merges equal events in a row, so they alternate.
  for (int i = 0; i <= queued; ++i) {
    REQUIRE(chmod((fixture.site / (i % 2 == 0 ? "public" : ".home")).c_str(), 0755) == 0);
  }
  fs::create_directories(fixture.site / "unseen");
  const auto events = observer.watch().Next(kLongest, {});
  REQUIRE(events.has_value());
  CHECK(*events == Events{{.kind = kOverflow}});
  Put(fixture.site / "unseen" / "file", "x");
  CHECK(observer.Drain() == Events{{.kind = kCreated, .path = "unseen/file"}});
}

}  // namespace
}  // namespace orchestrator::files::tests
