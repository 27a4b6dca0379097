#include "orchestrator/cli/yaml_to_json.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace orchestrator::cli {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

TEST_CASE("YamlToJson refuses with file, line and column") {
  struct Case {
    const char* sentence;
    std::string yaml;
    const char* where;
  };
  const Case cases[] = {
      {"should refuse what is not closed", "a: [1,\n", "s.yaml:"},
      {"should refuse a key twice", "a: 1\nb: 2\na: 3\n", "s.yaml:3:1: key 'a' is given twice"},
      {"should refuse what is nested too deep", std::string(200, '[') + std::string(200, ']'),
       "s.yaml:1:"},
      {"should refuse bytes that are not UTF-8", "a: \"\xff\"\n", "s.yaml"},
      {"should refuse an alias without an anchor", "a: *b\n", "s.yaml:1:"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto documents = YamlToJson(c.yaml, "s.yaml");
    REQUIRE_FALSE(documents.has_value());
    CHECK(documents.error().kind == ErrorKind::kInvalid);
    CHECK_THAT(documents.error().message, StartsWith(c.where));
  }
}

TEST_CASE("Scalars become what YAML 1.2's core schema says") {
  struct Case {
    const char* sentence;
    const char* yaml;
    const char* json;
  };
  const Case cases[] = {
      {"should read null", "~", "null"},
      {"should read booleans", "true", "true"},
      {"should leave yes a text", "yes", "\"yes\""},
      {"should read integers", "-17", "-17"},
      {"should read fractions", "0.5", "0.5"},
      {"should read exponents", "1e3", "1000.0"},
      {"should leave a version a text", "1.2.3", "\"1.2.3\""},
      {"should leave quoted digits a text", "\"17\"", "\"17\""},
      {"should leave single quotes a text", "'true'", "\"true\""},
      {"should leave a size a text", "100MiB", "\"100MiB\""},
      {"should leave a lone minus a text", "'-'", "\"-\""},
      {"should keep lines of a block", "|\n  a\n  b\n", "\"a\\nb\\n\""},
      {"should leave digits of a block a text", "|-\n  17\n", "\"17\""},
      {"should leave an empty text", "''", "\"\""},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto documents = YamlToJson(std::string("k: ") + c.yaml, "s.yaml");
    REQUIRE(documents.has_value());
    CHECK(*documents == std::vector<std::string>{std::string("{\"k\":") + c.json + "}"});
  }
}

TEST_CASE("Every document is one text, in its order, and empty ones are left out") {
  const auto documents = YamlToJson("b: 1\na: [x, {y: z}]\n---\n---\n{\"json\": true}\n", "s.yaml");
  REQUIRE(documents.has_value());
  CHECK(*documents ==
        std::vector<std::string>{R"({"b":1,"a":["x",{"y":"z"}]})", R"({"json":true})"});
  CHECK(YamlToJson("", "s.yaml")->empty());
  CHECK(YamlToJson("# nothing\n", "s.yaml")->empty());
}

}  // namespace
}  // namespace orchestrator::cli
