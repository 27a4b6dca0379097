#include "provider/last_known_good.h"

#include <fstream>
#include <limits>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <sys/stat.h>

#include "provider/base/durable_file.h"
#include "tests/provider/snapshots.h"
#include "tests/support/temporary_directory.h"

namespace provider {
namespace {

std::string Content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

LastKnownGood Sample() {
  return {tests::MakeSnapshot(42),
          {0, 1, 127, 128, 300, 100'000, std::numeric_limits<std::uint64_t>::max()},
          "database 1",
          7};
}

TEST_CASE("A document is read from its file as it was served, and marked as stale") {
  const LastKnownGood saved = Sample();
  const auto read = ParseLastKnownGood(LastKnownGoodToText(saved));
  REQUIRE(read.has_value());
  CHECK(read->keys == saved.keys);
  CHECK(read->source == saved.source);
  CHECK(read->routes_of == saved.routes_of);
  const Snapshot& snapshot = *read->snapshot;
  CHECK(snapshot.is_stale());
  CHECK_FALSE(saved.snapshot->is_stale());
  CHECK(snapshot.id() != saved.snapshot->id());
  CHECK(snapshot.revision() == 42);
  CHECK(snapshot.etag() == saved.snapshot->etag());
  CHECK(snapshot.form() == saved.snapshot->form());
  CHECK(*snapshot.gzip() == *saved.snapshot->gzip());
  CHECK(*snapshot.plain() == *saved.snapshot->plain());
  CHECK(snapshot.BytesOf(traefik::Form::kMerged, Snapshot::Encoding::kPlain) == nullptr);
  CHECK(snapshot.BytesOf(traefik::Form::kMerged, Snapshot::Encoding::kGzip) == nullptr);
}

TEST_CASE("A document of its own revision says nothing else") {
  LastKnownGood saved = Sample();
  saved.routes_of.reset();
  CHECK_FALSE(ParseLastKnownGood(LastKnownGoodToText(saved)).value().routes_of.has_value());
}

TEST_CASE("A damaged file is refused whole, whichever byte it is") {
  const std::string good = LastKnownGoodToText(Sample());
  for (std::size_t i = 0; i < good.size(); ++i) {
    INFO(i);
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    CHECK_FALSE(ParseLastKnownGood(bad).has_value());
    CHECK_FALSE(ParseLastKnownGood(good.substr(0, i)).has_value());
  }
  CHECK_FALSE(ParseLastKnownGood(good + "x").has_value());
  CHECK(ParseLastKnownGood(good).has_value());
}

TEST_CASE("A file is written whole, for its owner only") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "file";
  REQUIRE(WriteDurably(path, "first").has_value());
  REQUIRE(WriteDurably(path, std::string(100'000, 'x')).has_value());
  CHECK(Content(path) == std::string(100'000, 'x'));
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
}

TEST_CASE("A file that cannot be written is said, and what was there stays") {
  const tests::TemporaryDirectory directory;
  CHECK_FALSE(WriteDurably(directory.path() / "missing" / "file", "x").has_value());
  const auto path = directory.path() / "folder";
  std::filesystem::create_directory(path);
  std::ofstream(path / "inside") << "kept";
  const auto written = WriteDurably(path, "x");
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().contains(path.string()));
  CHECK(Content(path / "inside") == "kept");
}

}  // namespace
}  // namespace provider
