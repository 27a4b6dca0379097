#include "orchestrator/api/file_change.h"

#include <string>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::api {
namespace {

constexpr site::SiteId kSite{17};

Result<FileChange> Read(std::string body) {
  Request request;
  request.body = std::move(body);
  return ReadFileChange(request, kSite);
}

TEST_CASE("What is no change of a file is refused at its field") {
  struct Case {
    const char* sentence;
    const char* body;
    const char* pointer;
  };
  const Case cases[] = {
      {"should refuse an unknown action", R"({"action": "explode"})", "/action"},
      {"should refuse no action", R"({})", "/action"},
      {"should refuse a mode in decimal", R"({"action": "chmod", "mode": "9"})", "/mode"},
      {"should refuse a mode of many bits", R"({"action": "chmod", "mode": "10000"})", "/mode"},
      {"should refuse an empty mode", R"({"action": "mkdir", "mode": ""})", "/mode"},
      {"should refuse to change to no mode", R"({"action": "chmod"})", "/mode"},
      {"should refuse to move to nowhere", R"({"action": "move"})", "/to"},
      {"should refuse to move above", R"({"action": "move", "to": "../a"})", "/to"},
      {"should refuse to move to what is no address", R"({"action": "move", "to_href": "a"})",
       "/to_href"},
      {"should refuse two places",
       R"({"action": "move", "to": "a", "to_href": "/v1/sites/17/files/a"})", "/to_href"},
      {"should refuse unknown fields", R"({"action": "mkdir", "force": true})", "/force"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto change = Read(c.body);
    REQUIRE_FALSE(change.has_value());
    REQUIRE(change.error().fields.size() == 1);
    CHECK(change.error().fields.front().pointer == c.pointer);
  }
}

TEST_CASE("A change of a file is read with all that it says") {
  const auto moved =
      Read(R"({"action": "move", "to_href": "/v1/sites/17/files/a/%FF", "replace": true})");
  REQUIRE(moved.has_value());
  CHECK(moved->action == FileChange::Action::kMove);
  CHECK(moved->to.text() == "a/\xFF");
  CHECK(moved->replace);
  const auto made = Read(R"({"action": "mkdir", "mode": "1755", "parents": true})");
  REQUIRE(made.has_value());
  CHECK(made->action == FileChange::Action::kMakeFolder);
  CHECK(made->mode == 01755U);
  CHECK(made->parents);
  CHECK(Read(R"({"action": "chmod", "mode": "0"})")->mode == 0U);
}

}  // namespace
}  // namespace orchestrator::api
