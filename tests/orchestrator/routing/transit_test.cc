#include "orchestrator/routing/transit.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "orchestrator/site/codec.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"
#include "traefik/document.h"

namespace orchestrator::routing {
namespace {

using nlohmann::json;
using store::Phase;
using store::SiteRecord;
using tests::MakeRecord;
using tests::MakeSite;

json DocumentOf(const SiteRecord& record) {
  const auto fragment = DocumentFragment(record, tests::MakeRouteOptions()).value();
  const traefik::Fragment* const fragments[] = {&fragment};
  return json::parse(traefik::RenderDocument(fragments, std::nullopt))["http"];
}

std::int64_t PriorityOf(const json& router) {
  return router.contains("priority")
             ? router.at("priority").get<std::int64_t>()
             : static_cast<std::int64_t>(router.at("rule").get<std::string>().size());
}

SiteRecord RecordOf(const char* host, const char* path, Phase phase) {
  SiteRecord record = MakeRecord(MakeSite(1, {host}), phase);
  if (path) record.site.routing.path_prefix = traefik::PathPrefix::Parse(path).value();
  return record;
}

// The priority of the site's router in the document of a record in this phase.
std::int64_t DocumentPriority(const SiteRecord& record) {
  const json routers = DocumentOf(record)["routers"];
  for (const auto& [name, router] : routers.items()) {
    if (!name.contains("-check")) return PriorityOf(router);
  }
  return 0;
}

// The same of its labels.
std::int64_t LabelPriority(const SiteRecord& record) {
  RouteOptions options = tests::MakeRouteOptions();
  options.probe_labels = false;
  const auto labels = ServiceLabels(record, options);
  for (const auto& [key, value] : labels) {
    if (key.starts_with("traefik.http.routers.") && key.ends_with(".priority")) {
      return std::stoll(value);
    }
  }
  for (const auto& [key, value] : labels) {
    if (key.ends_with(".rule")) return static_cast<std::int64_t>(value.size());
  }
  return 0;
}

TEST_CASE("The side that a site comes from goes before the other one") {
  for (const char* const host : {"a.example", "*.b.example"}) {
    for (const char* const path : {static_cast<const char*>(nullptr), "/a", "/app"}) {
      INFO(host << (path ? path : ""));
      const auto settled = DocumentPriority(RecordOf(host, path, Phase::kProvider));
      CHECK(LabelPriority(RecordOf(host, path, Phase::kLabels)) == settled);
      const SiteRecord to_provider = RecordOf(host, path, Phase::kToProvider);
      CHECK(LabelPriority(to_provider) == settled);
      CHECK(DocumentPriority(to_provider) == settled - 1);
      SiteRecord to_labels = RecordOf(host, path, Phase::kToLabels);
      CHECK(LabelPriority(to_labels) == settled - 1);
      CHECK(DocumentPriority(to_labels) == settled);
      // Labels of others stay as they are, so the document goes up.
      to_labels.adopted_labels = {{"traefik.http.routers.x.rule", "Host(`a.example`)"}};
      CHECK(DocumentPriority(to_labels) == settled + 1);
    }
  }
}

TEST_CASE("On their way, sites compare with others as they did before") {
  struct Case {
    const char* sentence;
    const char* first_host;
    const char* first_path;
    const char* second_host;
    const char* second_path;
  };
  const std::string longest = "/" + std::string(254, 'a');
  const Case cases[] = {
      {"a longer path goes first", "a.example", "/abc", "a.example", "/ab"},
      {"a path goes before the whole host", "a.example", "/a", "a.example", nullptr},
      {"an exact host goes before a wildcard", "a.b.example", nullptr, "*.b.example", nullptr},
      {"a wildcard's path goes before its whole", "*.b.example", "/a", "*.b.example", nullptr},
      {"an exact host goes before any path of a wildcard", "a.b.example", nullptr, "*.b.example",
       longest.c_str()},
  };
  for (const Case& c : cases) {
    std::vector<std::int64_t> first;
    std::vector<std::int64_t> second;
    for (const Phase phase :
         {Phase::kLabels, Phase::kToProvider, Phase::kProvider, Phase::kToLabels}) {
      for (auto [host, path, priorities] : {std::tuple{c.first_host, c.first_path, &first},
                                            std::tuple{c.second_host, c.second_path, &second}}) {
        const SiteRecord record = RecordOf(host, path, phase);
        if (InDocument(phase)) priorities->push_back(DocumentPriority(record));
        if (HasLabels(phase)) priorities->push_back(LabelPriority(record));
      }
    }
    INFO(c.sentence);
    CHECK(std::ranges::min(first) > std::ranges::max(second));
  }
}

TEST_CASE("A priority never becomes 0, which would be the length of the rule") {
  SiteRecord record = MakeRecord(MakeSite(1, {"a.example"}), Phase::kToProvider);
  record.site.routing.extra = R"j({"http": {"routers": {
      "last": {"rule": "Host(`a.example`) && Path(`/x`)", "service": "site", "priority": 1}}}})j";
  CHECK(DocumentOf(record)["routers"]["site_0001-x-last"]["priority"] == -1);
}

TEST_CASE("Routers of a site's extra are led like its own") {
  SiteRecord record = MakeRecord(MakeSite(1, {"a.example"}), Phase::kProvider);
  record.site.routing.extra = R"j({"http": {"routers": {
      "plain": {"rule": "Host(`a.example`) && Path(`/x`)", "service": "site"},
      "given": {"rule": "Host(`a.example`) && Path(`/y`)", "service": "site", "priority": 77}}}})j";
  const json before = DocumentOf(record)["routers"];
  record.phase = Phase::kToProvider;
  const json after = DocumentOf(record)["routers"];
  REQUIRE(before.size() == 3);
  REQUIRE(after.size() == 6);  // with those that check it
  for (const auto& [name, router] : before.items()) {
    INFO(name);
    CHECK(PriorityOf(after.at(name)) == PriorityOf(router) - 1);
    CHECK(after.at(name).at("rule") == router.at("rule"));
  }
}

TEST_CASE(
    "The new side of a site can be asked for with the probe's secret, which it does not see") {
  const json document = DocumentOf(MakeRecord(MakeSite(1, {"a.example"}), Phase::kToProvider));
  const json& check = document.at("routers").at("site_0001-check");
  const std::string secret =
      CheckSecret(MakeRecord(MakeSite(1, {"a.example"})), tests::MakeRouteOptions().probe);
  CHECK(check.at("rule") == "(Host(`a.example`)) && Header(`X-Secret`, `" + secret + "`)");
  CHECK(check.at("service") == "site_0001");
  CHECK(check.at("priority").get<int>() > 1'000'000);
  CHECK(check.at("middlewares").at(0) == "orchestrator-check");
  CHECK(document.at("middlewares").at("orchestrator-check") ==
        json::parse(R"({"headers": {"customRequestHeaders": {"X-Secret": ""},
                                   "customResponseHeaders": {"X-Orchestrator-Check": "yes"}}})"));

  const auto labels = ServiceLabels(MakeRecord(MakeSite(1, {"a.example"}), Phase::kToLabels),
                                    tests::MakeRouteOptions());
  CHECK(labels.at("traefik.http.routers.site_0001-check.rule") == check.at("rule"));
  CHECK(labels.at("traefik.http.routers.site_0001-check.service") == "site_0001");
  CHECK(
      labels.at("traefik.http.middlewares.orchestrator-check.headers.customrequestheaders.X-Secret")
          .empty());
  for (const auto& [key, value] : labels) {
    INFO(key);
    CHECK(OwnsLabel(key, {1}));
  }
}

TEST_CASE("A site's extra is tried with all that it adds") {
  SiteRecord record = MakeRecord(MakeSite(1, {"a.example"}), Phase::kToProvider);
  record.site.routing.extra = R"j({"http": {
      "middlewares": {"c": {"compress": {}}},
      "routers": {"site": {"middlewares": ["c"]},
                  "more": {"rule": "Host(`a.example`) && Path(`/x`)", "service": "site"},
                  "more-check": {"rule": "Host(`a.example`) && Path(`/y`)", "service": "site"}}}})j";
  const json routers = DocumentOf(record)["routers"];
  for (const char* const name : {"site_0001", "site_0001-x-more"}) {
    INFO(name);
    const json& own = routers.at(name);
    const json& check = routers.at(std::string(name).insert(9, "-check"));
    json middlewares = own.value("middlewares", json::array());
    middlewares.insert(middlewares.begin(), "orchestrator-check");
    CHECK(check.at("middlewares") == middlewares);
    CHECK(check.at("service") == own.at("service"));
  }
  CHECK(routers.at("site_0001-check-x-more").at("priority") >
        routers.at("site_0001-check").at("priority"));

  // No name that the extra has given.
  CHECK(routers.size() == 6);
  CHECK_FALSE(
      routers.at("site_0001-x-more-check").at("rule").get<std::string>().contains("Header"));

  record.phase = Phase::kToLabels;
  const auto labels = ServiceLabels(record, tests::MakeRouteOptions());
  CHECK(labels.at("traefik.http.routers.site_0001-check.middlewares")
            .starts_with("orchestrator-check,"));
  CHECK(labels.at("traefik.http.routers.site_0001-check.middlewares").contains("site_0001-x-c"));
  CHECK(labels.contains("traefik.http.routers.site_0001-check-x-more.rule"));
  for (const auto& [key, value] : labels) {
    INFO(key);
    CHECK(OwnsLabel(key, {1}));
  }
}

TEST_CASE("What lets into check routers is another for every site and revision") {
  const traefik::RevisionProbe probe = tests::MakeRouteOptions().probe;
  SiteRecord record = MakeRecord(MakeSite(1));
  const std::string first = CheckSecret(record, probe);
  CHECK_FALSE(first.contains(probe.secret));
  record.routes_revision = 1;
  CHECK(CheckSecret(record, probe) != first);
  CHECK(CheckSecret(MakeRecord(MakeSite(2)), probe) != first);
}

TEST_CASE("Nothing of a site's way is left when it is there") {
  for (const Phase phase : {Phase::kProvider, Phase::kToLabels}) {
    const json document = DocumentOf(MakeRecord(MakeSite(1), phase));
    CHECK_FALSE(document.at("routers").contains("site_0001-check"));
    CHECK_FALSE(document.at("middlewares").contains("orchestrator-check"));
  }
  for (const Phase phase : {Phase::kLabels, Phase::kToProvider}) {
    const auto labels = ServiceLabels(MakeRecord(MakeSite(1), phase), tests::MakeRouteOptions());
    CHECK_FALSE(labels.contains("traefik.http.routers.site_0001-check.rule"));
  }
}

TEST_CASE("Sites that the probe's entry points do not lead to are not asked for") {
  struct Case {
    const char* sentence;
    const char* patch;
    bool asked;
  };
  const Case cases[] = {
      {"should ask for a plain one", "{}", true},
      {"should not for one that is not served", R"({"served": false})", false},
      {"should not for one with TLS, without an entry point for that",
       R"({"routing": {"tls": {}}})", false},
      {"should not for one of other entry points", R"({"routing": {"entry_points": ["x"]}})",
       false},
      {"should for one that is there, too", R"({"routing": {"entry_points": ["x", "web"]}})", true},
      {"should for one with routers of its own",
       R"j({"routing": {"extra": {"http": {"middlewares": {"a": {"compress": {}}}}}}})j", true},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    const auto patched = site::Patch(MakeSite(1), c.patch);
    REQUIRE(patched.has_value());
    CHECK(IsChecked(MakeRecord(*patched, Phase::kToProvider), tests::MakeRouteOptions()) ==
          c.asked);
  }
}

}  // namespace
}  // namespace orchestrator::routing
