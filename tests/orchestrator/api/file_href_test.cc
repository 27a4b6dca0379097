#include "orchestrator/api/file_href.h"

#include <string>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::api {
namespace {

constexpr site::SiteId kSite{17};

TEST_CASE("An address of a file says which bytes its path has") {
  std::string every;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') every += static_cast<char>(byte);
  }
  for (const std::string& path : {std::string("public/index.html"), std::string("a b+c%20?#"),
                                  std::string("Gr\xC3\xBC\xC3\x9F"), every}) {
    const std::string href = FileHref(kSite, path);
    INFO(href);
    CHECK(href.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-._~/%") == std::string::npos);
    const auto parsed = ParseFileHref(kSite, href);
    REQUIRE(parsed.has_value());
    CHECK(parsed->text() == path);
  }
  CHECK(FileHref(kSite, "") == "/v1/sites/17/files");
  CHECK(ParseFileHref(kSite, "/v1/sites/17/files/a b+c")->text() == "a b+c");
}

TEST_CASE("What is no address of a file of the site is refused with a reason") {
  struct Case {
    const char* sentence;
    const char* href;
    const char* reason;
  };
  const Case cases[] = {
      {"should refuse a path", "public/a", "must begin with /v1/sites/17/files/"},
      {"should refuse another site", "/v1/sites/18/files/a", "must begin with"},
      {"should refuse a host", "http://a/v1/sites/17/files/a", "must begin with"},
      {"should refuse a query", "/v1/sites/17/files/a?stat=true", "%3F"},
      {"should refuse a half escape", "/v1/sites/17/files/a%f", "two hexadecimal digits"},
      {"should refuse an escape that is none", "/v1/sites/17/files/a%fg", "two hexadecimal digits"},
      {"should refuse a signed escape", "/v1/sites/17/files/a%-1", "two hexadecimal digits"},
      {"should refuse an escaped NUL", "/v1/sites/17/files/a%00", "NUL"},
      {"should refuse escaped dots", "/v1/sites/17/files/%2e%2e/a", "'..'"},
      {"should refuse a slash at the end", "/v1/sites/17/files/a/", "slash"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto parsed = ParseFileHref(kSite, c.href);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().contains(c.reason));
  }
}

}  // namespace
}  // namespace orchestrator::api
