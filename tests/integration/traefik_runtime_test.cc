// What Traefik takes and then does not use, because it cannot be built or points to nothing: our
// check of whole configurations against the real one's verdict on every object.
#include <optional>
#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/configuration_generator.h"
#include "tests/support/verdict_traefik.h"
#include "traefik/check/configuration_check.h"
#include "traefik/codec/decoder.h"

namespace tests {
namespace {

using nlohmann::json;
using traefik::codec::Problems;

// Texts that some option takes and others do not.
ConfigurationGenerator::Values Values() {
  return {{"a",
           "",
           "x y",
           "http://10.0.0.1",
           "http://a b",
           "http://a:xx",
           "10.0.0.1:80",
           "/p",
           "^/(.*)",
           "(",
           "10.0.0.1",
           "10.0.0.0/8",
           "1.2.3.4/33",
           "::1",
           "500",
           "400-499",
           "5xx",
           "gzip",
           "deflate",
           "text/html",
           "a/b; c",
           "user:hash",
           "user:realm:hash",
           "NetworkErrorRatio() > 0.5",
           "LatencyAtQuantileMS(50) > 100",
           "IsNetworkError() && Attempts() < 2",
           "Attempts() <",
           "https",
           "wrr",
           "p2c",
           "s",
           "h",
           "gone"},
          {-1, 0, 1, 2, 64, 129, 404, 1000}};
}

// What cannot be judged from here: files and certificates on Traefik's machine, plugins, others
// whom it calls.
void DropWhatIsElsewhere(json& value) {
  if (value.is_array()) {
    for (json& item : value) DropWhatIsElsewhere(item);
  }
  if (!value.is_object()) return;
  for (const char* option :
       {"usersFile", "ca", "cert", "key", "rootCAs", "certificates", "plugin", "redis"}) {
    value.erase(option);
  }
  for (json& member : value) DropWhatIsElsewhere(member);
  for (auto member = value.begin(); member != value.end();) {
    const bool is_empty = member->is_structured() && member->empty();
    member = is_empty ? value.erase(member) : std::next(member);
  }
}

struct Family {
  json document;  // routers and all that they need
};

// The objects that families may need, by any name.
json Common(const std::string& protocol) {
  const bool http = protocol == "http";
  const json server = http ? json{{"url", "http://127.0.0.1:1"}} : json{{"address", "127.0.0.1:1"}};
  json common{{"services",
               {{"s", {{"loadBalancer", {{"servers", {server}}}}}},
                {"h", {{"loadBalancer", {{"servers", {server}}}}}}}}};
  if (protocol != "udp") common["services"]["h"]["loadBalancer"]["healthCheck"]["timeout"] = "5s";
  return {{protocol, common}};
}

json Router(const std::string& protocol, const std::string& service) {
  json router{{"service", service}, {"entryPoints", {protocol == "udp" ? "udp" : "web"}}};
  if (protocol == "http") router["rule"] = "Host(`a.example`)";
  if (protocol == "tcp") router["rule"] = "HostSNI(`*`)";
  return router;
}

// What we say of a document; nothing where it cannot even be decoded.
std::optional<std::string> Verdict(const json& document) {
  Problems problems;
  const auto value = traefik::codec::DecodeDocument(document.dump(), problems);
  if (!problems.errors.empty()) return std::nullopt;
  traefik::check::CheckConfiguration(value, problems);
  if (problems.errors.empty()) return "";
  return problems.errors.front().pointer + " " + problems.errors.front().detail;
}

// How many of the families Traefik uses, after both were asked for each.
std::size_t Compare(VerdictTraefik& traefik, const std::string& protocol,
                    const std::vector<Family>& families) {
  json document = Common(protocol);
  for (const Family& family : families) document.merge_patch(family.document);
  const json view = traefik.ViewOf(document);
  if (view.is_null()) FAIL(traefik.Log().substr(0, 2000));
  const char* const shown = protocol == "http"  ? "routers"
                            : protocol == "tcp" ? "tcpRouters"
                                                : "udpRouters";
  std::size_t used = 0;
  for (const Family& family : families) {
    json alone = Common(protocol);
    alone.merge_patch(family.document);
    const auto verdict = Verdict(alone);
    REQUIRE(verdict);
    INFO(family.document.dump());
    INFO("we: " << *verdict);
    bool works = true;
    for (const auto& [name, unused] : family.document.at(protocol).at("routers").items()) {
      // A router below others that cannot be is left out.
      const json router = view.at(shown).value(name + "@http", json::object());
      UNSCOPED_INFO("Traefik: " << router.dump());
      works = works && router.value("status", "") == "enabled";
    }
    CHECK(verdict->empty() == works);
    used += works ? 1 : 0;
  }
  return used;
}

std::vector<Family> Middlewares(const std::string& protocol, unsigned count) {
  std::vector<Family> families;
  for (unsigned seed = 1; seed <= count; ++seed) {
    ConfigurationGenerator generator(seed, Values());
    Family family;
    const std::string router_name = fmt::format("r{}", seed);
    const std::string middleware = fmt::format("m{}", seed);
    json generated =
        json::parse(traefik::codec::ToJson(generator.Object(protocol, "middlewares", middleware)));
    DropWhatIsElsewhere(generated);
    if (generated.is_null() || generated.empty()) continue;
    if (protocol == "tcp") {
      // Of several kinds Traefik takes one without a word; that we refuse.
      json& kinds = generated[protocol]["middlewares"][middleware];
      while (kinds.size() > 1) kinds.erase(kinds.begin());
    }
    family.document = std::move(generated);
    json router = Router(protocol, "s");
    router["middlewares"] = {middleware};
    family.document[protocol]["routers"][router_name] = std::move(router);
    json alone = Common(protocol);
    alone.merge_patch(family.document);
    if (Verdict(alone)) families.push_back(std::move(family));
  }
  return families;
}

std::vector<Family> Services(const std::string& protocol, unsigned count) {
  std::vector<Family> families;
  for (unsigned seed = 1; seed <= count; ++seed) {
    ConfigurationGenerator generator(seed, Values());
    Family family;
    const std::string router_name = fmt::format("r{}", seed);
    const std::string service = fmt::format("m{}", seed);
    json generated =
        json::parse(traefik::codec::ToJson(generator.Object(protocol, "services", service)));
    DropWhatIsElsewhere(generated);
    if (generated.is_null() || generated.empty()) continue;
    json& object = generated[protocol]["services"][service];
    object.erase("middlewares");
    // Names that lead somewhere more often than texts at random do.
    constexpr const char* kNames[] = {"s", "h", "s", "h", "gone", ""};
    for (json& kind : object) {
      for (const char* option : {"service", "fallback"}) {
        if (kind.contains(option)) kind[option] = kNames[generator.Choose(std::size(kNames))];
      }
      for (const char* option : {"services", "mirrors"}) {
        if (!kind.contains(option)) continue;
        for (json& part : kind[option]) {
          part["name"] = kNames[generator.Choose(std::size(kNames))];
        }
      }
      if (!kind.contains("servers")) {
        // Traefik does not look for what it does not need yet.
        for (const char* option : {"serversTransport", "proxyProtocol"}) kind.erase(option);
      } else if (protocol != "http") {
        for (json& server : kind["servers"]) server["address"] = "127.0.0.1:1";
      }
    }
    family.document = std::move(generated);
    family.document[protocol]["routers"][router_name] = Router(protocol, service);
    json alone = Common(protocol);
    alone.merge_patch(family.document);
    if (Verdict(alone)) families.push_back(std::move(family));
  }
  return families;
}

// Trees of routers, and what is none.
std::vector<Family> Trees(unsigned count) {
  std::vector<Family> families;
  for (unsigned seed = 1; seed <= count; ++seed) {
    std::mt19937 random(seed);
    const auto choose = [&](std::size_t n) {
      return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    Family family;
    json& routers = family.document["http"]["routers"];
    const std::size_t size = 1 + choose(3);
    for (std::size_t i = 0; i < size; ++i) {
      const bool is_broken = choose(12) == 0;
      json router;
      router["rule"] = fmt::format("Host(`s{}`", seed) + (is_broken ? "" : ")");
      // A child mostly has what children have, and a parent what parents have.
      const bool is_root = i + 1 == size;
      if (!is_root) router["parentRefs"] = {fmt::format("r{}-{}", seed, i + 1)};
      if (i == 0 || choose(8) == 0) router["service"] = choose(10) == 0 ? "gone" : "s";
      if (is_root || choose(8) == 0) router["entryPoints"] = {"web"};
      if (choose(8) == 0) router["tls"]["options"] = choose(2) == 0 ? "gone" : "default";
      if (choose(8) == 0) router["middlewares"] = {choose(2) == 0 ? "gone" : "m"};
      if (choose(8) == 0) router["observability"]["metrics"] = false;
      routers[fmt::format("r{}-{}", seed, i)] = std::move(router);
    }
    family.document["http"]["middlewares"]["m"]["compress"]["minResponseBodyBytes"] = 5;
    json alone = Common("http");
    alone.merge_patch(family.document);
    if (Verdict(alone)) families.push_back(std::move(family));
  }
  return families;
}

// Rules as people write them, and with something wrong.
std::string RuleAtRandom(std::mt19937& random, bool http, bool v2, int depth = 0) {
  const auto choose = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  constexpr const char* kHttp[] = {"Host",   "HostRegexp",  "Path",  "PathPrefix", "PathRegexp",
                                   "Method", "Header",      "Query", "ClientIP",   "HeaderRegexp",
                                   "host",   "QueryRegexp", "Foo",   "Headers",    "HeadersRegexp"};
  constexpr const char* kTcp[] = {"HostSNI", "HostSNIRegexp", "ClientIP", "ALPN", "hostsni", "Foo"};
  constexpr const char* kTexts[] = {"a.example",   "/a",          "*",   "10.0.0.0/8", "^a.*$",
                                    "(",           "{id:[0-9]+}", "GET", "X-A",        "",
                                    "b_c.example", "ünï.example", "{a",  "h2",         "/a b"};
  const auto argument = [&] {
    const std::string text = kTexts[choose(std::size(kTexts))];
    return choose(4) == 0 ? "\"" + text + "\"" : "`" + text + "`";
  };
  if (depth < 3 && choose(3) == 0) {
    std::string both = RuleAtRandom(random, http, v2, depth + 1) +
                       (choose(2) == 0 ? " && " : "||") + RuleAtRandom(random, http, v2, depth + 1);
    return choose(2) == 0 ? "(" + both + ")" : both;
  }
  std::string rule = choose(6) == 0 ? "!" : "";
  rule += http ? kHttp[choose(std::size(kHttp))] : kTcp[choose(std::size(kTcp))];
  rule += "(" + argument();
  for (std::size_t more = choose(8) == 0 ? 2 : choose(4) == 0 ? 1 : 0; more > 0; --more) {
    rule += ", " + argument();
  }
  rule += ")";
  const std::size_t at = choose(rule.size());
  if (choose(30) == 0 && static_cast<unsigned char>(rule[at]) < 0x80) rule.erase(at, 1);
  return rule;
}

TEST_CASE("the real Traefik takes the rules that we take, and no other") {
  VerdictTraefik traefik;
  for (const char* protocol : {"http", "tcp"}) {
    std::vector<Family> families;
    for (unsigned seed = 1; seed <= 2000; ++seed) {
      std::mt19937 random(seed);
      const bool http = std::string_view(protocol) == "http";
      const bool v2 = seed % 4 == 0;
      json router = Router(protocol, "s");
      router["rule"] = RuleAtRandom(random, http, v2);
      if (v2) router["ruleSyntax"] = "v2";
      if (!http) router["tls"]["passthrough"] = true;
      Family family;
      family.document[protocol]["routers"][fmt::format("r{}", seed)] = std::move(router);
      families.push_back(std::move(family));
    }
    const std::size_t used = Compare(traefik, protocol, families);
    CHECK(used > 200);
    CHECK(used + 200 < families.size());
  }
}

TEST_CASE("the real Traefik builds the HTTP middlewares that we take") {
  VerdictTraefik traefik;
  const auto families = Middlewares("http", 2000);
  CHECK(families.size() > 1000);
  const std::size_t used = Compare(traefik, "http", families);
  CHECK(used > 300);
  CHECK(used + 300 < families.size());
}

TEST_CASE("the real Traefik builds the HTTP services that we take") {
  VerdictTraefik traefik;
  const auto families = Services("http", 1500);
  CHECK(families.size() > 700);
  const std::size_t used = Compare(traefik, "http", families);
  CHECK(used > 150);
  CHECK(used + 150 < families.size());
}

TEST_CASE("the real Traefik drops the TLS options of which we warn") {
  VerdictTraefik traefik;
  json document = Common("http");
  document["tls"]["options"] = {{"o0", {{"minVersion", "VersionTLS12"}}},
                                {"o1", {{"minVersion", "VersionTLS13"}}}};
  json& routers = document["http"]["routers"];
  for (unsigned seed = 1; seed <= 300; ++seed) {
    ConfigurationGenerator generator(seed);
    json router = Router("http", "s");
    router["rule"] = generator.Choose(10) == 0
                         ? std::string("PathPrefix(`/`)")
                         : fmt::format("Host(`h{}.example`)", generator.Choose(150));
    if (generator.Choose(3) != 0) {
      router["tls"]["options"] = fmt::format("o{}", generator.Choose(2));
    } else {
      router["tls"]["options"] = "default";
    }
    routers[fmt::format("r{}", seed)] = std::move(router);
  }
  Problems problems;
  const auto value = traefik::codec::DecodeDocument(document.dump(), problems);
  traefik::check::CheckConfiguration(value, problems);
  REQUIRE(problems.errors.empty());
  std::set<std::string> warned;
  for (const auto& warning : problems.warnings) warned.insert(warning.pointer);
  const json view = traefik.ViewOf(document);
  if (view.is_null()) FAIL(traefik.Log().substr(0, 2000));
  std::size_t dropped = 0;
  for (const auto& [name, router] : routers.items()) {
    INFO(name << " " << router.dump());
    const bool is_dropped = view.at("routers").contains("web-conflicted-" + name + "@http");
    CHECK(warned.contains(fmt::format("/http/routers/{}/tls/options", name)) == is_dropped);
    dropped += is_dropped ? 1 : 0;
  }
  CHECK(dropped > 50);
  CHECK(dropped < 250);
}

TEST_CASE("the real Traefik builds the middlewares and services of TCP and UDP that we take") {
  VerdictTraefik traefik;
  CHECK(Compare(traefik, "tcp", Middlewares("tcp", 200)) > 20);
  CHECK(Compare(traefik, "tcp", Services("tcp", 400)) > 50);
  CHECK(Compare(traefik, "udp", Services("udp", 300)) > 50);
}

TEST_CASE("the real Traefik follows the trees of routers that we take") {
  VerdictTraefik traefik;
  const auto families = Trees(400);
  const std::size_t used = Compare(traefik, "http", families);
  CHECK(used > 50);
  CHECK(used + 50 < families.size());
}

}  // namespace
}  // namespace tests
