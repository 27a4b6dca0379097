// The parts of orchestrator/site/codec.h that change sites: merge patches and batches.
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "orchestrator/site/codec.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::site {
namespace {

std::vector<std::string> PointersOf(const Error& error) {
  std::vector<std::string> pointers;
  for (const FieldProblem& field : error.fields) pointers.push_back(field.pointer);
  return pointers;
}

Site Patched() {
  Site site = tests::MakeSite(1);
  site.environment = {{"A", "1"}, {"B", "2"}};
  site.database = Database{"postgresql://h/n", "n", "u", "old"};
  site.routing.sticky = true;
  return site;
}

TEST_CASE("Patch refuses what makes no good site") {
  struct Case {
    const char* sentence;
    const char* patch;
    std::vector<std::string> problems;
  };
  const Case cases[] = {
      {"should refuse a list", "[]", {""}},
      {"should refuse null", "null", {""}},
      {"should refuse what is no JSON", "{", {""}},
      {"should refuse to change the id", R"({"id": 2})", {"/id"}},
      {"should refuse to take all hosts", R"({"hosts": []})", {"/hosts"}},
      {"should refuse to remove the hosts", R"({"hosts": null})", {"/hosts"}},
      {"should refuse to remove the password",
       R"({"database": {"password": null}})",
       {"/database/password"}},
      {"should refuse an unknown member", R"({"routing": {"stiky": false}})", {"/routing/stiky"}},
      {"should refuse another kind that does not fit", R"({"kind": "external"})", {"/upstreams"}},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto site = Patch(Patched(), c.patch);
    REQUIRE_FALSE(site.has_value());
    CHECK(site.error().kind == ErrorKind::kInvalid);
    CHECK(PointersOf(site.error()) == c.problems);
  }
}

TEST_CASE("Patch changes what it names and nothing else") {
  CHECK(Patch(Patched(), "{}") == Patched());
  CHECK(Patch(Patched(), R"({"id": 1})") == Patched());

  Site wanted = Patched();
  wanted.environment = {{"B", "3"}, {"C", "4"}};
  wanted.database->password = "new";
  wanted.served = false;
  CHECK(Patch(Patched(), R"({"environment": {"A": null, "B": "3", "C": "4"},
                            "database": {"password": "new"}, "served": false})") == wanted);
}

TEST_CASE("Patch with null goes back to the default") {
  Site wanted = tests::MakeSite(1);
  CHECK(Patch(Patched(), R"({"environment": null, "database": null, "routing": null})") == wanted);
}

TEST_CASE("Patch makes a dynamic site external when it says all that is needed") {
  const auto site = Patch(Patched(), R"({"kind": "external", "upstreams": ["http://a"]})");
  REQUIRE(site.has_value());
  CHECK(site->kind == Kind::kExternal);
  CHECK(site->upstreams == std::vector<std::string>{"http://a"});
}

TEST_CASE("ParseBatch names every problem with its place in the batch") {
  struct Case {
    const char* sentence;
    const char* json;
    std::vector<std::string> problems;
  };
  const Case cases[] = {
      {"should refuse a list", "[]", {""}},
      {"should refuse an upsert that is no list", R"({"upsert": {}})", {"/upsert"}},
      {"should refuse an unknown member", R"({"insert": []})", {"/insert"}},
      {"should refuse a site without id", R"({"upsert": [{"hosts": ["a.b"]}]})", {"/upsert/0/id"}},
      {"should refuse a bad site",
       R"({"upsert": [{"id": 1, "hosts": ["a.b"]}, {"id": 2,
         "hosts": ["c d"]}]})",
       {"/upsert/1/hosts/0"}},
      {"should refuse what is no site", R"({"upsert": [5]})", {"/upsert/0", "/upsert/0/hosts"}},
      {"should refuse a site twice",
       R"({"upsert": [{"id": 1, "hosts": ["a.b"]},
         {"id": 1, "hosts": ["c.d"]}]})",
       {"/upsert/1"}},
      {"should refuse to write and delete a site",
       R"({"upsert": [{"id": 1, "hosts": ["a.b"]}],
         "delete": [2, 1]})",
       {"/delete/1"}},
      {"should refuse the id 0", R"({"delete": [0]})", {"/delete/0"}},
      {"should refuse an id as text", R"({"delete": [1, "2"]})", {"/delete/1"}},
      {"should refuse an id beyond 64 bits",
       R"({"delete": [18446744073709551615]})",
       {"/delete/0"}},
      {"should refuse an id twice", R"({"delete": [3, 3]})", {"/delete/1"}},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto batch = ParseBatch(c.json);
    REQUIRE_FALSE(batch.has_value());
    CHECK(batch.error().kind == ErrorKind::kInvalid);
    CHECK(PointersOf(batch.error()) == c.problems);
  }
}

TEST_CASE("ParseBatch reads sites and ids in their order") {
  const auto batch = ParseBatch(R"({"upsert": [{"id": 2, "hosts": ["site2.example"]},
                                              {"id": 1, "hosts": ["site1.example"]}],
                                   "delete": [9, 8]})");
  REQUIRE(batch.has_value());
  CHECK(batch->upsert == std::vector{tests::MakeSite(2), tests::MakeSite(1)});
  CHECK(batch->remove == std::vector{SiteId{9}, SiteId{8}});

  const auto empty = ParseBatch("{}");
  REQUIRE(empty.has_value());
  CHECK(empty->upsert.empty());
  CHECK(empty->remove.empty());
}

}  // namespace
}  // namespace orchestrator::site
