#include "provider/document_state.h"

#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "provider/assembly.h"
#include "provider/fragment_text.h"
#include "tests/provider/fragments.h"

namespace provider {
namespace {

using tests::HostFragment;
using Keys = std::vector<std::uint64_t>;

Assembly MakeAssembly() {
  return {{"probe.invalid", "X-Probe", "secret", "X-Revision"},
          {"web"},
          {"certificate", "key"},
          Assembly::Routers::kFlat};
}

DocumentState Built(Assembly& assembly) {
  assembly.Build(1);
  return assembly.State();
}

TEST_CASE("States differ in the fragments that were added, removed and changed") {
  Assembly assembly = MakeAssembly();
  for (const std::uint64_t key : {1, 2, 3, 64, 1000}) assembly.Set(key, HostFragment("a", key));
  const DocumentState before = Built(assembly);
  CHECK(before.CountFragments() == 5);
  CHECK(before.Keys() == Keys{1, 2, 3, 64, 1000});

  assembly.Set(2, HostFragment("b", 2));
  assembly.Set(4, HostFragment("a", 4));
  assembly.Set(5000, HostFragment("a", 5000));
  assembly.Remove(3);
  assembly.Remove(1000);
  const DocumentState after = Built(assembly);
  CHECK(Compare(before, after) == Difference{{4, 5000}, {3, 1000}, {2}});
  CHECK(Compare(after, before) == Difference{{3, 1000}, {4, 5000}, {2}});
  CHECK(Compare(after, after) == Difference{});
  CHECK(Compare({}, after).added == after.Keys());
  CHECK(Compare(after, {}).removed == after.Keys());

  // What was is not touched.
  CHECK(before.CountFragments() == 5);
  REQUIRE(before.Find(2) != nullptr);
  CHECK(*before.Find(2) == HostFragment("a", 2));
  CHECK(before.Find(4) == nullptr);
  CHECK(before.Find(70) == nullptr);
  CHECK(before.Find(9999) == nullptr);
}

TEST_CASE("A change leaves the shards of others shared, and one back and forth is no difference") {
  Assembly assembly = MakeAssembly();
  for (std::uint64_t key = 0; key < 300; ++key) assembly.Set(key, HostFragment("a", key));
  const DocumentState before = Built(assembly);
  assembly.Set(70, HostFragment("b", 70));
  const DocumentState between = Built(assembly);
  std::size_t shared = 0;
  for (std::size_t i = 0; i < before.shards.size(); ++i) {
    shared += before.shards[i].fragments == between.shards[i].fragments ? 1 : 0;
  }
  CHECK(shared == before.shards.size() - 1);
  assembly.Set(70, HostFragment("a", 70));
  CHECK(Compare(before, Built(assembly)) == Difference{});
}

TEST_CASE("The difference of random states is that of their keys and fragments") {
  std::mt19937 random(7);
  Assembly assembly = MakeAssembly();
  std::map<std::uint64_t, std::uint32_t> model;
  DocumentState before = Built(assembly);
  for (int round = 0; round < 200; ++round) {
    const auto old = model;
    for (unsigned i = 0; i < random() % 20; ++i) {
      const std::uint64_t key = random() % 400;
      if (random() % 3 == 0) {
        assembly.Remove(key);
        model.erase(key);
      } else {
        const auto version = static_cast<std::uint32_t>(random() % 3);
        assembly.Set(key, HostFragment("v" + std::to_string(version), key));
        model[key] = version;
      }
    }
    Difference expected;
    for (const auto& [key, version] : model) {
      if (!old.contains(key)) expected.added.push_back(key);
      if (old.contains(key) && old.at(key) != version) expected.changed.push_back(key);
    }
    for (const auto& [key, version] : old) {
      if (!model.contains(key)) expected.removed.push_back(key);
    }
    const DocumentState after = Built(assembly);
    CHECK(Compare(before, after) == expected);
    before = after;
  }
}

TEST_CASE("Fragments become a text and are read again as they were") {
  Fragments fragments;
  fragments[3] = std::make_shared<const traefik::Fragment>(HostFragment("\"quoted\"\n", 3));
  traefik::Fragment full;
  full.routers = {{.name = "r",
                   .body = R"j("rule":"Host(`a`)")j",
                   .rule = "Host(`a`)",
                   .old_syntax = true,
                   .priority = -1000,
                   .parents = {"p", "q"},
                   .middlewares = R"("m","n")",
                   .entry_points = {"web"},
                   .tls = "{}",
                   .tls_options = "o@file",
                   .tls_domains = "{}",
                   .has_resolver = true,
                   .observability = "{}"}};
  full.services = R"("s":{})";
  full.servers_transports = R"("t":{})";
  full.middlewares = {{"m", "{}"}};
  full.others = {{"tcp/routers", R"("x":{})"}};
  fragments[77] = std::make_shared<const traefik::Fragment>(full);
  const std::string text = FragmentsToText(fragments);
  const auto read = ParseFragments(text);
  REQUIRE(read.has_value());
  REQUIRE(read->size() == 2);
  CHECK(*read->at(3) == *fragments.at(3));
  CHECK(*read->at(77) == full);
  CHECK(FragmentsToText(*read) == text);
}

TEST_CASE("A text that holds no fragments is refused") {
  for (const char* text : {"", "{}x", "[[1]]", R"([[1, {}]])", R"([["a", {"routers": []}]])",
                           R"([[1, {"routers": [{"name": 1}]}]])"}) {
    INFO(text);
    CHECK_FALSE(ParseFragments(text).has_value());
  }
}

}  // namespace
}  // namespace provider
