#include "traefik/base/json_text.h"

#include <cstdint>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

namespace traefik {
namespace {

using namespace std::string_literals;

TEST_CASE("JsonString writes what JSON and YAML read alike") {
  struct Case {
    const char* sentence;
    std::string text;
    std::string json;
  };
  const Case cases[] = {
      {"should quote an empty text", "", R"("")"},
      {"should leave plain text", "a b", R"("a b")"},
      {"should escape quotes", "a\"b", R"("a\"b")"},
      {"should escape backslashes", "a\\b", R"("a\\b")"},
      {"should never escape a slash", "a/b", R"("a/b")"},
      {"should escape NUL", "\0"s, R"("\u0000")"},
      {"should escape a line break", "a\nb", R"("a\u000Ab")"},
      {"should escape a tab", "\t", R"("\u0009")"},
      {"should escape the last control character", "\x1f", R"("\u001F")"},
      {"should leave the space", " ", R"(" ")"},
      {"should leave the tilde", "~", R"("~")"},
      {"should escape DEL", "\x7f", R"("\u007F")"},
      {"should escape the first of C1", "\xC2\x80", R"("\u0080")"},
      {"should escape NEL, which Traefik turns into a space", "\xC2\x85", R"("\u0085")"},
      {"should escape the last of C1", "\xC2\x9F", R"("\u009F")"},
      {"should leave U+00A0 raw", "\xC2\xA0", "\"\xC2\xA0\""},
      {"should leave letters raw", "ä€", R"("ä€")"},
      {"should escape the line separator", "\xE2\x80\xA8", R"("\u2028")"},
      {"should escape the paragraph separator", "\xE2\x80\xA9", R"("\u2029")"},
      {"should escape the byte order mark", "\xEF\xBB\xBF", R"("\uFEFF")"},
      {"should escape U+FFFE", "\xEF\xBF\xBE", R"("\uFFFE")"},
      {"should escape U+FFFF", "\xEF\xBF\xBF", R"("\uFFFF")"},
      {"should leave a replacement character", "\xEF\xBF\xBD", "\"\xEF\xBF\xBD\""},
      {"should leave an emoji raw, never as a surrogate pair", "😀", R"("😀")"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(JsonString(c.text) == c.json);
    CHECK(nlohmann::json::parse(JsonString(c.text)) == c.text);
  }
}

TEST_CASE("JsonString replaces bytes that are not UTF-8") {
  struct Case {
    const char* sentence;
    std::string text;
    std::string read;
  };
  const Case cases[] = {
      {"should replace a lone byte",
       "a\xff"
       "b",
       "a\uFFFDb"},
      {"should replace a lone continuation", "\x80", "\uFFFD"},
      {"should replace a character that is cut off", "\xE2\x82", "\uFFFD\uFFFD"},
      {"should replace an overlong slash", "\xC0\xAF", "\uFFFD\uFFFD"},
      {"should replace an overlong NUL", "\xE0\x80\x80", "\uFFFD\uFFFD\uFFFD"},
      {"should replace a surrogate", "\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"should replace what is beyond Unicode", "\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"should go on after a wrong continuation",
       "\xE2"
       "ab",
       "\uFFFD"
       "ab"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(nlohmann::json::parse(JsonString(c.text)) == c.read);
  }
}

TEST_CASE("AppendJsonString keeps what is there") {
  std::string out = "x:";
  AppendJsonString(out, "y");
  CHECK(out == "x:\"y\"");
}

}  // namespace
}  // namespace traefik
