#include "traefik/layout.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

namespace traefik {
namespace {

std::string Laid(const std::vector<SectionShape>& sections, Form form) {
  std::string out;
  LayOut(
      sections, form, [&](std::string_view text) { out += text; },
      [&](std::size_t section, std::size_t part) {
        out += std::to_string(section) + "." + std::to_string(part);
      });
  return out;
}

TEST_CASE("LayOut puts parts into their sections") {
  const struct {
    const char* what;
    std::vector<SectionShape> sections;
    const char* json;
    const char* merged;
  } cases[] = {
      {"should make an empty document of nothing", {}, "{}", "{}"},
      {"should leave out sections without parts",
       {{"http/routers", 0}, {"tls/stores", 0}},
       "{}",
       "{}"},
      {"should not merge a part alone",
       {{"http/routers", 1}},
       R"({"http":{"routers":{0.0}}})",
       R"({"http":{"routers":{0.0}}})"},
      {"should join the parts of a section",
       {{"http/routers", 3}},
       R"({"http":{"routers":{0.0,0.1,0.2}}})",
       R"({"http":{"routers":{<<: [{0.0},{0.1},{0.2}]}}})"},
      {"should put the sections of a protocol into one",
       {{"http/routers", 2}, {"http/x", 0}, {"http/services", 1}},
       R"({"http":{"routers":{0.0,0.1},"services":{2.0}}})",
       R"({"http":{"routers":{<<: [{0.0},{0.1}]},"services":{2.0}}})"},
      {"should tell protocols apart",
       {{"http/routers", 1}, {"tcp/routers", 1}},
       R"({"http":{"routers":{0.0}},"tcp":{"routers":{1.0}}})",
       R"({"http":{"routers":{0.0}},"tcp":{"routers":{1.0}}})"},
      {"should make a list of certificates",
       {{"tls/certificates", 2}, {"tls/stores", 1}},
       R"({"tls":{"certificates":[0.0,0.1],"stores":{1.0}}})",
       R"({"tls":{"certificates":[0.0,0.1],"stores":{1.0}}})"},
  };
  for (const auto& [what, sections, json, merged] : cases) {
    INFO(what);
    CHECK(Laid(sections, Form::kJson) == json);
    CHECK(Laid(sections, Form::kMerged) == merged);
  }
}

}  // namespace
}  // namespace traefik
