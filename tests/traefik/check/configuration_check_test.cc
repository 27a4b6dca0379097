#include "traefik/check/configuration_check.h"

#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "traefik/codec/decoder.h"

namespace traefik::check {
namespace {

using Catch::Matchers::ContainsSubstring;

codec::Problems Check(const std::string& http, const std::string& rest = "") {
  codec::Problems problems;
  const std::string text = "{\"http\": " + http + rest + "}";
  const codec::Value value = codec::DecodeDocument(text, problems);
  REQUIRE(problems.errors.empty());
  CheckConfiguration(value, problems);
  return problems;
}

constexpr const char* kService =
    R"j("services": {"s": {"loadBalancer": {"servers": [{"url": "http://10.0.0.1"}]}}})j";

std::string WithRouter(const std::string& router) {
  return R"j({"routers": {"r": )j" + router + "}, " + kService + "}";
}

TEST_CASE("What would keep a router from working is an error") {
  const struct {
    const char* what;
    const char* router;
    const char* pointer;
    const char* detail;
  } cases[] = {
      {"should need a rule", R"j({"service": "s"})j", "/http/routers/r/rule", "empty"},
      {"should need a good rule", R"j({"rule": "Host(`a`", "service": "s"})j",
       "/http/routers/r/rule", "the rule ends"},
      {"should know the old syntax where it is asked for",
       R"j({"rule": "Header(`a`, `b`)", "ruleSyntax": "v2", "service": "s"})j",
       "/http/routers/r/rule", "no matcher"},
      {"should need a service", R"j({"rule": "Host(`a`)"})j", "/http/routers/r", "service"},
      {"should need a service that is there", R"j({"rule": "Host(`a`)", "service": "t"})j",
       "/http/routers/r/service", "no service 't'"},
      {"should need middlewares that are there",
       R"j({"rule": "Host(`a`)", "service": "s", "middlewares": ["m"]})j",
       "/http/routers/r/middlewares", "no middleware 'm'"},
      {"should need parents that are there",
       R"j({"rule": "Host(`a`)", "service": "s", "parentRefs": ["p"]})j",
       "/http/routers/r/parentRefs", "no router 'p'"},
      {"should need TLS options that are there",
       R"j({"rule": "Host(`a`)", "service": "s", "tls": {"options": "o"}})j",
       "/http/routers/r/tls/options", "no TLS options 'o'"},
      {"should need a priority below Traefik's own",
       R"j({"rule": "Host(`a`)", "service": "s", "priority": 9223372036854774808})j",
       "/http/routers/r/priority", "at most"},
  };
  for (const auto& [what, router, pointer, detail] : cases) {
    INFO(what);
    const codec::Problems problems = Check(WithRouter(router));
    REQUIRE(problems.errors.size() == 1);
    CHECK(problems.errors[0].pointer == pointer);
    CHECK_THAT(problems.errors[0].detail, ContainsSubstring(detail));
  }
}

TEST_CASE("What works is no error") {
  const char* routers[] = {
      R"j({"rule": "Host(`a`)", "service": "s"})j",
      R"j({"rule": "Host(`a`)", "service": "x@file"})j",
      R"j({"rule": "Host(`a`)", "service": "noop@internal", "middlewares": ["m@file"]})j",
      R"j({"rule": "Host(`a`)", "service": "s", "tls": {"options": "default"}})j",
      R"j({"rule": "Headers(`a`, `b`)", "ruleSyntax": "v2", "service": "s"})j",
      R"j({"rule": "Host(`a`)", "service": "s", "priority": 9223372036854774807})j",
  };
  for (const char* router : routers) {
    INFO(router);
    CHECK(Check(WithRouter(router)).errors.empty());
  }
  const std::string tree = R"j({"routers": {"p": {"rule": "Host(`a`)", "entryPoints": ["web"]},
                  "c": {"rule": "Path(`/`)", "parentRefs": ["p"], "service": "s"}}, )j";
  CHECK(Check(tree + kService + "}").errors.empty());
}

TEST_CASE("Routers below others follow their rules") {
  const auto problems = Check(
      R"j({"routers": {"p": {"rule": "Host(`a`)", "service": "s"},
          "c": {
  "rule" : "Path(`/`)", "parentRefs" : ["p"], "service" : "s", "tls" : {}, "entryPoints" : ["web"]
}
}, )j" +
      std::string(kService) + "}");
  REQUIRE(problems.errors.size() == 3);
  CHECK(problems.errors[0].pointer == "/http/routers/c/entryPoints");
  CHECK(problems.errors[1].pointer == "/http/routers/c/tls");
  CHECK(problems.errors[2].pointer == "/http/routers/p/service");
}

TEST_CASE("Circles are found, and named once") {
  const struct {
    const char* what;
    const char* http;
    const char* pointer;
    const char* loop;
  } cases[] = {
      {"should find parents of each other",
       R"j({"routers": {"a": {"rule": "Path(`/`)",
    "parentRefs" : ["b"]
  },
  "b" : {"rule" : "Path(`/`)", "parentRefs" : ["a"]}
}
})j",
       "/http/routers/a/parentRefs", "a -> b -> a"},
      {"should find services of each other",
       R"j({"services": {"a": {"weighted": {"services": [{"name": "b"}]}},
                        "b": {"mirroring": {"service": "a"}}}})j",
       "/http/services/a", "a -> b -> a"},
      {"should find a chain in itself",
       R"j({"middlewares": {"a": {"chain": {"middlewares": ["a"]}}}})j", "/http/middlewares/a",
       "a -> a"},
  };
  for (const auto& [what, http, pointer, loop] : cases) {
    INFO(what);
    const auto problems = Check(http);
    REQUIRE(problems.errors.size() == 1);
    CHECK(problems.errors[0].pointer == pointer);
    CHECK_THAT(problems.errors[0].detail, ContainsSubstring(loop));
  }
}

TEST_CASE("Services and middlewares that cannot be built are errors") {
  const struct {
    const char* what;
    const char* http;
    const char* pointer;
  } cases[] = {
      {"should need a kind of service", R"j({"services": {"a": {}}})j", "/http/services/a"},
      {"should refuse two kinds of service",
       R"j({"services": {"a": {"loadBalancer": {"passHostHeader": true},
                              "weighted": {"services": []}}}})j",
       "/http/services/a"},
      {"should need the parts of a service",
       R"j({"services": {"a": {"weighted": {"services": [{"name": "b"}]}}}})j",
       "/http/services/a/weighted/services"},
      {"should need a percentage",
       R"j({"services": {"a": {"mirroring": {"service": "s@file",
                                            "mirrors": [{"name": "s@file", "percent": 101}]}}}})j",
       "/http/services/a/mirroring/mirrors"},
      {"should need a transport that is there",
       R"j({"services": {"a": {"loadBalancer": {"serversTransport": "t"}}}})j",
       "/http/services/a/loadBalancer/serversTransport"},
      {"should need a known strategy",
       R"j({"services": {"a": {"loadBalancer": {"strategy": "WRR"}}}})j",
       "/http/services/a/loadBalancer/strategy"},
      {"should need a kind of middleware", R"j({"middlewares": {"m": {}}})j",
       "/http/middlewares/m"},
      {"should refuse two kinds of middleware",
       R"j({"middlewares": {"m": {"compress": {}, "contentType": {}}}})j", "/http/middlewares/m"},
      {"should need middlewares of a chain",
       R"j({"middlewares": {"m": {"chain": {"middlewares": ["n"]}}}})j",
       "/http/middlewares/m/chain/middlewares"},
      {"should need the service of a page",
       R"j({"middlewares": {"m": {"errors": {"service": "t", "status": ["500"]}}}})j",
       "/http/middlewares/m/errors/service"},
      {"should need attempts", R"j({"middlewares": {"m": {"retry": {"attempts": 0}}}})j",
       "/http/middlewares/m/retry/attempts"},
      {"should need a prefix", R"j({"middlewares": {"m": {"addPrefix": {"prefix": ""}}}})j",
       "/http/middlewares/m/addPrefix/prefix"},
      {"should need a regular expression",
       R"j({"middlewares": {"m": {"redirectRegex": {"regex": "("}}}})j",
       "/http/middlewares/m/redirectRegex/regex"},
      {"should need ranges", R"j({"middlewares": {"m": {"ipAllowList": {"sourceRange": ["x"]}}}})j",
       "/http/middlewares/m/ipAllowList/sourceRange"},
      {"should need users with hashes",
       R"j({"middlewares": {"m": {"basicAuth": {"users": ["a"]}}}})j",
       "/http/middlewares/m/basicAuth/users"},
      {"should need statuses",
       R"j({"middlewares": {"m": {"errors": {"service": "s@file", "status": ["5xx"]}}}})j",
       "/http/middlewares/m/errors/status"},
      {"should need one way to tell sources apart",
       R"j({"middlewares": {"m": {"rateLimit": {"sourceCriterion":
           {"requestHost": true, "requestHeaderName": "x"}}}}})j",
       "/http/middlewares/m/rateLimit/sourceCriterion"},
      {"should need known encodings",
       R"j({"middlewares": {"m": {"compress": {"encodings": ["deflate"]}}}})j",
       "/http/middlewares/m/compress/encodings"},
      {"should refuse a URL that cannot be read",
       R"j({"services": {"a": {"loadBalancer": {"servers": [{"url": "http://a:x"}]}}}})j",
       "/http/services/a/loadBalancer/servers"},
      {"should need the name of a part",
       R"j({"services": {"a": {"weighted": {"services": [{"weight": 1}]}}}})j",
       "/http/services/a/weighted/services"},
      {"should need a fallback", R"j({"services": {"a": {"failover": {"service": "x@file"}}}})j",
       "/http/services/a/failover/fallback"},
      {"should need to see that a service failed",
       R"j({"services": {"a": {"failover": {"service": "s", "fallback": "x@file"}},
                         "s": {"loadBalancer": {"servers": [{"url": "http://a"}]}}}})j",
       "/http/services/a/failover/service"},
      {"should need the health of all parts",
       R"j({"services": {"a": {"weighted": {"services": [{"name": "s"}], "healthCheck": {}}},
                         "s": {"loadBalancer": {"servers": [{"url": "http://a"}]}}}})j",
       "/http/services/a/weighted/services"},
      {"should need users", R"j({"middlewares": {"m": {"basicAuth": {"realm": "a"}}}})j",
       "/http/middlewares/m/basicAuth/users"},
      {"should need a header", R"j({"middlewares": {"m": {"headers": {"frameDeny": false}}}})j",
       "/http/middlewares/m/headers"},
      {"should need a condition",
       R"j({"middlewares": {"m": {"circuitBreaker": {"expression": "always"}}}})j",
       "/http/middlewares/m/circuitBreaker/expression"},
      {"should need something to retry",
       R"j({"middlewares": {"m": {"retry": {"attempts": 2, "disableRetryOnNetworkError": true}}}})j",
       "/http/middlewares/m/retry"},
      {"should need an encoding that is there",
       R"j({"middlewares": {"m": {"compress": {"defaultEncoding": "identity"}}}})j",
       "/http/middlewares/m/compress/defaultEncoding"},
      {"should need content types",
       R"j({"middlewares": {"m": {"compress": {"includedContentTypes": ["text/"]}}}})j",
       "/http/middlewares/m/compress/includedContentTypes"},
      {"should need a key for a certificate",
       R"j({"middlewares": {"m": {"forwardAuth": {"address": "http://a", "tls": {"cert": "c"}}}}})j",
       "/http/middlewares/m/forwardAuth/tls"},
      {"should need ranges to leave out",
       R"j({"middlewares": {"m": {"rateLimit": {"sourceCriterion":
           {"ipStrategy": {"excludedIPs": ["x"]}}}}}})j",
       "/http/middlewares/m/rateLimit/sourceCriterion/ipStrategy/excludedIPs"},
      {"should need a status that HTTP has",
       R"j({"middlewares": {"m": {"ipAllowList": {"sourceRange": ["::1"],
           "rejectStatusCode": 600}}}})j",
       "/http/middlewares/m/ipAllowList/rejectStatusCode"},
      {"should refuse negative sizes",
       R"j({"middlewares": {"m": {"buffering": {"maxRequestBodyBytes": -1}}}})j",
       "/http/middlewares/m/buffering/maxRequestBodyBytes"},
  };
  for (const auto& [what, http, pointer] : cases) {
    INFO(what);
    const auto problems = Check(http);
    REQUIRE(problems.errors.size() == 1);
    CHECK(problems.errors[0].pointer == pointer);
  }
}

TEST_CASE("TLS options that Traefik replaces are warnings") {
  const auto warnings = [](const std::string& routers) {
    const auto problems = Check(R"j({"routers": )j" + routers + "}",
                                R"j(, "tls": {"options": {"o": {"minVersion": "VersionTLS13"}}})j");
    CHECK(problems.errors.empty());
    std::vector<std::string> pointers;
    for (const auto& warning : problems.warnings) pointers.push_back(warning.pointer);
    return pointers;
  };
  const std::string a = R"j("a": {"rule": "Host(`h`)", "service": "s@file", "tls": )j";
  const std::string b = R"j("b": {"rule": "Host(`h`)", "service": "s@file", "tls": )j";
  CHECK(warnings("{" + a + R"j({"options": "o"}}})j").empty());
  CHECK(warnings("{" + a + R"j({"options": "o"}}, )j" + b + R"j({"options": "o"}}})j").empty());
  CHECK(warnings("{" + a + R"j({"options": "o"}}, )j" + b + R"j({"options": "default"}}})j") ==
        std::vector<std::string>{"/http/routers/a/tls/options", "/http/routers/b/tls/options"});
  CHECK(warnings("{" + a + R"j({"options": "o"}, "entryPoints": ["x"]}, )j" + b +
                 R"j({"options": "default"}, "entryPoints": ["y"]}})j")
            .empty());
  CHECK(warnings("{" + a + R"j({"options": "o"}, "entryPoints": ["x"]}, )j" + b +
                 R"j({"options": "default"}}})j")
            .size() == 2);
  CHECK(warnings(R"j({"a": {"rule": "PathPrefix(`/`)", "service": "s@file",
                            "tls": {"options": "o"}}})j") ==
        std::vector<std::string>{"/http/routers/a/tls/options"});
}

TEST_CASE("TCP tells hosts with TLS only") {
  const std::string services =
      R"j(, "services": {"s": {"loadBalancer": {"servers": [{"address": "10.0.0.1:1"}]}}}})j";
  const auto with = [&](const std::string& router) {
    return Check(R"j({"routers": {"x": {"rule": "Host(`a`)", "service": "n@file"
  }
}
})j",
                 R"j(, "tcp": {"routers": {"r": )j" + router + "}" + services);
  };
  CHECK(with(R"j({"rule": "HostSNI(`*`)", "service": "s"
  })j")
            .errors.empty());
  CHECK(with(R"j({"rule": "HostSNI(`a`)", "service": "s", "tls": {}
  })j")
            .errors.empty());
  const auto problems = with(R"j({"rule": "HostSNI(`a`)", "service": "s"
  })j");
  REQUIRE(problems.errors.size() == 1);
  CHECK(problems.errors[0].pointer == "/tcp/routers/r/rule");
}

}  // namespace
}  // namespace traefik::check
