#include <stop_token>

#include <catch2/catch_test_macros.hpp>

#include "tests/orchestrator/files/site_fixture.h"

namespace orchestrator::files::tests {
namespace {

TEST_CASE("A stop is seen while all that there is is left out") {
  const SiteFixture fixture;
  for (const char* name : {"a", "b", "c"}) Put(fixture.site / name, "text");
  std::stop_source stop;
  int looked_at = 0;
  ArchiveOptions options;
  options.choose = [&](std::string_view /*path*/, bool /*is_folder*/) {
    ++looked_at;
    stop.request_stop();
    return ArchiveOptions::Choice::kSkipAll;
  };
  const auto written = WriteArchive(
      fixture.Open(), {}, ArchiveFormat::kTar, [](std::string_view) { return true; },
      stop.get_token(), options);
  CHECK(KindOf(written) == ErrorKind::kCancelled);
  CHECK(looked_at == 1);
}

}  // namespace
}  // namespace orchestrator::files::tests
