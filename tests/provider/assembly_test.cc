#include "provider/assembly.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "tests/provider/gunzip.h"
#include "traefik/codec/decoder.h"

namespace provider {
namespace {

using nlohmann::json;

const traefik::RevisionProbe kProbe{"probe.invalid", "X-Secret", "s", "X-Revision"};

Assembly MakeAssembly(Assembly::Routers routers = Assembly::Routers::kFlat) {
  return {kProbe, {"web"}, {"CERT", "KEY"}, routers};
}

traefik::Fragment Router(const std::string& name) {
  traefik::Configuration configuration;
  configuration.routers[name].rule = "Host(`" + name + "`)";
  configuration.routers[name].service = name;
  return traefik::RenderFragment(configuration);
}

TEST_CASE("Assembly says whether a fragment changes the document") {
  Assembly assembly = MakeAssembly();
  CHECK_FALSE(assembly.Remove(1));
  CHECK_FALSE(assembly.Set(1, {}));
  CHECK(assembly.Set(1, Router("a")));
  CHECK_FALSE(assembly.Set(1, Router("a")));
  CHECK(assembly.Set(1, Router("b")));
  CHECK(assembly.size() == 1);
  CHECK(assembly.Set(1, {}));
  CHECK(assembly.size() == 0);
  CHECK_FALSE(assembly.Remove(1));
}

TEST_CASE("Assembly gives the same bytes whatever the order of changes was") {
  Assembly forward = MakeAssembly();
  forward.Set(1, Router("a"));
  forward.Set(2, Router("b"));
  Assembly backward = MakeAssembly();
  backward.Set(2, Router("x"));
  backward.Set(3, Router("c"));
  backward.Set(2, Router("b"));
  backward.Set(1, Router("a"));
  backward.Remove(3);

  const auto first = forward.Build(5);
  const auto second = backward.Build(5);
  CHECK(*first->plain() == *second->plain());
  CHECK(*first->gzip() == *second->gzip());
  CHECK(first->etag() == second->etag());
}

TEST_CASE("A snapshot carries its revision in the document's probe") {
  Assembly assembly = MakeAssembly();
  const auto snapshot = assembly.Build(7);
  CHECK(snapshot->revision() == 7);
  const json document = json::parse(*snapshot->plain());
  CHECK(document["http"]["middlewares"]["orchestrator-probe"]["headers"]["customResponseHeaders"]
                ["X-Revision"] == "7");
  CHECK(document["http"]["routers"]["orchestrator-probe"]["entryPoints"] == json{"web"});
  CHECK(document["tls"]["stores"]["default"]["defaultCertificate"]["keyFile"] == "KEY");
  CHECK(assembly.Build(8)->etag() != snapshot->etag());
}

// What Traefik reads of the bytes.
traefik::codec::Value Decoded(const std::string& text) {
  traefik::codec::Problems problems;
  const auto value = traefik::codec::DecodeDocument(text, problems);
  for (const auto& error : problems.errors) UNSCOPED_INFO(error.pointer << " " << error.detail);
  CHECK(problems.errors.empty());
  return value;
}

TEST_CASE("A snapshot says the same in all of its forms") {
  for (const std::uint64_t count : {1, 127, 128, 256, 257, 700}) {
    INFO(count);
    Assembly assembly = MakeAssembly();
    for (std::uint64_t key = 1; key <= count; ++key) {
      assembly.Set(key, Router("h" + std::to_string(key)));
    }
    const auto snapshot = assembly.Build(1);
    CHECK((snapshot->form() == traefik::Form::kMerged) == (count > 256));
    CHECK(snapshot->plain()->contains("<<") == (count > 256));
    CHECK(snapshot->plain_size() == snapshot->plain()->size());
    CHECK(tests::Gunzip(*snapshot->gzip()).text == *snapshot->plain());
    using Encoding = Snapshot::Encoding;
    const auto as_json = snapshot->BytesOf(traefik::Form::kJson, Encoding::kPlain);
    CHECK(tests::Gunzip(*snapshot->BytesOf(traefik::Form::kJson, Encoding::kGzip)).text ==
          *as_json);
    CHECK(json::parse(*as_json)["http"]["routers"].size() == count + 1);
    CHECK(Decoded(*as_json) == Decoded(*snapshot->plain()));
  }
}

// Fragments with everything that there can be, some of it shared.
traefik::Fragment FragmentAtRandom(std::mt19937& random, std::uint64_t key) {
  const auto choose = [&](unsigned n) { return std::uniform_int_distribution(0U, n - 1)(random); };
  traefik::Fragment fragment = Router("h" + std::to_string(key) + "-" + std::to_string(choose(3)));
  if (choose(3) == 0) {
    fragment.services =
        "\"s" + std::to_string(key) + R"(":{"loadBalancer":{"passHostHeader":true}})";
  }
  if (choose(3) == 0) {
    const std::string bytes = std::to_string(choose(5));
    fragment.middlewares["limit-" + bytes] =
        R"({"buffering":{"maxRequestBodyBytes":)" + bytes + "}}";
  }
  if (choose(9) == 0) {
    fragment.servers_transports = "\"t" + std::to_string(key) + R"(":{"insecureSkipVerify":true})";
  }
  if (choose(9) == 0) {
    fragment.others["tls/options"] = "\"o" + std::to_string(key) + R"(":{"sniStrict":true})";
  }
  if (choose(9) == 0) fragment.others["tls/certificates"] = R"({"certFile":"c","keyFile":"k"})";
  return fragment;
}

TEST_CASE("A document depends on the fragments only, not on the way to them") {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    INFO(seed);
    std::mt19937 random(seed);
    const auto routers = seed % 2 == 0 ? Assembly::Routers::kTree : Assembly::Routers::kFlat;
    Assembly changed = MakeAssembly(routers);
    std::map<std::uint64_t, traefik::Fragment> wanted;
    const auto choose = [&](unsigned n) {
      return std::uniform_int_distribution(0U, n - 1)(random);
    };
    for (int step = 0; step < 1'000; ++step) {
      const std::uint64_t key = choose(600);
      if (choose(4) == 0) {
        changed.Remove(key);
        wanted.erase(key);
      } else {
        wanted[key] = FragmentAtRandom(random, key);
        changed.Set(key, wanted[key]);
      }
      // Sometimes somebody looks in between, and sees a small document or a large one.
      if (choose(50) == 0) changed.Build(step);
    }
    Assembly fresh = MakeAssembly(routers);
    std::vector<std::uint64_t> keys;
    for (const auto& [key, fragment] : wanted) keys.push_back(key);
    std::ranges::shuffle(keys, random);
    for (const std::uint64_t key : keys) fresh.Set(key, wanted[key]);
    const auto one = changed.Build(7);
    const auto other = fresh.Build(7);
    CHECK(*one->plain() == *other->plain());
    CHECK(*one->gzip() == *other->gzip());
    CHECK(one->etag() == other->etag());
    CHECK(changed.size() == wanted.size());
    Decoded(*one->plain());
  }
}

TEST_CASE("Routers of a large document are a tree, and flat again when it is small") {
  Assembly assembly = MakeAssembly(Assembly::Routers::kTree);
  for (std::uint64_t key = 1; key <= 256; ++key) {
    assembly.Set(key, Router("h" + std::to_string(key)));
  }
  const auto small = assembly.Build(1);
  CHECK_FALSE(small->plain()->contains("parentRefs"));
  assembly.Set(257, Router("h257"));
  const auto large = Decoded(*assembly.Build(1)->plain());
  const auto& routers = traefik::codec::ObjectsOf(large, "http", "routers");
  const auto is_child = [](const auto& router) { return router.value.Find("parentRefs"); };
  CHECK(std::ranges::count_if(routers, is_child) >= 257);
  CHECK(traefik::codec::FindNamed(large, "http", "routers", "h257")->Find("parentRefs"));
  CHECK_FALSE(
      is_child(*std::ranges::find(routers, "orchestrator-probe", &traefik::codec::Member::name)));
  assembly.Remove(257);
  CHECK(*assembly.Build(1)->plain() == *small->plain());
}

TEST_CASE("A change leaves the bytes of other shards as they are") {
  Assembly assembly = MakeAssembly();
  for (std::uint64_t key = 1; key <= 1'000; ++key) assembly.Set(key, Router(std::to_string(key)));
  const auto before = assembly.Build(1);
  assembly.Set(500, Router("other"));
  const auto after = assembly.Build(1);
  const std::string& a = *before->gzip();
  const std::string& b = *after->gzip();
  const auto first = std::ranges::mismatch(a, b).in1 - a.begin();
  CHECK(first > std::ssize(a) / 4);
  const auto last = std::mismatch(a.rbegin() + 8, a.rend(), b.rbegin() + 8).first - a.rbegin();
  CHECK(last > std::ssize(a) / 4);
}

TEST_CASE("A snapshot stays as it is when the assembly changes") {
  Assembly assembly = MakeAssembly();
  assembly.Set(1, Router("a"));
  const auto before = assembly.Build(1);
  const std::string text = *before->plain();
  assembly.Set(1, Router("b"));
  const auto after = assembly.Build(2);
  CHECK(*before->plain() == text);
  CHECK(*after->plain() != text);
}

}  // namespace
}  // namespace provider
