#include "orchestrator/files/relative_path.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace orchestrator::files {
namespace {

using Catch::Matchers::ContainsSubstring;
using namespace std::string_view_literals;

TEST_CASE("A path that could lead elsewhere or is none is refused with a sentence", "[files]") {
  struct Case {
    std::string_view should;
    std::string path;
    std::string_view error;
  };
  const std::vector<Case> cases{
      {"should refuse an absolute path", "/etc/passwd", "begin or end with a slash"},
      {"should refuse a slash alone", "/", "begin or end with a slash"},
      {"should refuse a slash at the end", "a/", "begin or end with a slash"},
      {"should refuse an empty name", "a//b", "two of them in a row"},
      {"should refuse the folder above", "..", "'..'"},
      {"should refuse the folder above inside", "a/../b", "'..'"},
      {"should refuse the folder above at the end", "a/..", "'..'"},
      {"should refuse the folder itself", "./a", "'.'"},
      {"should refuse NUL", std::string("a\0b"sv), "NUL"},
      {"should refuse NUL at the end", std::string("a\0"sv), "NUL"},
      {"should refuse a name of 256 bytes", "a/" + std::string(256, 'x'), "256 bytes"},
      {"should refuse a path of 4,096 bytes", std::string(4096, 'x'), "4096 bytes"},
  };
  for (const Case& test : cases) {
    INFO(test.should);
    const auto path = RelativePath::Parse(test.path);
    REQUIRE_FALSE(path.has_value());
    CHECK_THAT(path.error(), ContainsSubstring(std::string(test.error)));
  }
}

TEST_CASE("Names are bytes", "[files]") {
  std::string longest;
  while (longest.size() < RelativePath::kLongestPath) longest += "a/";
  longest.resize(RelativePath::kLongestPath);
  for (const std::string& text :
       {std::string("a"), std::string("a/b"), std::string("..."), std::string(".a/..b"),
        std::string("\xFF\xFE"), std::string("line\nend"), std::string("a\\b"),
        std::string(255, 'x'), longest}) {
    const auto path = RelativePath::Parse(text);
    REQUIRE(path.has_value());
    CHECK(path->text() == text);
  }
}

TEST_CASE("A path knows its parts", "[files]") {
  const RelativePath root = *RelativePath::Parse("");
  CHECK(root.is_root());
  CHECK(root.parent() == root);
  CHECK(root.name().empty());
  CHECK(root.top().empty());
  const RelativePath path = *RelativePath::Parse("a/bc/d");
  CHECK(path.name() == "d");
  CHECK(path.top() == "a");
  CHECK(path.parent().text() == "a/bc");
  CHECK(path.parent().parent().parent() == root);
  CHECK(path.IsInside(root));
  CHECK(path.IsInside(path.parent()));
  CHECK(!path.IsInside(path));
  CHECK(!path.IsInside(*RelativePath::Parse("a/b")));
  CHECK(!root.IsInside(root));
}

TEST_CASE("Bytes become a text that is safe everywhere and stands for them only", "[files]") {
  struct Case {
    std::string_view should;
    std::string_view bytes;
    std::string_view text;
  };
  const std::vector<Case> cases{
      {"should escape the end of a line", "a\nb", "a\\x0Ab"},
      {"should escape an escape sequence of terminals", "\x1B[31m", "\\x1B[31m"},
      {"should escape delete", "\x7F", "\\x7F"},
      {"should escape a control character of two bytes", "\xC2\x9B", "\\xC2\\x9B"},
      {"should escape an override of direction", "\xE2\x80\xAEgpj", "\\xE2\\x80\\xAEgpj"},
      {"should escape an isolate of direction", "\xE2\x81\xA6", "\\xE2\\x81\\xA6"},
      {"should escape a line separator", "\xE2\x80\xA8", "\\xE2\\x80\\xA8"},
      {"should escape bytes that are no UTF-8", "\xFFx", "\\xFFx"},
      {"should escape a cut sequence", "\xE2\x82", "\\xE2\\x82"},
      {"should escape a sequence that is too long for its value", "\xC0\xAF", "\\xC0\\xAF"},
      {"should escape one of three bytes too", "\xE0\x80\xAF", "\\xE0\\x80\\xAF"},
      {"should escape half of a surrogate pair", "\xED\xA0\x80", "\\xED\\xA0\\x80"},
      {"should escape what is beyond Unicode", "\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
      {"should double a backslash", "\\x41", "\\\\x41"},
      {"should escape NUL", "\0"sv, "\\x00"},
      {"should keep letters of all scripts", "Grüße 漢字 😀", "Grüße 漢字 😀"},
      {"should keep nothing as it is", "", ""},
  };
  for (const Case& test : cases) {
    INFO(test.should);
    CHECK(SafeText(test.bytes) == test.text);
  }
}

}  // namespace
}  // namespace orchestrator::files
