#include "orchestrator/files/change_batch.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::files {
namespace {

using enum ChangeKind;

TEST_CASE("Events of one path become one as long as the last state is told", "[files]") {
  struct Case {
    std::string_view should;
    std::vector<ChangeKind> added;
    std::vector<ChangeKind> told;
  };
  const std::vector<Case> cases{
      {"should tell a removal though it was created", {kCreated, kRemoved}, {kRemoved}},
      {"should tell a removal only after changes", {kChanged, kChanged, kRemoved}, {kRemoved}},
      {"should tell that something is there again", {kRemoved, kCreated}, {kRemoved, kCreated}},
      {"should not tell changes of what is new", {kCreated, kChanged, kChanged}, {kCreated}},
      {"should tell many changes once", {kChanged, kChanged, kChanged}, {kChanged}},
  };
  for (const Case& test : cases) {
    INFO(test.should);
    ChangeBatch batch;
    for (const ChangeKind kind : test.added) batch.Add(kind, "path", false);
    std::vector<ChangeKind> told;
    for (const ChangeEvent& event : batch.Take()) told.push_back(event.kind);
    CHECK(told == test.told);
    CHECK(batch.empty());
  }
}

TEST_CASE("A move ends what was known of names", "[files]") {
  ChangeBatch batch;
  batch.Add(kCreated, "a/f", false);
  batch.AddMove("a", "b", true);
  batch.Add(kCreated, "a/f", false);
  CHECK(batch.Take().size() == 3);
}

TEST_CASE("More events than anybody reads become an overflow", "[files]") {
  ChangeBatch batch;
  for (int i = 0; i < 100'000; ++i) batch.Add(kCreated, std::to_string(i), false);
  CHECK(batch.Take() == std::vector<ChangeEvent>{{.kind = kOverflow}});
  batch.Add(kCreated, "a", false);
  CHECK(batch.Take().size() == 1);
}

}  // namespace
}  // namespace orchestrator::files
