#include "traefik/static_configuration.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace traefik {
namespace {

using Catch::Matchers::ContainsSubstring;

StaticConfiguration Small() {
  StaticConfiguration configuration;
  configuration.instance = "edge-1";
  configuration.provider_endpoint = "http://10.0.0.1:9081/configuration";
  configuration.entry_points = {"web"};
  return configuration;
}

TEST_CASE("The static configuration leaves out what is not given") {
  const std::string yaml = RenderStaticConfiguration(Small());
  CHECK_THAT(yaml, !ContainsSubstring("Authorization"));
  CHECK_THAT(yaml, !ContainsSubstring("swarm:"));
  CHECK_THAT(yaml, !ContainsSubstring("\t"));
}

TEST_CASE("The static configuration makes Traefik hold its polls") {
  const std::string yaml = RenderStaticConfiguration(Small());
  CHECK_THAT(yaml,
             ContainsSubstring("  http:\n    endpoint: \"http://10.0.0.1:9081/configuration\"\n"));
  CHECK_THAT(yaml, ContainsSubstring("    pollInterval: 10ms\n    pollTimeout: 30s\n"));
  CHECK_THAT(yaml, ContainsSubstring("      Prefer: \"wait=20\"\n"));
  CHECK_THAT(yaml, ContainsSubstring("      X-Traefik-Instance: \"edge-1\"\n"));
}

TEST_CASE("The static configuration sends the token") {
  StaticConfiguration configuration = Small();
  configuration.provider_token = "to\"ken";
  CHECK_THAT(RenderStaticConfiguration(configuration),
             ContainsSubstring("      Authorization: \"Bearer to\\\"ken\"\n"));
}

TEST_CASE("The static configuration has certificates only for who asks for them") {
  StaticConfiguration configuration = Small();
  CHECK_THAT(RenderStaticConfiguration(configuration), !ContainsSubstring("tls:"));
  configuration.provider_endpoint = "https://10.0.0.1:9081/configuration";
  CHECK_THAT(RenderStaticConfiguration(configuration),
             ContainsSubstring("    tls:\n      ca: ") && !ContainsSubstring("cert:"));
  configuration.provider_knows_clients = true;
  CHECK_THAT(RenderStaticConfiguration(configuration),
             ContainsSubstring("      cert: ") && ContainsSubstring("      key: "));
}

TEST_CASE("The static configuration keeps a Traefik to the services of its pool") {
  StaticConfiguration configuration = Small();
  configuration.docker_endpoint = "unix:///var/run/docker.sock";
  CHECK_THAT(RenderStaticConfiguration(configuration), !ContainsSubstring("constraints"));
  configuration.swarm_constraint = "Label(`a`, `b`)";
  CHECK_THAT(RenderStaticConfiguration(configuration),
             ContainsSubstring("    constraints: \"Label(`a`, `b`)\"\n"));
}

TEST_CASE("The static configuration gives every entry point a port of its own") {
  StaticConfiguration configuration = Small();
  configuration.entry_points = {"web", "websecure", "admin"};
  const std::string yaml = RenderStaticConfiguration(configuration);
  CHECK_THAT(yaml, ContainsSubstring("  \"web\":\n    address: \":80\"\n"));
  CHECK_THAT(yaml, ContainsSubstring("  \"websecure\":\n    address: \":443\"\n"));
  CHECK_THAT(yaml, ContainsSubstring("  \"admin\":\n    address: \":8002\"\n"));
}

TEST_CASE("The static configuration has a swarm provider for sites in label mode") {
  StaticConfiguration configuration = Small();
  configuration.docker_endpoint = "tcp://engine:2375";
  configuration.network = "sites";
  configuration.swarm_refresh_seconds = 3;
  CHECK_THAT(RenderStaticConfiguration(configuration),
             ContainsSubstring("  swarm:\n    endpoint: \"tcp://engine:2375\"\n"
                               "    exposedByDefault: false\n    network: \"sites\"\n"
                               "    refreshSeconds: 3\n"));
}

}  // namespace
}  // namespace traefik
