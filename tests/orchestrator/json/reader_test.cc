#include "orchestrator/json/reader.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>

namespace orchestrator::json {
namespace {

using Catch::Matchers::ContainsSubstring;

std::string Nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST_CASE("Parse refuses what is not strictly one JSON text") {
  struct Case {
    const char* sentence;
    std::string text;
    const char* detail;
  };
  const Case cases[] = {
      {"should refuse nothing", "", "unexpected end of input"},
      {"should refuse half an object", "{\"a\":", "unexpected end of input"},
      {"should refuse text behind", "{} x", "parse error"},
      {"should refuse two texts", "{}{}", "parse error"},
      {"should refuse a comma at the end", "[1,]", "parse error"},
      {"should refuse a comment", "{} // x", "parse error"},
      {"should refuse single quotes", "{'a': 1}", "parse error"},
      {"should refuse NaN", "NaN", "parse error"},
      {"should refuse a raw line break in a text", "\"a\nb\"", "control character"},
      {"should refuse a number beyond double", "1e999", "number overflow"},
      {"should refuse bytes that are not UTF-8", "\"\xff\"", "UTF-8"},
      {"should refuse an overlong character", "\"\xC0\xAF\"", "UTF-8"},
      {"should refuse half a surrogate pair", R"("\ud83d")", "surrogate"},
      {"should refuse a key twice", R"({"a": 1, "a": 1})", "key 'a' twice"},
      {"should refuse a key twice inside", R"([{"x": {"a": 1, "b": 2, "a": 3}}])", "key 'a' twice"},
      {"should refuse a key twice behind an object", R"({"a": {"a": 1}, "a": 2})", "key 'a' twice"},
      {"should refuse a key twice in two spellings", R"({"a": 1, "\u0061": 2})", "key 'a' twice"},
      {"should refuse 65 levels", Nested(65), "64 levels"},
      {"should refuse a hundred thousand levels", std::string(100'000, '['), "64 levels"},
      {"should refuse deep objects", std::string(10'000, '{'), "64 levels"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto value = Parse(c.text);
    REQUIRE_FALSE(value.has_value());
    CHECK(value.error().kind == ErrorKind::kInvalid);
    REQUIRE(value.error().fields.size() == 1);
    CHECK(value.error().fields[0].pointer.empty());
    CHECK_THAT(value.error().fields[0].detail, ContainsSubstring(c.detail));
  }
}

TEST_CASE("Parse takes what only looks wrong") {
  CHECK(Parse(Nested(64)).has_value());
  CHECK(Parse(R"([{"a": 1}, {"a": 2}])").has_value());
  CHECK(Parse(R"({"a": {"a": {"a": 1}}})").has_value());
  CHECK(Parse("\"" + std::string(1000, '[') + "\"").has_value());
  CHECK(Parse(R"("\"[[[\\")").value() == "\"[[[\\");
  CHECK(Parse(" [1, 2.5, null, true] \n").value().size() == 4);
}

TEST_CASE("Pointer escapes as RFC 6901 says") {
  CHECK(Pointer("", "a") == "/a");
  CHECK(Pointer("/a/b", "c/d") == "/a/b/c~1d");
  CHECK(Pointer("", "~/~1") == "/~0~1~01");
  CHECK(Pointer("/a", "") == "/a/");
  CHECK(Pointer("/a", 0) == "/a/0");
}

TEST_CASE("ObjectReader says what a member of another type must be") {
  struct Case {
    const char* sentence;
    const char* value;
    void (*read)(ObjectReader&);
    const char* detail;
  };
  const auto string = [](ObjectReader& reader) { CHECK_FALSE(reader.String("k").has_value()); };
  const auto boolean = [](ObjectReader& reader) { CHECK_FALSE(reader.Boolean("k").has_value()); };
  const auto number = [](ObjectReader& reader) { CHECK_FALSE(reader.Number("k").has_value()); };
  const auto integer = [](ObjectReader& reader) { CHECK_FALSE(reader.Integer("k").has_value()); };
  const auto strings = [](ObjectReader& reader) { CHECK_FALSE(reader.Strings("k").has_value()); };
  const Case cases[] = {
      {"should refuse a number as text", "1", string, "must be a text, not a JSON number"},
      {"should refuse a list as text", "[]", string, "must be a text, not a JSON array"},
      {"should refuse a text as switch", "\"true\"", boolean, "true or false, not a JSON string"},
      {"should refuse a number as switch", "0", boolean, "true or false, not a JSON number"},
      {"should refuse a text as number", "\"1\"", number, "must be a number, not a JSON string"},
      {"should refuse a fraction as integer", "1.5", integer, "whole number"},
      {"should refuse 2^63", "9223372036854775808", integer, "whole number"},
      {"should refuse an object as integer", "{}", integer, "not a JSON object"},
      {"should refuse a text as list", "\"a\"", strings, "must be a list of texts"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    std::vector<FieldProblem> problems;
    const auto value = Parse(std::string("{\"k\": ") + c.value + "}").value();
    ObjectReader reader(value, "/at", problems);
    c.read(reader);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].pointer == "/at/k");
    CHECK_THAT(problems[0].detail, ContainsSubstring(c.detail));
  }
}

TEST_CASE("ObjectReader takes a missing member and null for the same") {
  std::vector<FieldProblem> problems;
  const auto value = Parse(R"({"null": null})").value();
  ObjectReader reader(value, "", problems);
  for (const char* key : {"null", "missing"}) {
    INFO(key);
    CHECK_FALSE(reader.Has(key));
    CHECK(reader.Find(key) == nullptr);
    CHECK_FALSE(reader.String(key).has_value());
    CHECK_FALSE(reader.Boolean(key).has_value());
    CHECK_FALSE(reader.Number(key).has_value());
    CHECK_FALSE(reader.Integer(key).has_value());
    CHECK_FALSE(reader.Strings(key).has_value());
  }
  reader.RefuseUnknown();
  CHECK(problems.empty());
}

TEST_CASE("ObjectReader reads members") {
  std::vector<FieldProblem> problems;
  const auto value = Parse(R"({"s": "x", "b": false, "n": 0.5, "i": -9223372036854775808,
                               "l": ["a", ""], "w": 3})")
                         .value();
  ObjectReader reader(value, "", problems);
  CHECK(reader.String("s") == "x");
  CHECK(reader.Boolean("b") == false);
  CHECK(reader.Number("n") == 0.5);
  CHECK(reader.Number("w") == 3.0);
  CHECK(reader.Integer("i") == INT64_MIN);
  CHECK(reader.Strings("l") == std::vector<std::string>{"a", ""});
  CHECK(reader.Has("s"));
  reader.RefuseUnknown();
  CHECK(problems.empty());
}

TEST_CASE("A value that is no object is one problem") {
  std::vector<FieldProblem> problems;
  const auto value = Parse("[1]").value();
  ObjectReader reader(value, "/x", problems);
  CHECK_FALSE(reader.String("a").has_value());
  CHECK_FALSE(reader.Has("a"));
  reader.RefuseUnknown();
  REQUIRE(problems.size() == 1);
  CHECK(problems[0] == FieldProblem{"/x", "must be an object, not a JSON array"});
}

TEST_CASE("Unknown members are problems, with the nearest known name") {
  std::vector<FieldProblem> problems;
  const auto value = Parse(R"({"hots": 1, "completely-different": 2})").value();
  ObjectReader reader(value, "", problems);
  reader.Find("hosts");
  reader.Find("image");
  reader.RefuseUnknown();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0] ==
        FieldProblem{"/completely-different", "is not known; known are: hosts, image"});
  CHECK(problems[1] == FieldProblem{"/hots", "is not known; did you mean 'hosts'?"});
}

}  // namespace
}  // namespace orchestrator::json
