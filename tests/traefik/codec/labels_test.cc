#include "traefik/codec/labels.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/support/configuration_generator.h"
#include "traefik/codec/decoder.h"

namespace traefik::codec {
namespace {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("Labels that Traefik refuses are refused, by their key") {
  const struct {
    const char* what;
    const char* key;
    const char* value;
    const char* detail;
  } cases[] = {
      {"should refuse an unknown option", "traefik.http.routers.a.rul", "x", "is no option"},
      {"should refuse a beginning without its dot", "traefik.httpx.routers", "x", "is no option"},
      {"should refuse the root in upper case", "Traefik.http.routers.a.rule", "x", "lower case"},
      {"should refuse two dots", "traefik.http.routers..rule", "x", "two dots"},
      {"should refuse a dot at the end", "traefik.http.routers.a.", "x", "two dots"},
      {"should refuse a part that starts with a bracket", "traefik.http.routers.[0]", "x",
       "starts with '['"},
      {"should refuse what stops the provider", "traefik.http.routers.a].rule", "x", "breaks down"},
      {"should refuse a number with spaces", "traefik.http.routers.a.priority", " 5",
       "whole number"},
      {"should refuse members of a text", "traefik.http.routers.a.rule.x", "y", "single value"},
      {"should refuse an object without options", "traefik.http.middlewares.m.retry", "true",
       "at least one option"},
      {"should refuse several servers", "traefik.http.services.s.loadbalancer.servers[0].url", "x",
       "is no option"},
      {"should refuse unknown names below what is ignored",
       "traefik.http.services.s.weighted.nothing", "x", "is no option"},
  };
  for (const auto& [what, key, value, detail] : cases) {
    INFO(what);
    Problems problems;
    DecodeLabels({{key, value}}, problems);
    REQUIRE(problems.errors.size() == 1);
    CHECK_THAT(problems.errors[0].detail, ContainsSubstring(detail));
    CHECK_THAT(problems.errors[0].pointer, ContainsSubstring("raefik."));
  }
}

TEST_CASE("Labels mean what Traefik makes of them") {
  const struct {
    const char* what;
    Labels labels;
    const char* meaning;
  } cases[] = {
      {"should pass over what is not about routing",
       {{"traefik.enable", "true"},
        {"traefik.swarm.network", "n"},
        {"com.example", "x"},
        {"traefik.tls.options.a.minversion", "x"}},
       "{}"},
      {"should ignore the case of names, and merge those of a user",
       {{"traefik.HTTP.Routers.B.Rule", "x"}, {"traefik.http.routers.b.service", "s"}},
       R"({"http":{"routers":{"B":{"service":"s","rule":"x"}}}})"},
      {"should let the later spelling win",
       {{"traefik.http.routers.a.RULE", "x"}, {"traefik.http.routers.a.rule", "y"}},
       R"({"http":{"routers":{"a":{"rule":"y"}}}})"},
      {"should split lists at commas",
       {{"traefik.http.routers.a.entrypoints", "a, b ,,c"}},
       R"({"http":{"routers":{"a":{"entryPoints":["a","b","","c"]}}}})"},
      {"should ignore an indexed list of texts",
       {{"traefik.http.routers.a.entrypoints[0]", "a"}},
       R"({"http":{"routers":{"a":{}}}})"},
      {"should order elements by the bytes of their index",
       {{"traefik.http.routers.a.tls.domains[10].main", "ten"},
        {"traefik.http.routers.a.tls.domains[2].main", "two"},
        {"traefik.http.routers.a.tls.domains[x].main", "x"}},
       R"({"http":{"routers":{"a":{"tls":{"domains":[{"main":"ten"},{"main":"two"},{"main":"x"}]}}}}})"},
      {"should take an empty text for on",
       {{"traefik.http.routers.a.tls", ""}},
       R"({"http":{"routers":{"a":{"tls":{}}}}})"},
      {"should take every other word for off, with its members",
       {{"traefik.http.routers.a.tls", "yes"}, {"traefik.http.routers.a.tls.certresolver", "le"}},
       R"({"http":{"routers":{"a":{}}}})"},
      {"should keep dots in the names of headers",
       {{"traefik.http.middlewares.m.headers.customrequestheaders.X.Y", "1"}},
       R"({"http":{"middlewares":{"m":{"headers":{"customRequestHeaders":{"X.Y":"1"}}}}}})"},
      {"should read the port of the own tasks",
       {{"traefik.http.services.s.loadbalancer.server.port", "80"}},
       R"({"http":{"services":{"s":{"loadBalancer":{"servers":[{"port":"80"}],"strategy":"wrr",)"
       R"("passHostHeader":true,"responseForwarding":{"flushInterval":"100ms"}}}}}})"},
      {"should ignore kinds of services that labels cannot say",
       {{"traefik.http.services.s.weighted.services[0].name", "a"}},
       R"({"http":{"services":{"s":{}}}})"},
      {"should know the default store only",
       {{"traefik.tls.stores.default.defaultgeneratedcert.resolver", "le"},
        {"traefik.tls.stores.other.defaultgeneratedcert.resolver", "le"}},
       R"({"tls":{"stores":{"default":{"defaultGeneratedCert":{"resolver":"le"}}}}})"},
  };
  for (const auto& [what, labels, meaning] : cases) {
    INFO(what);
    Problems problems;
    const Value value = DecodeLabels(labels, problems);
    CHECK(problems.errors.empty());
    CHECK(ToJson(value) == meaning);
  }
}

EncodedLabels Encode(std::string_view document) {
  Problems problems;
  const Value value = DecodeDocument(document, problems, Source::kConfiguration);
  REQUIRE(problems.errors.empty());
  return EncodeLabels(value);
}

TEST_CASE("What labels cannot say is named") {
  const struct {
    const char* what;
    const char* document;
    const char* pointer;
    const char* detail;
  } cases[] = {
      {"should name weighted services",
       R"({"http": {"services": {"s": {"weighted": {"services": [{"name": "a"}]}}}}})",
       "/http/services/s/weighted", "cannot say"},
      {"should name transports", R"({"http": {"serversTransports": {"t": {"serverName": "x"}}}})",
       "/http/serversTransports", "cannot say"},
      {"should name parents", R"({"http": {"routers": {"a": {"parentRefs": ["b"]}}}})",
       "/http/routers/a/parentRefs", "cannot say"},
      {"should name several servers",
       R"({"http": {"services": {"s": {"loadBalancer": {"servers": [{"url": "a"}, {"url": "b"}]}}}}})",
       "/http/services/s/loadBalancer/servers", "one of them"},
      {"should name items with commas",
       R"({"http": {"middlewares": {"m": {"stripPrefixRegex": {"regex": ["/a{1,3}"]}}}}})",
       "/http/middlewares/m/stripPrefixRegex/regex", "commas"},
      {"should name names with dots", R"({"http": {"routers": {"a.b": {"rule": "x"}}}})",
       "/http/routers/a.b", "dot"},
      {"should name names that differ in case only",
       R"({"http": {"routers": {"a": {"rule": "x"}, "A": {"rule": "y"}}}})", "/http/routers/A",
       "ignore case"},
      {"should name names in brackets", R"({"http": {"routers": {"a]": {"rule": "x"}}}})",
       "/http/routers/a]", "'['"},
      {"should name a list of one empty text",
       R"({"http": {"routers": {"a": {"entryPoints": [""]}}}})", "/http/routers/a/entryPoints",
       "empty text"},
      {"should name certificates",
       R"({"tls": {"certificates": [{"certFile": "a", "keyFile": "b"}]}})", "/tls/certificates",
       "cannot say"},
      {"should name lists of numbers of plugins",
       R"({"http": {"middlewares": {"m": {"plugin": {"p": {"l": [1, 2]}}}}}})",
       "/http/middlewares/m/plugin/p/l/0", "lists"},
  };
  for (const auto& [what, document, pointer, detail] : cases) {
    INFO(what);
    const EncodedLabels encoded = Encode(document);
    REQUIRE_FALSE(encoded.lost.empty());
    CHECK(encoded.lost[0].pointer == pointer);
    CHECK_THAT(encoded.lost[0].detail, ContainsSubstring(detail));
  }
}

TEST_CASE("The labels are the shortest that mean the same") {
  const struct {
    const char* what;
    const char* document;
    Labels labels;
  } cases[] = {
      {"should leave out defaults",
       R"({"http": {"services": {"s": {"loadBalancer": {"servers": [{"port": "80"}],
           "strategy": "wrr", "passHostHeader": true}}}}})",
       {{"traefik.http.services.s.loadbalancer.server.port", "80"}}},
      {"should say what differs from a default",
       R"({"http": {"services": {"s": {"loadBalancer": {"passHostHeader": false}}}}})",
       {{"traefik.http.services.s.loadbalancer.passhostheader", "false"}}},
      {"should switch on what is empty",
       R"({"http": {"routers": {"a": {"tls": {}}}}})",
       {{"traefik.http.routers.a.tls", "true"}}},
      {"should name an object without options",
       R"({"http": {"routers": {"a": {}}}})",
       {{"traefik.http.routers.a", ""}}},
      {"should say a health check that is all defaults",
       R"({"http": {"services": {"s": {"loadBalancer": {"healthCheck": {"mode": "http"}}}}}})",
       {{"traefik.http.services.s.loadbalancer.healthcheck.scheme", ""}}},
      {"should write indices of one length",
       R"({"http": {"routers": {"a": {"tls": {"domains": [{"main": "0"}, {"main": "1"}]}}}}})",
       {{"traefik.http.routers.a.tls.domains[0].main", "0"},
        {"traefik.http.routers.a.tls.domains[1].main", "1"}}},
      {"should keep durations readable",
       R"({"http": {"middlewares": {"m": {"retry": {"attempts": 3, "initialInterval": 90}}}}})",
       {{"traefik.http.middlewares.m.retry.attempts", "3"},
        {"traefik.http.middlewares.m.retry.initialinterval", "1m30s"}}},
  };
  for (const auto& [what, document, labels] : cases) {
    INFO(what);
    const EncodedLabels encoded = Encode(document);
    CHECK(encoded.lost.empty());
    CHECK(encoded.labels == labels);
  }
}

TEST_CASE("Labels are read back to what was encoded, or it is said that they are not") {
  std::size_t without_loss = 0;
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    tests::ConfigurationGenerator generator(seed);
    // Most of what is chosen from everything cannot be said in labels.
    const std::string text = ToJson(seed % 3 == 0   ? generator.Some("n")
                                    : seed % 3 == 1 ? generator.Object("http", "middlewares", "n")
                                                    : generator.Object("http", "routers", "n"));
    INFO("seed " << seed << ": " << text);
    Problems problems;
    const Value value = DecodeDocument(text, problems);
    if (!problems.errors.empty()) continue;
    const EncodedLabels encoded = EncodeLabels(value);
    for (const Problem& lost : encoded.lost) CHECK(lost.pointer != "");
    if (!encoded.lost.empty()) continue;
    ++without_loss;
    CHECK(ToJson(DecodeLabels(encoded.labels, problems)) == ToJson(value));
    CHECK(problems.errors.empty());
  }
  CHECK(without_loss > 100);
}

TEST_CASE("A key of too many parts is refused, not followed to the end of the stack") {
  std::string key = "traefik.http.middlewares.m.headers.customrequestheaders";
  for (int i = 0; i < 100'000; ++i) key += ".a";
  Problems problems;
  DecodeLabels({{key, "x"}}, problems);
  CHECK(problems.errors.size() == 1);
}

TEST_CASE("No labels end the reader, whatever they are") {
  tests::ConfigurationGenerator generator(11);
  constexpr std::string_view kParts[] = {
      "traefik", "http",       "routers", "a",           "rule", "services", "loadbalancer",
      "server",  "port",       "[",       "]",           "[0]",  "",         "tls",
      "plugin",  "domains[0]", "x]",      "\xE2\x84\xAA"};
  for (int round = 0; round < 5000; ++round) {
    std::string key = "traefik.http";
    for (std::size_t i = 0; i <= generator.Choose(6); ++i) {
      key += ".";
      key += kParts[generator.Choose(std::size(kParts))];
    }
    Problems problems;
    DecodeLabels({{key, "true"}, {key + "[0].x", "1"}}, problems);
  }
  SUCCEED("it came back from every one");
}

}  // namespace
}  // namespace traefik::codec
