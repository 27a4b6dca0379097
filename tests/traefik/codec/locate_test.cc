#include "traefik/codec/locate.h"

#include <catch2/catch_test_macros.hpp>

namespace traefik::codec {
namespace {

constexpr const char* kDocument =
    "http:\n"
    "  routers:\n"
    "    a/b:\n"
    "      rule: x\n"
    "      Service: s\n"
    "  services:\n"
    "    s:\n"
    "      loadBalancer:\n"
    "        servers:\n"
    "        - url: x\n"
    "        - url: y\n";

TEST_CASE("Problems get the place of what they point to") {
  struct Case {
    const char* what;
    const char* pointer;
    unsigned line;
    unsigned column;
  };
  const Case cases[] = {
      {"should find an object", "/http/services/s", 7, 5},
      {"should find an option in any case", "/http/routers/a~1b/service", 5, 7},
      {"should find an element", "/http/services/s/loadBalancer/servers/1", 11, 11},
      {"should take what is around where the part is missing", "/http/routers/a~1b/tls/options", 3,
       5},
      {"should leave the whole document without a place", "", 0, 0},
      {"should take the document for what it does not have at all", "/udp/routers/x", 1, 1},
  };
  Problems problems;
  const RawNode document = ReadDocument(kDocument, problems);
  for (const auto& [what, pointer, line, column] : cases) {
    INFO(what);
    std::vector<Problem> found{{pointer, "", 0, 0}};
    Locate(document, found);
    CHECK(found[0].line == line);
    CHECK(found[0].column == column);
  }
}

TEST_CASE("A place that is known stays, and of JSON there is none") {
  Problems problems;
  std::vector<Problem> found{{"/http/routers", "", 9, 9}};
  Locate(ReadDocument(kDocument, problems), found);
  CHECK(found[0].line == 9);
  found = {{"/http/routers/a", "", 0, 0}};
  Locate(ReadDocument(R"({"http": {"routers": {"a": {"rule": "x"}}}})", problems), found);
  CHECK(found[0].line == 0);
}

}  // namespace
}  // namespace traefik::codec
