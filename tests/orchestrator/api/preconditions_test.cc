#include "orchestrator/api/preconditions.h"

#include <optional>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::api {
namespace {

TEST_CASE("Preconditions are read as RFC 9110 has them") {
  struct Case {
    const char* sentence;
    provider::http::HeaderList headers;
    std::vector<std::string> tags;  // of If-Match
    bool any;
  };
  const Case cases[] = {
      {"should take one tag", {{"If-Match", "\"a\""}}, {"a"}, false},
      {"should take a list", {{"If-Match", "\"a\",\t\"b, c\" , \"\""}}, {"a", "b, c", ""}, false},
      {"should pass over empty elements", {{"If-Match", ", ,\"a\",,"}}, {"a"}, false},
      {"should take headers as one list",
       {{"if-match", "\"a\""}, {"If-Match", "\"b\""}},
       {"a", "b"},
       false},
      {"should take a star", {{"If-Match", " * "}}, {}, true},
      {"should take a tag as listings show it", {{"If-Match", "1-2, b"}}, {"1-2", "b"}, false},
      {"should not compare weak tags", {{"If-Match", "W/\"a\", \"b\""}}, {"b"}, false},
      {"should remember that there are only weak ones", {{"If-Match", "W/\"a\""}}, {}, false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    Request request;
    request.headers = c.headers;
    const auto read = ReadPreconditions(request);
    REQUIRE((read && read->if_match));
    CHECK(read->if_match->tags == c.tags);
    CHECK(read->if_match->any == c.any);
    CHECK_FALSE(read->if_none_match.has_value());
  }
  CHECK_FALSE(ReadPreconditions({})->if_match.has_value());
}

TEST_CASE("What is no list of entity tags is refused, and not passed over") {
  for (const char* text : {"", " ", "\"a", "\"a\"b", "\"a\" \"b\"", "*, \"a\"", "\"a\", *", "a\"b",
                           "W/", "\"a\", W/"}) {
    INFO(text);
    Request request;
    request.headers = {{"If-Match", text}};
    const auto read = ReadPreconditions(request);
    REQUIRE_FALSE(read.has_value());
    CHECK(Problem(read.error()).status == 400);
    CHECK(read.error().message.contains("If-Match must be"));
  }
}

TEST_CASE("A change may want that nothing is there, and no more of If-None-Match") {
  Request request;
  request.headers = {{"If-None-Match", "*"}};
  CHECK(ReadPreconditionOfChange(request)->if_none_match_any);
  request.headers = {{"If-None-Match", "W/\"a\""}};
  CHECK(ReadPreconditions(request)->if_none_match->tags == std::vector<std::string>{"a"});
  CHECK(Problem(ReadPreconditionOfChange(request).error()).status == 400);
}

}  // namespace
}  // namespace orchestrator::api
