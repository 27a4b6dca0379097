// Our reading of documents and labels against the real Traefik's, whose API is the truth.
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/configuration_generator.h"
#include "tests/support/verdict_traefik.h"
#include "traefik/codec/decoder.h"
#include "traefik/codec/labels.h"
#include "traefik/schema/schema.h"
#include "traefik/swarm/service_routes.h"

namespace tests {
namespace {

using nlohmann::json;
using traefik::codec::Problems;
using traefik::codec::Source;
using traefik::schema::Kind;
using traefik::schema::Option;

// What the API shows of each kind of object, as "routers" → http, routers.
struct Shown {
  const char* view;
  const char* protocol;
  const char* kind;
};
constexpr Shown kShown[] = {
    {"routers", "http", "routers"},         {"services", "http", "services"},
    {"middlewares", "http", "middlewares"}, {"tcpRouters", "tcp", "routers"},
    {"tcpServices", "tcp", "services"},     {"tcpMiddlewares", "tcp", "middlewares"},
    {"udpRouters", "udp", "routers"},       {"udpServices", "udp", "services"},
};

bool IsNothing(const json& value) {
  return value.is_null() || value == false || value == 0 || value == "" || value == "0s" ||
         (value.is_array() && value.empty());
}

// The API leaves out zeroes that we keep, and the other way round: they are the same.
json WithoutNothings(const json& value) {
  if (value.is_object()) {
    json out = json::object();
    for (const auto& [key, member] : value.items()) {
      json inner = WithoutNothings(member);
      if (!IsNothing(inner)) out[key] = std::move(inner);
    }
    return out;
  }
  if (value.is_array()) {
    json out = json::array();
    for (const json& item : value) out.push_back(WithoutNothings(item));
    return out;
  }
  return value;
}

// What Traefik adds to an object while it runs is no part of its configuration: full names of
// middlewares, effective values. Links to routers that are not there are cut.
json WithoutRuntime(json object, const json& ours) {
  if (object.contains("middlewares")) {
    for (json& name : object["middlewares"]) {
      const std::string text = name;
      if (const auto at = text.rfind('@'); at != std::string::npos) name = text.substr(0, at);
    }
  }
  for (const char* key :
       {"status", "using", "usedBy", "serverStatus", "error", "provider", "name", "type"}) {
    object.erase(key);
  }
  for (const char* key : {"entryPoints", "priority", "observability", "rule", "service"}) {
    if (!ours.contains(key)) object.erase(key);
  }
  if (object.contains("observability")) {
    for (const char* key : {"accessLogs", "metrics", "tracing", "traceVerbosity"}) {
      if (!ours.at("observability").contains(key)) object["observability"].erase(key);
    }
  }
  return object;
}

// Every object that we have is shown alike. How many were compared.
std::size_t Compare(const json& ours, const json& view, const std::string& provider) {
  std::size_t count = 0;
  for (const Shown& shown : kShown) {
    const json::json_pointer place(fmt::format("/{}/{}", shown.protocol, shown.kind));
    if (!ours.contains(place)) continue;
    for (const auto& [name, object] : ours.at(place).items()) {
      INFO(shown.protocol << " " << shown.kind << " " << name << ": " << object.dump());
      const std::string qualified = name + "@" + provider;
      REQUIRE(view.contains(shown.view));
      REQUIRE(view.at(shown.view).contains(qualified));
      json wanted = WithoutNothings(object);
      wanted.erase("parentRefs");
      // The API never shows it.
      const json::json_pointer servers("/loadBalancer/servers");
      if (wanted.contains(servers)) {
        for (json& server : wanted[servers]) server.erase("port");
      }
      const json seen = WithoutRuntime(WithoutNothings(view.at(shown.view).at(qualified)), wanted);
      INFO("Traefik: " << seen.dump());
      CHECK(seen == wanted);
      ++count;
    }
  }
  return count;
}

json Decoded(const std::string& text) {
  Problems problems;
  const auto value = traefik::codec::DecodeDocument(text, problems);
  INFO(text.substr(0, 500));
  for (const auto& error : problems.errors) UNSCOPED_INFO(error.pointer << ": " << error.detail);
  REQUIRE(problems.errors.empty());
  return json::parse(traefik::codec::ToJson(value));
}

// One value of every option below this one, each as a document part of its own.
std::vector<json> ValuesOf(const Option& option, int depth = 0);

std::vector<json> ObjectsOf(const traefik::schema::Struct& type, int depth) {
  std::vector<json> objects;
  for (const Option& option : type.options) {
    if (depth > 6) break;
    for (json& value : ValuesOf(option, depth + 1)) {
      objects.push_back({{std::string(option.name), std::move(value)}});
    }
  }
  return objects;
}

std::vector<json> ValuesOf(const Option& option, int depth) {
  switch (option.kind) {
    case Kind::kText:
      return {"text"};
    case Kind::kFlag:
      return {true};
    case Kind::kNumber:
      return {7};
    case Kind::kTime:
      return {"1m30s"};
    case Kind::kTexts:
      return {json::array({"one", "two"})};
    case Kind::kTextMap:
      return {{{"X-Key", "value"}}};
    case Kind::kNumberMap:
      return {{{"404", 503}}};
    case Kind::kPlugins:
      return {{{"p", {{"key", "value"}}}}};
    case Kind::kAnything:
      return {"text"};
    case Kind::kOne: {
      auto objects = ObjectsOf(*option.type, depth);
      if (option.may_be_empty) objects.push_back(json::object());
      return objects;
    }
    case Kind::kMany: {
      std::vector<json> lists;
      for (json& object : ObjectsOf(*option.type, depth)) {
        lists.push_back(json::array({std::move(object)}));
      }
      return lists;
    }
    case Kind::kNamed: {
      std::vector<json> maps;
      for (json& object : ObjectsOf(*option.type, depth)) {
        maps.push_back({{"n", std::move(object)}});
      }
      return maps;
    }
  }
  return {};
}

TEST_CASE("the real Traefik knows every option of the schema, and reads it as we do") {
  VerdictTraefik traefik;
  json document;
  std::size_t options = 0;
  for (const Option& protocol : traefik::schema::Configuration().options) {
    for (const Option& kind : protocol.type->options) {
      if (kind.kind == Kind::kNamed) {
        for (json& object : ObjectsOf(*kind.type, 0)) {
          // TLS options that cannot be built would only be logged.
          document[protocol.name][kind.name][fmt::format("o{}", options++)] = std::move(object);
        }
      } else {
        for (json& value : ValuesOf(kind)) {
          json& place = document[protocol.name][kind.name];
          if (value.is_array()) {
            if (place.is_null()) place = json::array();
            place.insert(place.end(), value.begin(), value.end());
          } else {
            place = std::move(value);
          }
          ++options;
        }
      }
    }
  }
  CHECK(options > 400);
  const json view = traefik.ViewOf(document);
  if (view.is_null()) FAIL(traefik.Log().substr(0, 2000));
  CHECK(Compare(Decoded(document.dump()), view, "http") > 300);
}

TEST_CASE("the real Traefik refuses what we refuse in documents, and takes what we take") {
  VerdictTraefik traefik;
  const char* texts[] = {
      // Both refuse these.
      R"({"http": {"routers": {"a": {"rul": "x"}}}})",
      R"({"http": {"routers": {}}})",
      R"({"http": {"routers": {"a": null}}})",
      R"({"http": {"middlewares": {"m": {"retry": {}}}}})",
      R"({"http": {"routers": {"a": {"rule": {"x": "y"}}}}})",
      R"({"http": {"routers": {"a": {"priority": "high"}}}})",
      R"({"http": {"routers": {"a": {"priority": 1.5}}}})",
      R"({"http": {"services": {"s": {"loadBalancer": {"passHostHeader": "yes"}}}}})",
      R"({"http": {"routers": {"a": {"middlewares": [null]}}}})",
      R"({"http": {"routers": {"a": {}, "a": {}}}})",
      R"({"http": {"routers": {"a": {"rule": "\/"}}}})",
      R"({"http": {"routers": {"a": {"rule": "\ud83d\ude00"}}}})",
      "{\"http\": {\"routers\": {\"a\": {\"rule\": \"\x7f\"}}}}",
      R"({"http": {"services": {"s": {"weighted": {"sticky": {}}}}}})",
      // Both take these.
      R"({"http": {"routers": {"a": {"tls": 1, "entryPoints": "b,c", "PRIORITY": "+7"}}}})",
      R"({"http": {"services": {"s": {"loadBalancer": {"sticky": {}}}}}, "x": 5})",
      "http:\n  routers:\n    <<: [{a: {rule: x}}, {b: {rule: 1.10}}]\n",
  };
  for (const char* text : texts) {
    INFO(text);
    Problems problems;
    traefik::codec::DecodeDocument(text, problems);
    CHECK(traefik.Takes(text) == problems.errors.empty());
  }
}

TEST_CASE("the real Traefik reads generated documents as we do") {
  VerdictTraefik traefik;
  json document;
  for (unsigned seed = 1; seed <= 1500; ++seed) {
    ConfigurationGenerator generator(seed);
    json part = json::parse(traefik::codec::ToJson(generator.Some(fmt::format("s{}-", seed))));
    // Routers below others that are not there are taken out.
    for (json& router : part["http"]["routers"]) router.erase("parentRefs");
    if (part["http"]["routers"].empty()) part["http"].erase("routers");
    if (part["http"].empty()) part.erase("http");
    // Certificates that cannot be read are only logged, and make the log long.
    part.erase("tls");
    document.merge_patch(part);
  }
  const json view = traefik.ViewOf(document);
  if (view.is_null()) FAIL(traefik.Log().substr(0, 2000));
  CHECK(Compare(Decoded(document.dump()), view, "http") > 3000);
}

TEST_CASE("the real Traefik reads generated labels as we do") {
  VerdictTraefik traefik;
  std::map<std::string, traefik::codec::Labels> services;
  std::map<std::string, json> expected;  // of those that we take
  constexpr const char* kSpoilers[] = {".nothing", "..x", ".", ".[0]", ".x.y.z"};
  for (unsigned seed = 1; seed <= 1500; ++seed) {
    ConfigurationGenerator generator(seed);
    const std::string name = fmt::format("s{}", seed);
    const char* const kind = seed % 2 == 0 ? "routers" : "middlewares";
    Problems problems;
    const auto value = traefik::codec::DecodeDocument(
        traefik::codec::ToJson(generator.Object("http", kind, name)), problems);
    if (!problems.errors.empty()) continue;
    auto labels = traefik::codec::EncodeLabels(value).labels;
    if (labels.empty()) continue;
    if (seed % 5 == 0) {
      auto spoiled = labels.extract(labels.begin());
      spoiled.key() += kSpoilers[generator.Choose(std::size(kSpoilers))];
      labels.insert(std::move(spoiled));
    }
    // Without a port the provider would drop them.
    labels[fmt::format("traefik.http.services.{}.loadbalancer.server.port", name)] = "80";
    Problems label_problems;
    const auto decoded = traefik::codec::DecodeLabels(labels, label_problems);
    services[name] = labels;
    if (label_problems.errors.empty()) {
      json ours = json::parse(traefik::codec::ToJson(decoded));
      ours["http"].erase("services");
      expected[name] = std::move(ours);
    }
  }
  CHECK(services.size() > 1000);
  CHECK(expected.size() < services.size());
  const json view = traefik.ViewOf(services);
  std::size_t compared = 0;
  for (const auto& [name, labels] : services) {
    INFO(json(labels).dump());
    const auto found = expected.find(name);
    CHECK(view.at("services").contains(name + "@swarm") == (found != expected.end()));
    if (found != expected.end()) compared += Compare(found->second, view, "swarm");
  }
  CHECK(compared > 800);
}

TEST_CASE("the real Traefik adds to labels what we add") {
  VerdictTraefik traefik;
  std::map<std::string, traefik::codec::Labels> services;
  const auto ported = [](const std::string& protocol, const std::string& service) {
    return fmt::format("traefik.{}.services.{}.loadbalancer.server.port", protocol, service);
  };
  services["no_labels"] = {};
  services["only_port"] = {{ported("http", "p1"), "81"}};
  services["odd..name__x"] = {{ported("http", "p2"), "82"}};
  services["no-port"] = {{"traefik.http.routers.np.rule", "Host(`np`)"}};
  services["with-scheme"] = {{ported("http", "p3"), "83"},
                             {"traefik.http.services.p3.loadbalancer.server.scheme", "h2c"}};
  services["with-url"] = {
      {"traefik.http.services.p4.loadbalancer.server.url", "http://10.1.1.1:8"}};
  services["url-and-port"] = {
      {"traefik.http.services.p5.loadbalancer.server.url", "http://10.1.1.1:8"},
      {ported("http", "p5"), "85"}};
  services["two-services"] = {{ported("http", "p6"), "86"}, {ported("http", "p7"), "87"}};
  services["two-and-router"] = {{ported("http", "p8"), "88"},
                                {ported("http", "p9"), "89"},
                                {"traefik.http.routers.lost.rule", "Host(`lost`)"},
                                {"traefik.http.routers.kept.rule", "Host(`kept`)"},
                                {"traefik.http.routers.kept.service", "p9"}};
  services["middleware-only"] = {{"traefik.http.middlewares.mo.compress", "true"},
                                 {ported("http", "p10"), "90"}};
  services["off"] = {{"traefik.enable", "false"}, {ported("http", "p11"), "91"}};
  services["bad-switch"] = {{"traefik.enable", "perhaps"}, {ported("http", "p12"), "92"}};
  services["switch-in-words"] = {{"traefik.enablefoo", "true"}, {ported("http", "p13"), "93"}};
  services["both"] = {{"traefik.docker.network", "net"}, {ported("http", "p14"), "94"}};
  services["tcp"] = {{"traefik.tcp.routers.tr.rule", "HostSNI(`*`)"}, {ported("tcp", "t1"), "95"}};
  services["tcp-no-rule"] = {{"traefik.tcp.routers.tn.entrypoints", "web"},
                             {ported("tcp", "t2"), "96"}};
  services["udp"] = {{"traefik.udp.routers.ur.entrypoints", "web"}, {ported("udp", "u1"), "97"}};
  services["udp-two"] = {{"traefik.udp.routers.u2.entrypoints", "web"},
                         {ported("udp", "u2"), "97"},
                         {ported("udp", "u3"), "98"}};
  services["compose"] = {{"com.docker.compose.project", "proj"},
                         {"com.docker.compose.service", "web"},
                         {ported("http", "p15"), "99"}};
  services["sticky-only"] = {{"traefik.http.services.p16.loadbalancer.sticky", "true"}};
  const json view = traefik.ViewOf(services);
  std::size_t compared = 0;
  std::size_t routers = 0;
  for (auto [name, labels] : services) {
    INFO(name);
    labels["traefik.swarm.lbswarm"] = "true";
    Problems problems;
    const auto routes = traefik::swarm::RoutesOf({name, labels, {"10.9.8.7"}}, {}, problems);
    for (const auto& error : problems.errors) UNSCOPED_INFO(error.pointer << " " << error.detail);
    if (!problems.errors.empty() || !routes.enabled) continue;
    const json ours = json::parse(traefik::codec::ToJson(routes.configuration));
    compared += Compare(ours, view, "swarm");
    for (const char* protocol : {"http", "tcp", "udp"}) {
      const json::json_pointer place(fmt::format("/{}/routers", protocol));
      if (ours.contains(place)) routers += ours.at(place).size();
    }
  }
  CHECK(compared > 20);
  std::size_t seen = 0;
  for (const char* kind : {"routers", "tcpRouters", "udpRouters"}) {
    if (!view.contains(kind)) continue;
    for (const auto& [name, router] : view.at(kind).items()) {
      INFO(name);
      seen += name.ends_with("@swarm") && name != "mark@swarm";
    }
  }
  CHECK(seen == routers);
}

}  // namespace
}  // namespace tests
