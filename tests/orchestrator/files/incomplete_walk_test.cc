// Who goes through a tree says so when a folder of it cannot be entered.
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/files/few_descriptors.h"
#include "tests/orchestrator/files/site_fixture.h"

namespace orchestrator::files::tests {
namespace {

namespace fs = std::filesystem;

// From too few to enter anything up to enough for all.
constexpr rlim_t kMostDescriptors = 20;

TEST_CASE("An archive without a folder that is there is not taken for whole", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "public" / "a" / "b" / "file", "needle");
  const SiteFiles files = fixture.Open();
  int failed = 0;
  for (rlim_t more = 0; more < kMostDescriptors; ++more) {
    INFO(more);
    std::optional<Result<std::string>> archived;
    {
      const FewDescriptors few(more);
      archived = Archived(files, At("public"), ArchiveFormat::kTar);
    }
    if (*archived) {
      CHECK((*archived)->contains("needle"));
    } else {
      ++failed;
      CHECK(KindOf(*archived) == ErrorKind::kUnavailable);
    }
  }
  CHECK(failed > 0);
  CHECK(failed < static_cast<int>(kMostDescriptors));
}

TEST_CASE("A folder that cannot be entered ends an archive with its path", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "public" / "a" / "file", "x");
  std::optional<FewDescriptors> none;
  const ArchiveOptions options{.choose = [&](std::string_view, bool) {
    none.emplace(0);
    return ArchiveOptions::Choice::kSkip;
  }};
  const SiteFiles files = fixture.Open();
  const auto written = WriteArchive(
      files, At("public"), ArchiveFormat::kTar, [](std::string_view) { return true; }, {}, options);
  none.reset();
  CHECK(MessageOf(written) ==
        "cannot archive 'public/a': too many files are open in this process, try again");
}

TEST_CASE("A usage without a folder that is there is no usage", "[files]") {
  SiteFixture fixture;
  Put(fixture.site / "public" / "a" / "b" / "file", std::string(64 * kKibibyte, 'x'));
  const SiteFiles files = fixture.Open();
  const auto whole = files.MeasureUsage();
  REQUIRE(whole.has_value());
  int failed = 0;
  for (rlim_t more = 0; more < kMostDescriptors; ++more) {
    INFO(more);
    std::optional<Result<Usage>> usage;
    {
      const FewDescriptors few(more);
      usage = files.MeasureUsage();
    }
    if (*usage) {
      CHECK((*usage)->bytes >= 64 * kKibibyte);
      CHECK((*usage)->entries == whole->entries);
    } else {
      ++failed;
      CHECK(KindOf(*usage) == ErrorKind::kUnavailable);
    }
  }
  CHECK(failed > 0);
  CHECK(failed < static_cast<int>(kMostDescriptors));
}

TEST_CASE("A watch that cannot see all folders does not begin", "[files]") {
  SiteFixture fixture;
  fs::create_directories(fixture.site / "public" / "a" / "b");
  const SiteFiles files = fixture.Open();
  int failed = 0;
  for (rlim_t more = 0; more < kMostDescriptors; ++more) {
    INFO(more);
    std::optional<Result<ChangeWatch>> watch;
    {
      const FewDescriptors few(more);
      watch = ChangeWatch::Start(files, At("public"));
    }
    if (!*watch) {
      ++failed;
      CHECK(KindOf(*watch) == ErrorKind::kUnavailable);
      continue;
    }
    const std::string name = "file" + std::to_string(more);
    Put(fixture.site / "public" / "a" / "b" / name, "");
    const auto events = (*watch)->Next(std::chrono::seconds(10), {});
    REQUIRE((events && !events->empty()));
    CHECK(events->front().path == "public/a/b/" + name);
  }
  CHECK(failed > 0);
  CHECK(failed < static_cast<int>(kMostDescriptors));
}

}  // namespace
}  // namespace orchestrator::files::tests
