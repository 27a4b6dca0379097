#include "orchestrator/image/ignore_file.h"

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::image {
namespace {

TEST_CASE("A .dockerignore file leaves out what Docker's client does") {
  struct Case {
    const char* sentence;
    const char* file;
    const char* path;
    bool excluded;
  };
  const Case cases[] = {
      {"should leave out nothing by itself", "", "a", false},
      {"should leave out a name", "a", "a", true},
      {"should know a name by the whole of it", "a", "ab", false},
      {"should mean the top only", "a", "b/a", false},
      {"should leave out what is below", "a", "a/b/c", true},
      {"should take slashes around", "/a/", "a", true},
      {"should take dots", "./a/../b", "b", true},
      {"should know comments", "#a\na", "#a", false},
      {"should know blanks and ends of lines of others", " a \r\n", "a", true},
      {"should pass over a mark at the beginning",
       "\xEF\xBB\xBF"
       "a",
       "a", true},
      {"should take a star within a part", "*.log", "x.log", true},
      {"should not take a star beyond it", "*.log", "d/x.log", false},
      {"should take a star for a folder", "*/x", "d/x", true},
      {"should take a question mark", "a?", "ab", true},
      {"should take a class", "a[0-9]", "a5", true},
      {"should take a class of others", "a[^0-9]", "a5", false},
      {"should take a backslash", "a\\*", "a*", true},
      {"should take any number of parts", "**/x.log", "a/b/x.log", true},
      {"should take no part at all", "**/x.log", "x.log", true},
      {"should take parts in the middle", "a/**/z", "a/b/c/z", true},
      {"should take none in the middle", "a/**/z", "a/z", true},
      {"should leave out all below", "a/**", "a/b", true},
      {"should keep the folder itself then", "a/**", "a", false},
      {"should leave out all", "**", "a/b", true},
      {"should take back", "*\n!a", "a", false},
      {"should take back what is below", "a\n!a/keep", "a/keep/x", false},
      {"should go by the last that fits", "!a\na", "a", true},
      {"should go by the last again", "a\n!a\na/b", "a/b", true},
      {"should pass over lines of nothing", "\n!\n/\n", "a", false},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(IgnoreFile(c.file).Excludes(c.path) == c.excluded);
  }
  CHECK(IgnoreFile("a\n!b").has_exceptions());
  CHECK_FALSE(IgnoreFile("a").has_exceptions());
}

TEST_CASE("The names of all patterns are counted") {
  CHECK(IgnoreFile("").names() == 0);
  CHECK(IgnoreFile("# no/pattern\na/b\n\n!**/c/./d/\n").names() == 5);
}

TEST_CASE("No pattern takes long") {
  std::string pattern;
  std::string path;
  for (int i = 0; i < 500; ++i) {
    pattern += "**/a/";
    path += "a/";
  }
  CHECK_FALSE(IgnoreFile(pattern + "z").Excludes(path));
}

}  // namespace
}  // namespace orchestrator::image
