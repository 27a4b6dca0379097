#include "orchestrator/command/site_commands.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"

namespace orchestrator::command {
namespace {

using site::SiteId;
using store::Phase;
using store::SiteRecord;
using tests::MakeExternal;
using tests::MakeRecord;
using tests::MakeSite;

class Fixture {
 public:
  explicit Fixture(bool has_engine = true)
      : commands(*store, {tests::MakeRouteOptions(), has_engine, {"default", "other"}}) {}

  store::Revision document(std::string_view pool = site::kDefaultPool) {
    return *store->DocumentRevision(pool);
  }

  tests::TestStore store;
  SiteCommands commands;
};

TEST_CASE("Calls on what is not there are refused") {
  Fixture fixture;
  CHECK(fixture.commands.Patch({1}, "{}", {}).error().kind == ErrorKind::kNotFound);
  CHECK(fixture.commands.Remove({1}, {}).error().kind == ErrorKind::kNotFound);
  CHECK(fixture.commands.Replace(MakeSite(1), 5).error().kind == ErrorKind::kPrecondition);
  CHECK(fixture.store->commits().last() == 0);
}

TEST_CASE("Calls that expect another revision are refused and change nothing") {
  Fixture fixture;
  const auto made = fixture.commands.Create(MakeSite(1));
  REQUIRE(made.has_value());
  const store::Revision other = made->record.revision + 1;
  CHECK(fixture.commands.Replace(MakeSite(1, {"b.example"}), other).error().kind ==
        ErrorKind::kPrecondition);
  CHECK(fixture.commands.Patch({1}, R"({"served": false})", other).error().kind ==
        ErrorKind::kPrecondition);
  CHECK(fixture.commands.Remove({1}, other).error().kind == ErrorKind::kPrecondition);
  CHECK(fixture.store.Find(1) == made->record);
  CHECK(fixture.commands.Patch({1}, R"({"served": false})", made->record.revision).has_value());
}

TEST_CASE("A pool that there is not is refused at its place, one by one and in a batch") {
  Fixture fixture;
  site::Site site = MakeSite(1);
  site.routing.pool = "third";
  const auto created = fixture.commands.Create(site);
  REQUIRE_FALSE(created.has_value());
  CHECK(created.error().fields.at(0).pointer == "/routing/pool");
  const auto applied = fixture.commands.Apply({.upsert = {MakeSite(2), site}, .remove = {}});
  REQUIRE_FALSE(applied.has_value());
  CHECK(applied.error().fields.at(0).pointer == "/upsert/1/routing/pool");
  REQUIRE(fixture.commands.Create(MakeSite(1)));
  CHECK(fixture.commands.Patch({1}, R"({"routing": {"pool": "third"}})", {}).error().kind ==
        ErrorKind::kInvalid);
  CHECK(fixture.store.Find(1)->site.routing.pool == "default");
}

TEST_CASE("Only the documents of the pools that a site is in, or was in, are changed") {
  Fixture fixture;
  const auto first = fixture.commands.Create(MakeSite(1))->record.revision;
  site::Site site = MakeSite(2);
  site.routing.pool = "other";
  const auto second = fixture.commands.Create(site)->record.revision;
  CHECK(fixture.document() == first);
  CHECK(fixture.document("other") == second);
  const auto hosts = fixture.commands.Patch({2}, R"({"hosts": ["x.example"]})", {});
  CHECK(fixture.document() == first);
  CHECK(fixture.document("other") == hosts->record.revision);
  const auto moved = fixture.commands.Patch({2}, R"({"routing": {"pool": "default"}})", {});
  CHECK(fixture.document() == moved->record.revision);
  CHECK(fixture.document("other") == moved->record.revision);
  CHECK(moved->record.routes_revision == moved->record.revision);
  const auto removed = fixture.commands.Remove({2}, {});
  CHECK(fixture.document() == removed->record.revision);
  CHECK(fixture.document("other") == moved->record.revision);
}

TEST_CASE(
    "Where tasks are followed, a new site has none, and a change keeps those that are known") {
  tests::TestStore store;
  routing::RouteOptions options = tests::MakeRouteOptions();
  options.follow_tasks = true;
  SiteCommands commands(*store, {options, true, {"default"}});
  using Addresses = std::vector<std::string>;
  CHECK(commands.Create(MakeSite(1))->record.task_addresses == Addresses{});
  CHECK(commands.Create(MakeExternal(2))->record.task_addresses == std::nullopt);
  store::SiteRecord record = *store.Find(1);
  record.task_addresses = Addresses{"10.0.1.7"};
  REQUIRE(store->Write([&](store::Transaction& t) { return t.Put({&record, 1}); }));
  CHECK(commands.Patch({1}, R"({"hosts": ["x.example"]})", {})->record.task_addresses ==
        Addresses{"10.0.1.7"});
  CHECK(commands.Replace(MakeExternal(1), {})->record.task_addresses == std::nullopt);
  CHECK(commands.Replace(MakeSite(1), {})->record.task_addresses == Addresses{});
  CHECK(commands.Adopt({{MakeSite(3), true}}).has_value());
  CHECK(store.Find(3)->task_addresses == std::nullopt);
}

TEST_CASE("A taken id or host is a conflict at its place") {
  Fixture fixture;
  REQUIRE(fixture.commands.Create(MakeSite(1, {"a.example"})));
  const auto id = fixture.commands.Create(MakeSite(1, {"b.example"}));
  REQUIRE_FALSE(id.has_value());
  CHECK(id.error().kind == ErrorKind::kConflict);
  CHECK(id.error().fields.at(0).pointer == "/id");
  const auto host = fixture.commands.Create(MakeSite(2, {"b.example", "a.example"}));
  REQUIRE_FALSE(host.has_value());
  CHECK(host.error().kind == ErrorKind::kConflict);
  CHECK(host.error().fields.at(0).pointer == "/hosts/1");
}

TEST_CASE("Two sites cannot have all of one entry point for streams") {
  tests::TestStore store;
  SiteCommandOptions options{tests::MakeRouteOptions(), true};
  options.routes.stream_entry_points = {"db", "dns"};
  SiteCommands commands(*store, options);
  const auto with = [](std::int64_t id, const std::string& tcp, const std::string& udp) {
    site::Site site = MakeExternal(id);
    const std::string service = R"("services": {"s": {"loadBalancer": {"servers":
        [{"address": "a:1"}]}}})";
    site.routing.extra =
        fmt::format(R"j({{"tcp": {{"routers": {{"r": {{"rule": "HostSNI(`*`)", "service": "s",
                        "entryPoints": ["{0}"]}}}}, {2}}},
                    "udp": {{"routers": {{"r": {{"service": "s", "entryPoints": ["{1}"]}}}}, {2}}}}})j",
                    tcp, udp, service);
    return site;
  };
  REQUIRE(commands.Create(with(1, "db", "dns")));
  CHECK(store.Find(1)->streams == std::vector<std::string>{"tcp db", "udp dns"});
  const auto taken = commands.Create(with(2, "dns", "dns"));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().kind == ErrorKind::kConflict);
  CHECK(taken.error().fields.at(0).pointer == "/routing/extra");
  // TCP and UDP of one name are two things.
  CHECK(commands.Create(with(2, "dns", "db")));
  REQUIRE(commands.Patch({1}, R"({"routing": {"extra": null}})", {}));
  CHECK(commands.Create(with(3, "db", "dns")));
}

TEST_CASE("Without an engine only external sites are taken") {
  Fixture fixture(/*has_engine=*/false);
  CHECK(fixture.commands.Create(MakeSite(1)).error().fields.at(0).pointer == "/kind");
  CHECK(fixture.commands.Replace(MakeSite(1), {}).error().kind == ErrorKind::kInvalid);
  REQUIRE(fixture.commands.Create(MakeExternal(2)));
  CHECK(fixture.commands.Patch({2}, R"({"kind": "static", "upstreams": []})", {}).error().kind ==
        ErrorKind::kInvalid);
  const auto batch = fixture.commands.Apply({{MakeExternal(3), MakeSite(4)}, {}});
  REQUIRE_FALSE(batch.has_value());
  CHECK(batch.error().fields.at(0).pointer == "/upsert/1/kind");
  CHECK_FALSE(fixture.store.Find(3).has_value());
}

TEST_CASE("A site without an id gets the next one") {
  Fixture fixture;
  REQUIRE(fixture.commands.Create(MakeSite(7)));
  site::Site site = MakeSite(0, {"new.example"});
  const auto made = fixture.commands.Create(site);
  REQUIRE(made.has_value());
  CHECK(made->created);
  CHECK(made->record.site.id == SiteId{8});
}

TEST_CASE("A new site starts on the side that its mode says") {
  Fixture fixture;
  CHECK(fixture.commands.Create(MakeSite(1))->record.phase == Phase::kProvider);
  CHECK(fixture.document() == 1);
  tests::SetDefaultMode(*fixture.store, "labels");
  CHECK(fixture.commands.Create(MakeSite(2))->record.phase == Phase::kLabels);
  CHECK(fixture.commands.Create(MakeExternal(3))->record.phase == Phase::kProvider);
  site::Site own = MakeSite(4);
  own.routing.mode = site::RoutingMode::kProvider;
  CHECK(fixture.commands.Create(own)->record.phase == Phase::kProvider);
}

TEST_CASE("The document changes only when its routes do") {
  struct Case {
    const char* sentence;
    const char* patch;
    Phase phase;
    bool changes;
  };
  const Case cases[] = {
      {"should not for another image", R"({"image": "x"})", Phase::kProvider, false},
      {"should not for nothing", "{}", Phase::kProvider, false},
      {"should for another host", R"({"hosts": ["new.example"]})", Phase::kProvider, true},
      {"should when it is not served any more", R"({"served": false})", Phase::kProvider, true},
      {"should not for a host in labels", R"({"hosts": ["new.example"]})", Phase::kLabels, false},
      {"should while the site is on both sides", R"({"hosts": ["new.example"]})", Phase::kToLabels,
       true},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    Fixture fixture;
    const store::Revision first = fixture.store.Put({MakeRecord(MakeSite(1), c.phase)});
    const auto patched = fixture.commands.Patch({1}, c.patch, {});
    REQUIRE(patched.has_value());
    CHECK_FALSE(patched->created);
    CHECK(patched->record.revision == first + 1);
    CHECK(patched->record.phase == c.phase);
    CHECK(fixture.document() == (c.changes ? first + 1 : first));
  }
}

TEST_CASE("Replace creates what is not there and replaces what is") {
  Fixture fixture;
  CHECK(fixture.commands.Replace(MakeSite(1), {})->created);
  const auto replaced = fixture.commands.Replace(MakeSite(1, {"b.example"}), {});
  REQUIRE(replaced.has_value());
  CHECK_FALSE(replaced->created);
  CHECK(fixture.store.Find(1)->site == MakeSite(1, {"b.example"}));
}

TEST_CASE(
    "What the swarm took back is tried again when it is ordered again, not by other changes") {
  Fixture fixture;
  SiteRecord record = MakeRecord(MakeSite(1));
  record.refused_task = "refused";
  fixture.store.Put({record});
  REQUIRE(fixture.commands.Patch({1}, R"({"served": false})", {}).has_value());
  CHECK(fixture.store.Find(1)->refused_task == "refused");
  REQUIRE(fixture.commands.Replace(MakeSite(1), {}).has_value());
  CHECK(fixture.store.Find(1)->refused_task.empty());
  fixture.store.Put({record});
  REQUIRE(fixture.commands.Deploy(MakeSite(1)).has_value());
  CHECK(fixture.store.Find(1)->refused_task.empty());
  fixture.store.Put({record});
  REQUIRE(fixture.commands.Restart({1}).has_value());
  CHECK(fixture.store.Find(1)->refused_task.empty());
}

TEST_CASE("A site that becomes external leaves its labels for the document at once") {
  Fixture fixture;
  fixture.store.Put({MakeRecord(MakeSite(1), Phase::kLabels)});
  const auto replaced = fixture.commands.Replace(MakeExternal(1), {});
  REQUIRE(replaced.has_value());
  CHECK(replaced->record.phase == Phase::kProvider);
  CHECK(replaced->record.followed == site::RoutingMode::kProvider);
  CHECK(fixture.document() == 2);
  // Back again it is as a new one.
  tests::SetDefaultMode(*fixture.store, "labels");
  CHECK(fixture.commands.Replace(MakeSite(1), {})->record.followed == site::RoutingMode::kLabels);
}

TEST_CASE("An external site may choose labels where they can say its routes") {
  Fixture fixture;
  site::Site site = MakeExternal(1);
  site.routing.mode = site::RoutingMode::kLabels;
  CHECK(fixture.commands.Create(site)->record.phase == Phase::kLabels);
  site.upstreams.push_back("http://10.0.0.2:8080");
  const auto refused = fixture.commands.Replace(site, {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().fields.at(0).pointer == "/routing/mode");
  CHECK(fixture.store.Find(1)->site.upstreams.size() == 1);
}

TEST_CASE("A removed site is gone for clients, its routes at once and its host free") {
  Fixture fixture;
  REQUIRE(fixture.commands.Create(MakeSite(1, {"a.example"})));
  const auto removed = fixture.commands.Remove({1}, {});
  REQUIRE(removed.has_value());
  CHECK(removed->record.removing);
  CHECK(removed->record.routes_revision == 2);
  CHECK(fixture.document() == 2);
  CHECK(fixture.store.Find(1)->removing);
  CHECK(fixture.commands.Remove({1}, {}).error().kind == ErrorKind::kNotFound);
  CHECK(fixture.commands.Patch({1}, "{}", {}).error().kind == ErrorKind::kNotFound);
  CHECK(fixture.commands.Create(MakeSite(2, {"a.example"})).has_value());
  const auto again = fixture.commands.Create(MakeSite(1, {"b.example"}));
  REQUIRE(again.has_value());
  CHECK(again->created);
  CHECK_FALSE(fixture.store.Find(1)->removing);
}

TEST_CASE("A batch is done whole or not at all") {
  Fixture fixture;
  REQUIRE(fixture.commands.Create(MakeSite(1, {"a.example"})));
  const auto failed =
      fixture.commands.Apply({{MakeSite(2), MakeSite(3, {"c.example", "a.example"})}, {}});
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().kind == ErrorKind::kConflict);
  CHECK(failed.error().fields.at(0).pointer == "/upsert/1/hosts/1");
  CHECK_FALSE(fixture.store.Find(2).has_value());

  // The host of a site that goes in the same batch is free, and who is gone already is no error.
  const auto done = fixture.commands.Apply({{MakeSite(3, {"a.example"})}, {SiteId{1}, SiteId{9}}});
  REQUIRE(done.has_value());
  CHECK(done->created == 1);
  CHECK(done->updated == 0);
  CHECK(done->removed == 1);
  CHECK(done->revision == 2);
  CHECK(fixture.document() == 2);
}

TEST_CASE("Sites swap hosts in one batch") {
  Fixture fixture;
  REQUIRE(fixture.commands.Apply({{MakeSite(1, {"a.example"}), MakeSite(2, {"b.example"})}, {}}));
  const auto swapped =
      fixture.commands.Apply({{MakeSite(1, {"b.example"}), MakeSite(2, {"a.example"})}, {}});
  REQUIRE(swapped.has_value());
  CHECK(swapped->updated == 2);
}

TEST_CASE("A new site passes over ids whose services are somebody else's") {
  tests::TestStore store;
  SiteCommands commands(*store, {tests::MakeRouteOptions(), true, {"default"}, [](site::SiteId id) {
                                   return id.value < 3;
                                 }});
  CHECK(commands.Create(MakeSite(0))->record.site.id.value == 3);
}

TEST_CASE("A service that was taken over keeps its tasks only until its site becomes another") {
  Fixture fixture;
  REQUIRE(fixture.commands.Adopt({{MakeSite(1), true, "site_0001", {}}}));
  CHECK(fixture.store.Find(1)->takes_over);
  CHECK(fixture.store.Find(1)->built_image == "site_0001");
  REQUIRE(fixture.commands.Patch({1}, R"({"hosts": ["x.example"]})", {}));
  CHECK_FALSE(fixture.store.Find(1)->adopted_task.empty());
  REQUIRE(fixture.commands.Patch({1}, R"({"environment": {"A": "1"}})", {}));
  REQUIRE(fixture.commands.Patch({1}, R"({"environment": {"A": null}})", {}));
  CHECK(fixture.store.Find(1)->adopted_task.empty());
}

}  // namespace
}  // namespace orchestrator::command
