#include "orchestrator/site/site.h"

#include <string>

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::site {
namespace {

TEST_CASE("ParseServiceName takes only what ServiceName made") {
  struct Case {
    const char* sentence;
    const char* name;
    std::optional<SiteId> id;
  };
  const Case cases[] = {
      {"should refuse an empty name", "", {}},
      {"should refuse the prefix alone", "site_", {}},
      {"should refuse another prefix", "page_0001", {}},
      {"should refuse too few digits", "site_1", {}},
      {"should refuse too many zeros", "site_00001", {}},
      {"should refuse the id 0", "site_0000", {}},
      {"should refuse a negative id", "site_-001", {}},
      {"should refuse text behind", "site_0001x", {}},
      {"should refuse an id that is too large", "site_1000000000", {}},
      {"should refuse an id beyond every number", "site_99999999999999999999", {}},
      {"should read the first", "site_0001", SiteId{1}},
      {"should read four digits", "site_9999", SiteId{9999}},
      {"should read five digits", "site_10000", SiteId{10000}},
      {"should read the largest", "site_999999999", SiteId{SiteId::kLargest}},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(ParseServiceName(c.name) == c.id);
    if (c.id) CHECK(ServiceName(*c.id) == c.name);
  }
}

TEST_CASE("Kinds and modes have names") {
  CHECK(std::string(Name(Kind::kDynamic)) == "dynamic");
  CHECK(std::string(Name(Kind::kStatic)) == "static");
  CHECK(std::string(Name(Kind::kExternal)) == "external");
  CHECK(std::string(Name(RoutingMode::kDefault)) == "default");
  CHECK(std::string(Name(RoutingMode::kLabels)) == "labels");
  CHECK(std::string(Name(RoutingMode::kProvider)) == "provider");
}

}  // namespace
}  // namespace orchestrator::site
