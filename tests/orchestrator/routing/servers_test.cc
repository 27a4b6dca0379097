#include "orchestrator/routing/servers.h"

#include <catch2/catch_test_macros.hpp>

namespace orchestrator::routing {
namespace {

TEST_CASE("Routes of before get the servers of now, and nothing else of it") {
  struct Case {
    const char* sentence;
    const char* now;
    const char* then;
    const char* expected;
  };
  const Case cases[] = {
      {"should take servers and transport",
       R"j("site_0001":{"loadBalancer":{"servers":[{"url":"http://b"}],"serversTransport":"t"}})j",
       R"j("site_0001":{"loadBalancer":{"servers":[{"url":"http://a"}],"serversTransport":"s"}})j",
       R"j("site_0001":{"loadBalancer":{"servers":[{"url":"http://b"}],"serversTransport":"t"}})j"},
      {"should keep all else of then, and other services",
       R"j("site_0001":{"loadBalancer":{"servers":[{"url":"http://b"}],"healthCheck":{}}})j",
       R"j("x":{"weighted":{}},"site_0001":{"loadBalancer":{"servers":[],"sticky":{"cookie":{}}}})j",
       R"j("x":{"weighted":{}},"site_0001":{"loadBalancer":{"servers":[{"url":"http://b"}],"sticky":{"cookie":{}}}})j"},
      {"should have none where there are none now",
       R"j("site_0001":{"loadBalancer":{"serversTransport":"t"}})j",
       R"j("site_0001":{"loadBalancer":{"servers":[{"url":"http://a"}]}})j",
       R"j("site_0001":{"loadBalancer":{"serversTransport":"t"}})j"},
      {"should leave a service alone that is no load balancer",
       R"j("site_0001":{"loadBalancer":{"servers":[{"url":"http://b"}]}})j",
       R"j("site_0001":{"weighted":{}})j", R"j("site_0001":{"weighted":{}})j"},
      {"should leave all alone where the site has none now", "",
       R"j("site_0001":{"loadBalancer":{"servers":[{"url":"http://a"}]}})j",
       R"j("site_0001":{"loadBalancer":{"servers":[{"url":"http://a"}]}})j"},
      {"should leave all alone where the site had none",
       R"j("site_0001":{"loadBalancer":{"servers":[{"url":"http://b"}]}})j", "", ""},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    traefik::Fragment now;
    now.services = c.now;
    traefik::Fragment then;
    then.services = c.then;
    CHECK(WithServersOf(now, then, {1}).services == c.expected);
  }
}

}  // namespace
}  // namespace orchestrator::routing
