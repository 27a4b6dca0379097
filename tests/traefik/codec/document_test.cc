#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include "tests/support/configuration_generator.h"
#include "traefik/codec/decoder.h"

namespace traefik::codec {
namespace {

using Catch::Matchers::ContainsSubstring;

Problems ProblemsOf(std::string_view text) {
  Problems problems;
  DecodeDocument(text, problems);
  return problems;
}

TEST_CASE("What Traefik refuses in a document is refused, with its place") {
  const struct {
    const char* what;
    const char* text;
    const char* pointer;
    const char* detail;
  } cases[] = {
      {"should refuse an unknown option", R"({"http": {"routers": {"a": {"rul": "x"}}}})",
       "/http/routers/a/rul", "is no option"},
      {"should refuse an unknown section", R"({"http": {"rooters": {}}})", "/http/rooters",
       "is no option"},
      {"should refuse an empty section", R"({"http": {"routers": {}}})", "/http/routers",
       "at least one member"},
      {"should refuse a section of nulls", R"({"http": {"routers": {"a": null}}})", "/http/routers",
       "at least one member"},
      {"should refuse an empty object", R"({"http": {"middlewares": {"m": {"retry": {}}}}})",
       "/http/middlewares/m/retry", "at least one option"},
      {"should refuse an object where a text belongs",
       R"({"http": {"routers": {"a": {"rule": {"x": "y"}}}}})", "/http/routers/a/rule",
       "a single value"},
      {"should refuse a text where a number belongs",
       R"({"http": {"routers": {"a": {"priority": "high"}}}})", "/http/routers/a/priority",
       "whole number"},
      {"should refuse a fraction where a whole number belongs",
       R"({"http": {"routers": {"a": {"priority": 1.5}}}})", "/http/routers/a/priority",
       "1.500000"},
      {"should refuse a word where a switch belongs",
       R"({"http": {"services": {"s": {"loadBalancer": {"passHostHeader": "yes"}}}}})",
       "/http/services/s/loadBalancer/passHostHeader", "true or false"},
      {"should refuse a duration without unit",
       R"({"http": {"services": {"s": {"loadBalancer": {"healthCheck": {"interval": "1.5"}}}}}})",
       "/http/services/s/loadBalancer/healthCheck/interval", "10s"},
      {"should refuse a doubled key", R"({"http": {"routers": {"a": {"rule": "x"}, "a": {}}}})",
       "/http/routers/a", "twice"},
      {"should refuse a doubled key in what is ignored", R"({"x": {"a": 1, "a": 2}})", "/x/a",
       "twice"},
      {"should refuse null in a list", R"({"http": {"routers": {"a": {"middlewares": [null]}}}})",
       "/http/routers/a/middlewares/0", "null"},
      {"should refuse a list in a list",
       R"({"http": {"routers": {"a": {"middlewares": [["b"]]}}}})", "/http/routers/a/middlewares/0",
       "list in a list"},
      {"should escape names in pointers", R"({"http": {"routers": {"a/b~c": {"x": 1}}}})",
       "/http/routers/a~1b~0c/x", "is no option"},
      {"should refuse what would wipe all routes", "{}", "", "drop all it has"},
      {"should refuse an empty text", "", "", "drop all it has"},
      {"should refuse an error message", R"({"error": "down"})", "", "drop all it has"},
      {"should refuse null", "null", "", "drop all it has"},
      {"should refuse a list", "[1]", "", "map"},
      {"should refuse HTML", "<html></html>", "", "map"},
      {"should refuse half a document", R"({"http": {)", "", "cannot be read"},
      {"should refuse an escaped slash", R"({"http": {"routers": {"a": {"rule": "\/"}}}})", "",
       "\\/"},
      {"should refuse a surrogate pair",
       R"({"http": {"routers": {"a": {"rule": "\ud83d\ude00"}}}})", "", "surrogate"},
      {"should refuse a line's end before a colon", "{\"http\"\n: {\"routers\": {\"a\": {}}}}", "",
       "line ends"},
      {"should refuse a line separator in a name",
       "{\"http\": {\"routers\": {\"a\xE2\x80\xA8\": {}}}}", "", "line ends"},
      {"should refuse what is read as a space",
       "{\"http\": {\"routers\": {\"a\": {\"rule\": \"\xC2\x85\"}}}}", "", "U+0085"},
      {"should refuse bytes that are no text", "{\"http\": {\"routers\": {\"\xFF\": {}}}}", "",
       "UTF-8"},
      {"should refuse a tag", "http:\n  routers:\n    a: {rule: !path x}\n", "", "tag"},
      {"should refuse a raw DEL", "{\"http\": {\"routers\": {\"a\": {\"rule\": \"\x7f\"}}}}", "",
       "U+007F"},
      {"should refuse a raw C1 character",
       "{\"http\": {\"routers\": {\"a\": {\"rule\": \"\xC2\x9F\"}}}}", "", "U+009F"},
  };
  for (const auto& [what, text, pointer, detail] : cases) {
    INFO(what);
    const Problems problems = ProblemsOf(text);
    REQUIRE(problems.errors.size() == 1);
    CHECK(problems.errors[0].pointer == pointer);
    CHECK_THAT(problems.errors[0].detail, ContainsSubstring(detail));
  }
}

TEST_CASE("All problems of a document are told, in YAML with line and column") {
  const Problems problems = ProblemsOf(
      "http:\n"
      "  routers:\n"
      "    a:\n"
      "      rul: x\n"
      "      priority: high\n"
      "    b: {tls: 5, entryPoints: [web]}\n");
  REQUIRE(problems.errors.size() == 2);
  CHECK(problems.errors[0].pointer == "/http/routers/a/priority");
  CHECK(problems.errors[0].line == 5);
  CHECK(problems.errors[0].column == 7);
  CHECK(problems.errors[1].line == 4);
  REQUIRE(problems.warnings.size() == 1);
  CHECK(problems.warnings[0].pointer == "/http/routers/b/tls");
  CHECK(problems.warnings[0].line == 6);
}

TEST_CASE("What cannot be YAML says where") {
  const struct {
    const char* text;
    unsigned line;
    const char* detail;
  } cases[] = {
      {"http:\n  routers: [a\n", 3, "cannot be read as YAML"},
      {"http:\n  routers:\n    5: {rule: x}\n", 3, "no text to YAML"},
      {"http:\n  routers:\n    a: {rule: 2020-01-02}\n", 3, "time to YAML"},
      {"http:\n  <<: 5\n", 2, "must be a map"},
      {"http:\n  <<: {a: 1}\n  <<: {b: 1}\n", 3, "given twice"},
      {"http:\n  <<: {a: {}, a: {}}\n", 2, "given twice"},
      {"http: &a\n  routers: *a\n", 2, "contains itself"},
      {"http:\n  routers: *gone\n", 2, "no anchor 'gone'"},
      {"http:\n  routers:\n    a: {priority: !!int x}\n", 3, "!!int"},
      {"http:\n  routers:\n    a: {rule: !path x}\n", 3, "!path"},
      {"http:\n  routers:\n    a: {rule: \"a\\/b\"}\n", 3, "escape"},
      {"http:\n  routers:\n    a: {rule: a?}\n", 3, "in quotes"},
      {"http:\n  routers: {}\ntls:\n  \xEF\xBB\xBF stores: {}\n", 4, "byte order mark"},
      {"%YAML 1.2\n---\nhttp: {}\n", 1, "%YAML"},
      {"  http: {}\ntcp: {}\n", 2, "Traefik would ignore it"},
  };
  for (const auto& [text, line, detail] : cases) {
    INFO(text);
    const Problems problems = ProblemsOf(text);
    REQUIRE(problems.errors.size() == 1);
    CHECK(problems.errors[0].line == line);
    CHECK_THAT(problems.errors[0].detail, ContainsSubstring(detail));
  }
}

TEST_CASE("A YAML document says the same by aliases, merges, tags and block texts") {
  const char* const texts[] = {
      "http: {routers: {a: {rule: x, service: s}, b: {rule: x, service: t}}}",
      "http:\n  routers:\n    a: &a {rule: x, service: s}\n    b: {service: t, <<: *a}\n",
      "http:\n  routers:\n    a: &a {rule: x, service: s}\n    b: {<<: [{service: t}, *a]}\n",
      "http:\n  routers:\n    <<: [{a: {rule: x, service: s}}, {b: {rule: x, service: t}}]\n",
      "x: &r x\nhttp:\n  routers:\n    a:\n      rule: *r\n      service: !!str s\n"
      "    ? b\n    : rule: >-\n        x\n      service: |-\n        t\n",
      "{\"http\": {\"routers\": {\"a\": {\"rule\": \"x\", \"service\": \"s\"}, "
      "\"b\": {\"rule\": \"\\x78\", \"service\": \"t\"}}}}",
  };
  Problems problems;
  const Value wanted = DecodeDocument(texts[0], problems);
  for (const char* text : texts) {
    INFO(text);
    CHECK(DecodeDocument(text, problems) == wanted);
    CHECK(problems.errors.empty());
  }
}

TEST_CASE("A byte order mark may begin a document") {
  const Problems problems = ProblemsOf(
      "\xEF\xBB\xBFhttp:\n  routers:\n    a: {rule: \"\\x41\"}\ntls:\n  options: {o: {sniStrict: "
      "true}}\n");
  for (const auto& error : problems.errors) UNSCOPED_INFO(error.detail);
  CHECK(problems.errors.empty());
}

TEST_CASE("Depth without end is stopped, however it is made") {
  std::string chain = "x: {<<: [{k: &a0 {z: 1}}";
  for (int i = 1; i < 60'000; ++i) chain += fmt::format(", {{k: &a{} {{z: *a{}}}}}", i, i - 1);
  chain += "]}\ny: *a59999\n";
  const std::string second = "http: {}\n---\n" + std::string(100'000, '[');
  const std::string flow = std::string(100'000, '[');
  for (const std::string& text : {chain, second, flow}) {
    const Problems problems = ProblemsOf(text);
    REQUIRE_FALSE(problems.errors.empty());
    CHECK_THAT(problems.errors[0].detail, ContainsSubstring("nested too deep"));
  }
  Problems problems;
  std::string dotted = "a";
  for (int i = 0; i < 100'000; ++i) dotted += ".a";
  DecodeToml(dotted + " = 1\n", problems);
  REQUIRE(problems.errors.size() == 1);
  CHECK_THAT(problems.errors[0].detail, ContainsSubstring("too many parts"));
}

TEST_CASE("Aliases that multiply are stopped") {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 12; ++i) {
    text += fmt::format("a{0}: &a{0} {{", i);
    for (int j = 0; j < 9; ++j) text += fmt::format("k{}: *a{}, ", j, i - 1);
    text += "}\n";
  }
  const Problems problems = ProblemsOf(text);
  REQUIRE(problems.errors.size() == 1);
  CHECK_THAT(problems.errors[0].detail, ContainsSubstring("repeats itself too often"));
}

TEST_CASE("A second document is ignored, which is said") {
  const Problems problems = ProblemsOf("http: {routers: {a: {}}}\n---\nhttp: {}\n");
  CHECK(problems.errors.empty());
  REQUIRE(problems.warnings.size() == 1);
  CHECK(problems.warnings[0].line == 2);
}

TEST_CASE("TOML is read as Traefik's file provider reads it") {
  Problems problems;
  const Value value = DecodeToml(
      "[http.routers.a]\nrule = 'x'\npriority = 5\ntls = {certResolver = 'le'}\n"
      "[http.middlewares.m.headers.customRequestHeaders]\nA = 1.5\nB = true\nC = 2.0\n"
      "[[tls.certificates]]\ncertFile = 'c'\n",
      problems);
  CHECK(problems.errors.empty());
  CHECK(ToJson(value) ==
        R"({"http":{"routers":{"a":{"rule":"x","priority":5,"tls":{"certResolver":"le"}}},)"
        R"("middlewares":{"m":{"headers":{"customRequestHeaders":{"A":"1.500000","B":"true",)"
        R"("C":"2"}}}}},"tls":{"certificates":[{"certFile":"c"}]}})");
  const struct {
    const char* text;
    unsigned line;
    const char* detail;
  } cases[] = {
      {"[http]\na = \n", 2, "cannot be read as TOML"},
      {"[http.routers.a]\nrule = 2020-01-02\n", 2, "a date or time"},
      {"[http.routers.a]\nrule = 'x'\nrule = 'y'\n", 3, "cannot be read as TOML"},
      {"[http.routers.a]\nmiddlewares = [['a']]\n", 2, "list in a list"},
      {"", 0, "says nothing"},
  };
  for (const auto& [text, line, detail] : cases) {
    INFO(text);
    Problems found;
    DecodeToml(text, found);
    REQUIRE_FALSE(found.errors.empty());
    CHECK(found.errors[0].line == line);
    CHECK_THAT(found.errors[0].detail, ContainsSubstring(detail));
  }
}

TEST_CASE("What Traefik changes or ignores is a warning") {
  const struct {
    const char* what;
    const char* text;
    const char* pointer;
  } cases[] = {
      {"should tell of other sections", R"({"http": {"routers": {"a": {}}}, "data": 1})", "/data"},
      {"should tell of a switch that means off", R"({"http": {"routers": {"a": {"tls": 1}}}})",
       "/http/routers/a/tls"},
      {"should tell of an object's lost value", R"({"http": {"routers": {"a": "x"}}})",
       "/http/routers/a"},
      {"should tell of a list for a text", R"({"http": {"routers": {"a": {"rule": ["x"]}}}})",
       "/http/routers/a/rule"},
      {"should tell of a map for a list",
       R"({"http": {"routers": {"a": {"entryPoints": {"web": "x"}}}}})",
       "/http/routers/a/entryPoints"},
      {"should tell of internal options", R"({"http": {"routers": {"a": {"defaultRule": true}}}})",
       "/http/routers/a/defaultRule"},
      {"should tell of what only labels say",
       R"({"http": {"services": {"s": {"loadBalancer": {"servers": [{"port": "80"}]}}}}})",
       "/http/services/s/loadBalancer/servers/0/port"},
  };
  for (const auto& [what, text, pointer] : cases) {
    INFO(what);
    const Problems problems = ProblemsOf(text);
    CHECK(problems.errors.empty());
    REQUIRE(problems.warnings.size() == 1);
    CHECK(problems.warnings[0].pointer == pointer);
  }
}

TEST_CASE("A document means what Traefik makes of it") {
  const struct {
    const char* what;
    const char* text;
    const char* meaning;
  } cases[] = {
      {"should ignore the case of names", R"({"HTTP": {"Routers": {"A": {"RULE": "x"}}}})",
       R"({"http":{"routers":{"A":{"rule":"x"}}}})"},
      {"should split a text at commas and trim",
       R"({"http": {"routers": {"a": {"entryPoints": "a, b"}}}})",
       R"({"http":{"routers":{"a":{"entryPoints":["a","b"]}}}})"},
      {"should not split the items of a list",
       R"({"http": {"routers": {"a": {"entryPoints": ["a,b"]}}}})",
       R"({"http":{"routers":{"a":{"entryPoints":["a,b"]}}}})"},
      {"should write numbers as texts", R"({"http": {"routers": {"a": {"rule": 1.5}}}})",
       R"({"http":{"routers":{"a":{"rule":"1.500000"}}}})"},
      {"should count seconds in bare numbers",
       R"({"http": {"serversTransports": {"t": {"forwardingTimeouts": {"readIdleTimeout": 90}}}}})",
       R"({"http":{"serversTransports":{"t":{"forwardingTimeouts":{"dialTimeout":"30s",)"
       R"("idleConnTimeout":"1m30s","readIdleTimeout":"1m30s","pingTimeout":"15s"}}}}})"},
      {"should fill in defaults", R"({"http": {"middlewares": {"m": {"compress": {}}}}})",
       R"({"http":{"middlewares":{"m":{"compress":{"encodings":["gzip","br","zstd"]}}}}})"},
      {"should keep an object that says nothing",
       R"({"http": {"middlewares": {"m": {"passTLSClientCert": {"pem": false}}}}})",
       R"({"http":{"middlewares":{"m":{"passTLSClientCert":{"pem":false}}}}})"},
      {"should merge maps", "http:\n  routers:\n    <<: [{a: {rule: x}}, {a: {rule: y}, b: {}}]\n",
       R"({"http":{"routers":{"a":{"rule":"x"},"b":{}}}})"},
      {"should follow aliases", "http:\n  routers:\n    a: &x {rule: y}\n    b: *x\n",
       R"({"http":{"routers":{"a":{"rule":"y"},"b":{"rule":"y"}}}})"},
      {"should take plugins as they are, their numbers as texts",
       R"({"http": {"middlewares": {"m": {"plugin": {"p": {"n": 1, "l": [1, 2], "o": [{"a": true}]}}}}}})",
       R"({"http":{"middlewares":{"m":{"plugin":{"p":{"l":[1,2],"n":"1","o":[{"a":"true"}]}}}}}})"},
  };
  for (const auto& [what, text, meaning] : cases) {
    INFO(what);
    Problems problems;
    const Value value = DecodeDocument(text, problems);
    CHECK(problems.errors.empty());
    CHECK(ToJson(value) == meaning);
  }
}

TEST_CASE("A text that is nested too deep is refused, not followed to the end of the stack") {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"a":)";
  CHECK_FALSE(ProblemsOf(deep).errors.empty());
  std::string brackets(100'000, '[');
  CHECK_FALSE(ProblemsOf("{\"http\": " + brackets).errors.empty());
}

TEST_CASE("An alias that repeats itself without end is refused") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {";
    for (int j = 0; j < 10; ++j) {
      bomb +=
          std::string(j > 0 ? ", " : "") + "k" + std::to_string(j) + ": *a" + std::to_string(i - 1);
    }
    bomb += "}\n";
  }
  CHECK_FALSE(ProblemsOf(bomb).errors.empty());
}

TEST_CASE("A name is as long as Traefik reads, not longer") {
  const auto with = [](const std::string& name) {
    return "{\"http\": {\"routers\": {\"" + name + "\": {}}}}";
  };
  CHECK(ProblemsOf(with(std::string(1022, 'n'))).errors.empty());
  CHECK_FALSE(ProblemsOf(with(std::string(1023, 'n'))).errors.empty());
  // As it is written counts, in characters.
  std::string escaped;
  for (int i = 0; i < 171; ++i) escaped += "\\u0436";
  CHECK_FALSE(ProblemsOf(with(escaped)).errors.empty());
  std::string raw;
  for (int i = 0; i < 1000; ++i) raw += "\xE2\x82\xAC";
  CHECK(ProblemsOf(with(raw)).errors.empty());
}

TEST_CASE("Merges and aliases that repeat themselves without end are refused, and soon") {
  std::string merges = "a0: &a0 {x: y}\n";
  for (int i = 1; i <= 20; ++i) {
    merges += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {<<: [";
    for (int j = 0; j < 9; ++j) merges += (j > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    merges += "]}\n";
  }
  CHECK_FALSE(ProblemsOf(merges).errors.empty());
  std::string texts = "a: &a " + std::string(1 << 20, 'x') + "\nb: [*a";
  for (int i = 0; i < 1000; ++i) texts += ", *a";
  CHECK_FALSE(ProblemsOf(texts + "]\n").errors.empty());
}

TEST_CASE("What a document means is a document that means the same") {
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    tests::ConfigurationGenerator generator(seed);
    const std::string text = ToJson(generator.Some("n"));
    INFO("seed " << seed << ": " << text);
    Problems problems;
    const Value once = DecodeDocument(text, problems);
    if (!problems.errors.empty()) {
      // Only internal options were chosen.
      CHECK_THAT(problems.errors[0].detail, ContainsSubstring("says nothing"));
      continue;
    }
    const Value twice = DecodeDocument(ToJson(once), problems);
    CHECK(problems.errors.empty());
    CHECK(ToJson(once) == ToJson(twice));
  }
}

TEST_CASE("No text ends the reader, whatever it is") {
  tests::ConfigurationGenerator generator(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = ToJson(generator.Some("n"));
    for (std::size_t i = 0; i <= generator.Choose(4); ++i) {
      const std::size_t at = generator.Choose(text.size());
      switch (generator.Choose(3)) {
        case 0:
          text[at] = static_cast<char>(generator.Choose(256));
          break;
        case 1:
          text.erase(at, generator.Choose(5));
          break;
        default:
          text.insert(at, text.substr(generator.Choose(text.size()), generator.Choose(20)));
      }
      if (text.empty()) text = "x";
    }
    ProblemsOf(text);
  }
  SUCCEED("it came back from every one");
}

}  // namespace
}  // namespace traefik::codec
