#include "provider/publish_gate.h"

#include <catch2/catch_test_macros.hpp>

namespace provider {
namespace {

TEST_CASE("The gate stops what takes too much away at once") {
  enum Verdict { kPass, kConfirm, kNever };
  struct Case {
    const char* sentence;
    Loss loss;
    Verdict verdict;
  };
  const Case cases[] = {
      {"should let the first document pass", {0, 0, false}, kPass},
      {"should let an empty first document pass", {0, 0, false}, kPass},
      {"should let growth pass", {100, 0, false}, kPass},
      {"should let one of one go", {1, 1, false}, kPass},
      {"should let ten of ten go", {10, 10, false}, kPass},
      {"should stop eleven of eleven", {11, 11, false}, kConfirm},
      {"should let ten of forty go", {40, 10, false}, kPass},
      {"should stop eleven of forty", {40, 11, false}, kConfirm},
      {"should let a fifth of a thousand go", {1000, 200, false}, kPass},
      {"should stop more than a fifth of a thousand", {1000, 201, false}, kConfirm},
      {"should stop it, too, when as many are new", {1000, 201, false}, kConfirm},
      {"should stop a step back that takes nothing", {10, 0, true}, kConfirm},
      {"should stop a step back that takes one", {10, 1, true}, kConfirm},
      {"should stop a step back to no sites here, while there are others", {9, 9, true}, kConfirm},
      {"should let an empty database pass that is no step back", {9, 9, false, true}, kPass},
      {"should never let an empty database pass", {1, 1, true, true}, kNever},
      {"should let an empty database pass after an empty document", {0, 0, true, true}, kConfirm},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto objection = FindObjection(c.loss, {});
    CHECK(objection.has_value() == (c.verdict != kPass));
    if (!objection) continue;
    CHECK(objection->can_be_confirmed == (c.verdict == kConfirm));
    CHECK_FALSE(objection->reason.empty());
  }
}

TEST_CASE("The limits of the gate are its operator's") {
  CHECK(FindObjection({100, 3, false}, {.share = 0.02, .least = 2}).has_value());
  CHECK_FALSE(FindObjection({100, 3, false}, {.share = 0.03, .least = 0}).has_value());
  CHECK(FindObjection({100, 1, false}, {.share = 0, .least = 0}).has_value());
  CHECK_FALSE(FindObjection({100, 100, false}, {.share = 1, .least = 0}).has_value());
}

}  // namespace
}  // namespace provider
