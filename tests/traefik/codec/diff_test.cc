#include "traefik/codec/diff.h"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/configuration_generator.h"
#include "traefik/codec/decoder.h"

namespace traefik::codec {
namespace {

Value Read(std::string_view text) {
  Problems problems;
  Value value = DecodeDocument(text, problems);
  REQUIRE(problems.errors.empty());
  return value;
}

TEST_CASE("Objects and options that differ are told, by pointer") {
  const Value before = Read(R"j({"http": {"routers": {
      "a": {"rule": "Host(`a`)", "service": "s", "priority": 5},
      "b": {"rule": "Host(`b`)", "service": "s", "entryPoints": ["x", "y"]},
      "c/d": {"rule": "Host(`c`)"}}}})j");
  const Value after = Read(R"j({"http": {"routers": {
      "a": {"rule": "Host(`a`)", "service": "t"},
      "b": {"rule": "Host(`b`)", "service": "s", "entryPoints": ["y", "x"]},
      "e": {"rule": "Host(`e`)"}}}, "tls": {"stores": {"default": {}}}})j");
  CHECK(ToText(Diff(before, after)) ==
        "- /http/routers/a/priority 5\n"
        "~ /http/routers/a/service: \"s\" -> \"t\"\n"
        "~ /http/routers/b/entryPoints: [\"x\",\"y\"] -> [\"y\",\"x\"]\n"
        "- /http/routers/c~1d {\"rule\":\"Host(`c`)\"}\n"
        "+ /http/routers/e {\"rule\":\"Host(`e`)\"}\n"
        "+ /tls {\"stores\":{\"default\":{}}}\n");
  const auto json = nlohmann::json::parse(ToJson(Diff(before, after)));
  CHECK(json.size() == 6);
  CHECK(json[1] == nlohmann::json{{"change", "changed"},
                                  {"pointer", "/http/routers/a/service"},
                                  {"before", "s"},
                                  {"after", "t"}});
}

TEST_CASE("Nothing differs from itself, and a difference read backwards is its inverse") {
  CHECK(ToText({}).empty());
  CHECK(ToJson(std::vector<Change>{}) == "[]");
  for (unsigned seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    tests::ConfigurationGenerator generator(seed);
    const Value a = generator.Object("http", "routers", "n");
    const Value b = generator.Object("http", "routers", "n");
    CHECK(Diff(a, a).empty());
    const auto there = Diff(a, b);
    auto back = Diff(b, a);
    REQUIRE(there.size() == back.size());
    for (std::size_t i = 0; i < there.size(); ++i) {
      CHECK(there[i].pointer == back[i].pointer);
      CHECK(there[i].before == back[i].after);
      CHECK(there[i].after == back[i].before);
    }
  }
}

}  // namespace
}  // namespace traefik::codec
