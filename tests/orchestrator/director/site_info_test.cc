#include "orchestrator/director/site_info.h"

#include <functional>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace orchestrator::director {
namespace {

using nlohmann::json;

json Info() {
  return {{"pk", 7},
          {"hosts", {"https://a.example/"}},
          {"is_served", true},
          {"type_", "dynamic"},
          {"resource_limits",
           {{"cpus", 0.5}, {"memory", 100000000}, {"max_request_body_size", 2097152}}}};
}

std::string Place(const InputProblem& problem) {
  return fmt::format("{}", fmt::join(problem.location, "."));
}

TEST_CASE("What is wrong in a SiteInfo is named with its place, its kind and what was sent") {
  struct Case {
    const char* sentence;
    std::function<void(json&)> change;
    const char* place;
    const char* type;
    const char* input;
  };
  const Case cases[] = {
      {"should miss what is not there", [](json& s) { s.erase("is_served"); }, "body.is_served",
       "missing", nullptr},
      {"should want a whole number", [](json& s) { s["pk"] = 1.5; }, "body.pk", "int_type", "1.5"},
      {"should want a number that fits", [](json& s) { s["pk"] = "99999999999999999999"; },
       "body.pk", "int_type", R"("99999999999999999999")"},
      {"should want a truth", [](json& s) { s["is_served"] = "perhaps"; }, "body.is_served",
       "bool_type", R"("perhaps")"},
      {"should want one of two types", [](json& s) { s["type_"] = "Static"; }, "body.type_",
       "literal_error", R"("Static")"},
      {"should want a list of hosts", [](json& s) { s["hosts"] = "a.example"; }, "body.hosts",
       "list_type", R"("a.example")"},
      {"should want limits as an object", [](json& s) { s["resource_limits"] = 5; },
       "body.resource_limits", "model_attributes_type", "5"},
      {"should want a finite number", [](json& s) { s["resource_limits"]["cpus"] = "inf"; },
       "body.resource_limits.cpus", "float_type", R"("inf")"},
      {"should want a limit that an engine takes",
       [](json& s) { s["resource_limits"]["memory"] = "1KiB"; }, "body.resource_limits.memory",
       "value_error", R"("1KiB")"},
      {"should want a body limit above nothing",
       [](json& s) { s["resource_limits"]["max_request_body_size"] = -1; },
       "body.resource_limits.max_request_body_size", "value_error", "-1"},
      {"should want a host that can be one", [](json& s) { s["hosts"] = {"a.example", "b..c"}; },
       "body.hosts.1", "value_error", R"("b..c")"},
      {"should want all of a database", [](json& s) { s["db"] = {{"url", "x://y"}}; },
       "body.db.name", "missing", R"({"url":"x://y"})"},
      {"should want a run file below the site", [](json& s) { s["runfile"] = "/etc/passwd"; },
       "body.runfile", "value_error", R"("/etc/passwd")"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    json info = Info();
    c.change(info);
    const auto site = ReadSite(info.dump(), Need::kDeployment);
    REQUIRE_FALSE(site.has_value());
    CHECK_FALSE(site.error().not_json);
    REQUIRE_FALSE(site.error().problems.empty());
    const InputProblem& problem = site.error().problems.front();
    CHECK(Place(problem) == c.place);
    CHECK(problem.type == c.type);
    if (c.input) CHECK(problem.input == c.input);
  }
}

TEST_CASE("What is no JSON, or JSON that hides something, is not read at all") {
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("{\"pk\": 1, }"),
        std::string(R"({"pk": 1, "pk": 2})"), std::string(5000, '[') + std::string(5000, ']')}) {
    INFO(body.substr(0, 40));
    const auto site = ReadSite(body, Need::kIdentity);
    REQUIRE_FALSE(site.has_value());
    CHECK(site.error().not_json);
  }
}

TEST_CASE("A SiteInfo is read as leniently as its own orchestrator reads it") {
  json info = Info();
  info["pk"] = "17";
  info["is_served"] = "no";
  info["hosts"] = {"https://a.example/", "http://b.example/shop/", "c.example"};
  info["resource_limits"] = {
      {"cpus", "0.25"}, {"memory", "64MiB"}, {"max_request_body_size", "1000"}};
  info["what nobody knows"] = {1, 2};
  const auto site = ReadSite(info.dump(), Need::kDeployment);
  REQUIRE(site.has_value());
  CHECK(site->id.value == 17);
  CHECK_FALSE(site->served);
  REQUIRE(site->hosts.size() == 3);
  CHECK(site->hosts[0].host.text() == "a.example");
  CHECK(site->hosts[1].path->text() == "/shop");
  CHECK(site->resources.cpus.count == 250'000'000);
  CHECK(site->resources.memory.count == std::int64_t{64} << 20);
  CHECK(site->resources.max_request_body.count == 1000);
  CHECK_FALSE(site->run.has_value());
}

TEST_CASE("What is removed need not be deployable, but has to be somebody") {
  json info = Info();
  info["hosts"] = {"a..b"};
  info["resource_limits"]["memory"] = "5 parsecs";
  const auto site = ReadSite(info.dump(), Need::kIdentity);
  REQUIRE(site.has_value());
  CHECK(site->id.value == 7);
  info["pk"] = 0;
  CHECK_FALSE(ReadSite(info.dump(), Need::kIdentity).has_value());
}

TEST_CASE("The limits of a build are those that an engine takes") {
  struct Case {
    const char* sentence;
    json limits;
    const char* place;  // null: good
  };
  const Case cases[] = {
      {"should take none", nullptr, nullptr},
      {"should take an end of all limits for swap",
       {{"memory", "64MiB"}, {"memswap", -1}},
       nullptr},
      {"should refuse less than an engine takes",
       {{"memory", 1000}},
       "body.resource_limits.memory"},
      {"should refuse less swap than memory",
       {{"memory", "64MiB"}, {"memswap", 5}},
       "body.resource_limits.memswap"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto call = ReadBuild(json{{"site", Info()}, {"resource_limits", c.limits}}.dump());
    CHECK(call.has_value() == (c.place == nullptr));
    if (!call) CHECK(Place(call.error().problems.front()) == c.place);
  }
}

TEST_CASE("The manager's stars are filled in, and its run file is run as a file") {
  json info = Info();
  info["runfile"] = "/site/private/start it.sh";
  info["db"] = {{"url", "postgres://x:***@db:5432/x"},
                {"name", "x"},
                {"username", "user"},
                {"password", "p/s"}};
  const auto site = ReadSite(info.dump(), Need::kDeployment);
  REQUIRE(site.has_value());
  CHECK(site->run == "#!/bin/sh\nexec '/site/private/start it.sh'\n");
  CHECK(site->database->url == "postgres://user:p%2fs@db:5432/x");
}

}  // namespace
}  // namespace orchestrator::director
