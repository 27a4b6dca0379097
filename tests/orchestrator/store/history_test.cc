#include "orchestrator/store/history.h"

#include <map>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include "tests/support/temporary_directory.h"

namespace orchestrator::store {
namespace {

using Parts = std::vector<HistoryPart>;

PublishedRevision Numbered(Revision revision) {
  PublishedRevision published;
  published.revision = revision;
  return published;
}

struct Fixture {
  tests::TemporaryDirectory directory;
  std::string path = directory.path() / "history.db";
  std::unique_ptr<History> history = OpenHistory(path).value();

  void Add(Revision revision, const Parts& changed, std::size_t keep = 100) {
    const auto added = history->Add(Numbered(revision), changed, keep);
    REQUIRE(added.has_value());
  }
  std::vector<Revision> Revisions() const {
    std::vector<Revision> numbers;
    const std::vector<PublishedRevision> list = history->List().value();
    for (const PublishedRevision& revision : list) {
      numbers.push_back(revision.revision);
    }
    return numbers;
  }
};

TEST_CASE("A file that is no database is refused as a history, and stays") {
  const tests::TemporaryDirectory directory;
  const std::string path = directory.Write("history.db", std::string(5000, 'x'));
  const auto history = OpenHistory(path);
  REQUIRE_FALSE(history.has_value());
  CHECK(history.error().message.contains(path));
}

TEST_CASE("A revision that is not kept is said to be unknown") {
  Fixture fixture;
  fixture.Add(5, {});
  CHECK(fixture.history->PartsOf(4).error().kind == ErrorKind::kNotFound);
  CHECK(fixture.history->FindPart(4, 1).error().kind == ErrorKind::kNotFound);
  CHECK(fixture.history->Differing(5, 6).error().kind == ErrorKind::kNotFound);
  CHECK(fixture.history->Differing(4, 5).error().kind == ErrorKind::kNotFound);
}

TEST_CASE("Revisions are listed as they were added, the newest first, also after a restart") {
  Fixture fixture;
  const PublishedRevision first{.revision = 3,
                                .published = 1'700'000'000'123,
                                .sites = 10,
                                .added = 10,
                                .removed = 0,
                                .changed = 0,
                                .rolled_back_to = {}};
  const PublishedRevision second{.revision = 9,
                                 .published = 1'700'000'001'000,
                                 .sites = 9,
                                 .added = 1,
                                 .removed = 2,
                                 .changed = 3,
                                 .rolled_back_to = 3};
  REQUIRE(fixture.history->Add(first, {}, 100).has_value());
  REQUIRE(fixture.history->Add(second, {}, 100).has_value());
  CHECK(*fixture.history->List() == std::vector{second, first});
  fixture.history.reset();
  fixture.history = OpenHistory(fixture.path).value();
  CHECK(*fixture.history->List() == std::vector{second, first});
}

TEST_CASE("Every revision has the parts that it had, with bytes of any kind") {
  Fixture fixture;
  const std::string bytes("\0\xff binary", 9);
  fixture.Add(1, {{1, "a"}, {2, bytes}});
  fixture.Add(4, {{1, "b"}});
  fixture.Add(6, {{2, ""}, {3, "c"}});
  CHECK(*fixture.history->PartsOf(1) == Parts{{1, "a"}, {2, bytes}});
  CHECK(*fixture.history->PartsOf(4) == Parts{{1, "b"}, {2, bytes}});
  CHECK(*fixture.history->PartsOf(6) == Parts{{1, "b"}, {3, "c"}});
  CHECK(*fixture.history->FindPart(1, 2) == bytes);
  CHECK(fixture.history->FindPart(6, 2)->empty());

  const auto pairs = fixture.history->Differing(1, 6).value();
  REQUIRE(pairs.size() == 3);
  CHECK(pairs[0].before == "a");
  CHECK(pairs[0].after == "b");
  CHECK(pairs[1].before == bytes);
  CHECK(pairs[1].after.empty());
  CHECK(pairs[2].before.empty());
  CHECK(pairs[2].after == "c");
  CHECK(fixture.history->Differing(4, 4)->empty());
  CHECK(fixture.history->Differing(6, 1)->size() == 3);
}

TEST_CASE("The same revision again takes the place of the last") {
  Fixture fixture;
  fixture.Add(1, {{1, "a"}});
  fixture.Add(2, {{1, "b"}});
  fixture.Add(2, {{1, "c"}});
  CHECK(fixture.Revisions() == std::vector<Revision>{2, 1});
  CHECK(*fixture.history->PartsOf(2) == Parts{{1, "c"}});
  CHECK(*fixture.history->PartsOf(1) == Parts{{1, "a"}});
}

TEST_CASE("Only the newest revisions are kept, and the one that routing is rolled back to") {
  Fixture fixture;
  for (Revision revision = 1; revision <= 10; ++revision) {
    if (revision == 5) REQUIRE(fixture.history->Pin(4).has_value());
    fixture.Add(revision, {{1, std::to_string(revision)}}, 3);
  }
  CHECK(fixture.history->Pin(5).error().kind == ErrorKind::kNotFound);
  CHECK(fixture.Revisions() == std::vector<Revision>{10, 9, 8, 4});
  CHECK(*fixture.history->PartsOf(4) == Parts{{1, "4"}});
  CHECK(*fixture.history->PartsOf(8) == Parts{{1, "8"}});
  REQUIRE(fixture.history->Pin({}).has_value());
  fixture.Add(11, {}, 3);
  CHECK(fixture.Revisions() == std::vector<Revision>{11, 10, 9});
  CHECK(*fixture.history->PartsOf(11) == Parts{{1, "10"}});
  REQUIRE(fixture.history->Clear().has_value());
  CHECK(fixture.Revisions().empty());
}

TEST_CASE("Random histories give what was put into them") {
  std::mt19937 random(11);
  Fixture fixture;
  std::map<Revision, std::map<std::uint64_t, std::string>> model;
  std::map<std::uint64_t, std::string> now;
  constexpr std::size_t kKeep = 12;
  Revision revision = 0;
  for (int round = 0; round < 120; ++round) {
    revision += 1 + random() % 3;
    Parts changed;
    for (std::uint64_t number = 0; number < 5; ++number) {
      if (random() % 3 != 0) continue;
      const bool remove = random() % 4 == 0;
      if (remove && !now.contains(number)) continue;
      changed.push_back({number, remove ? "" : std::to_string(random())});
      if (remove) {
        now.erase(number);
      } else {
        now[number] = changed.back().bytes;
      }
    }
    fixture.Add(revision, changed, kKeep);
    model[revision] = now;
    while (model.size() > kKeep) model.erase(model.begin());
  }
  REQUIRE(fixture.Revisions().size() == kKeep);
  for (const auto& [number, parts] : model) {
    Parts expected;
    for (const auto& [part, bytes] : parts) expected.push_back({part, bytes});
    CHECK(*fixture.history->PartsOf(number) == expected);
    for (const auto& [other, other_parts] : model) {
      std::size_t differing = 0;
      for (std::uint64_t part = 0; part < 5; ++part) {
        const auto a = parts.find(part);
        const auto b = other_parts.find(part);
        const std::string left = a == parts.end() ? "" : a->second;
        const std::string right = b == other_parts.end() ? "" : b->second;
        differing += left != right ? 1 : 0;
      }
      CHECK(fixture.history->Differing(number, other)->size() == differing);
    }
  }
}

}  // namespace
}  // namespace orchestrator::store
