#include "orchestrator/config/config.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/support/temporary_directory.h"

namespace orchestrator::config {
namespace {

using Catch::Matchers::ContainsSubstring;
using Variables = std::map<std::string, std::string>;

Result<Config> Read(std::string_view yaml, const Variables& variables = {}) {
  return Parse(yaml, "o.yaml", [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return {};
    return found->second;
  });
}

struct Case {
  const char* sentence;
  std::string yaml;
  const char* where;
  const char* detail;
};

void CheckRefused(const Case& c) {
  INFO(c.sentence);
  const auto config = Read(c.yaml);
  REQUIRE_FALSE(config.has_value());
  INFO(config.error().message);
  CHECK(config.error().kind == ErrorKind::kInvalid);
  REQUIRE(config.error().fields.size() == 1);
  CHECK(config.error().fields[0].pointer == c.where);
  CHECK_THAT(config.error().fields[0].detail, ContainsSubstring(c.detail));
  CHECK_THAT(config.error().message, ContainsSubstring(std::string(c.where) + ": "));
}

TEST_CASE("Problems with the file's form have line and column") {
  const Case cases[] = {
      {"should refuse what is no YAML", "api:\n  listen: [", "o.yaml:2:1", "end of sequence"},
      {"should refuse a list", "- a\n", "o.yaml:1:1", "the file must be a mapping"},
      {"should refuse an unknown section", "api:\nprovder:\n", "o.yaml:2:1",
       "provder is not a known key"},
      {"should refuse an unknown key", "api:\n  lisen: x\n", "o.yaml:2:3",
       "api.lisen is not a known key"},
      {"should refuse a key twice", "log:\n  level: info\n  level: warn\n", "o.yaml:3:3",
       "log.level is given a second time"},
      {"should refuse a section twice", "log:\n  level: info\nlog:\n  format: json\n", "o.yaml:3:1",
       "log is given a second time"},
      {"should refuse a section that is a text", "api: yes\n", "o.yaml:1:6",
       "api must be a mapping"},
      {"should refuse a list for a text", "docker:\n  network: [a]\n", "o.yaml:2:12",
       "docker.network must be one value"},
      {"should refuse a mapping for a list", "routing:\n  entry_points: {a: b}\n", "o.yaml:2:17",
       "routing.entry_points must be a list"},
  };
  for (const Case& c : cases) CheckRefused(c);
}

TEST_CASE("Values that cannot work are refused where they stand") {
  const Case cases[] = {
      {"should refuse a relative state directory", "state_directory: var\n", "o.yaml:1:18",
       "absolute path"},
      {"should refuse a bad listen address", "api:\n  listen: 9080\n", "o.yaml:2:11", "HOST:PORT"},
      {"should refuse an unknown auth", "api:\n  auth: basic\n", "o.yaml:2:9", "tokens, none"},
      {"should refuse no auth on all addresses", "api:\n  auth: none\n  listen: 0.0.0.0:80\n",
       "o.yaml:2:9", "loopback"},
      {"should refuse a provider on a Unix socket", "provider:\n  listen: unix:/run/x\n",
       "o.yaml:2:11", "TCP address"},
      {"should refuse all addresses without tokens", "provider:\n  listen: 0.0.0.0:9081\n",
       "o.yaml", "provider.tokens is needed"},
      {"should refuse a short token", "provider:\n  tokens: [short]\n", "o.yaml:2:11",
       "at least 16"},
      {"should refuse a hash that is too short", "provider:\n  tokens: [\"sha256:abc\"]\n",
       "o.yaml:2:11", "64 hexadecimal digits"},
      {"should refuse the hash of a variable that is not set",
       "provider:\n  tokens: "
       "[\"sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]\n",
       "o.yaml:2:11", "hash of an empty text"},
      {"should refuse a share above all", "routing:\n  vanish_percent: 101\n", "o.yaml:2:19",
       "from 0 to 100"},
      {"should refuse a negative count", "routing:\n  vanish_sites: -1\n", "o.yaml:2:17",
       "from 0 to 1000000"},
      {"should refuse a history of words", "routing:\n  history: all\n", "o.yaml:2:12",
       "from 0 to 100000"},
      {"should refuse a token with a space", "provider:\n  tokens: 'aaaaaaaa aaaaaaaaaaa'\n",
       "o.yaml:2:11", "no spaces"},
      {"should refuse a bad advertise", "provider:\n  advertise: host:9081\n", "o.yaml:2:14",
       "provider.advertise"},
      {"should refuse PostgreSQL", "store:\n  url: postgresql://h/d\n", "o.yaml:2:8", "PostgreSQL"},
      {"should refuse a relative database", "store:\n  url: sqlite://x.db\n", "o.yaml:2:8",
       "sqlite:///absolute/path"},
      {"should refuse a bad engine", "docker:\n  host: ssh://x\n", "o.yaml:2:9",
       "unix:// or tcp://"},
      {"should refuse a bad network", "docker:\n  network: a b\n", "o.yaml:2:12", "docker.network"},
      {"should refuse an entry point with TLS without TLS",
       "traefik:\n  instances:\n    - {name: a, tls_entry_point: \"http://a\"}\n", "o.yaml:3:34",
       "must start with https://"},
      {"should refuse an entry point with TLS alone",
       "traefik:\n  instances:\n    - {name: a, tls_entry_point: \"https://a\"}\n", "o.yaml:3:34",
       "needs entry_point"},
      {"should refuse a subnet that is none", "docker:\n  subnet: 10.0.0.0\n", "o.yaml:2:11",
       "IPv4 network, as 10.20.0.0/16"},
      {"should refuse a subnet with a host in it", "docker:\n  subnet: 10.20.0.1/16\n",
       "o.yaml:2:11", "docker.subnet"},
      {"should refuse a subnet without room", "docker:\n  subnet: 10.20.0.0/31\n", "o.yaml:2:11",
       "docker.subnet"},
      {"should refuse a bad endpoint mode", "docker:\n  endpoint_mode: host\n", "o.yaml:2:18",
       "vip, dnsrr"},
      {"should refuse a bad default mode", "routing:\n  default_mode: file\n", "o.yaml:2:17",
       "provider, labels"},
      {"should refuse TLS without a key", "provider:\n  tls: {certificate: /c.pem}\n", "o.yaml",
       "absolute path of a PEM file"},
      {"should refuse a relative certificate",
       "provider:\n  tls: {certificate: c.pem, key: /k.pem}\n", "o.yaml:2:22", "absolute path"},
      {"should refuse what TLS does not know",
       "provider:\n  tls: {certificate: /c, key: /k, ciphers: x}\n", "o.yaml:2:35",
       "not a known key"},
      {"should refuse a plain address of a listener with TLS",
       "provider:\n  advertise: http://a\n  tls: {certificate: /c, key: /k}\n", "o.yaml:2:14",
       "https://"},
      {"should refuse no token where TLS lets everyone in",
       "provider:\n  listen: 0.0.0.0:9081\n  tls: {certificate: /c, key: /k}\n", "o.yaml",
       "client_ca"},
      {"should refuse where pages are while nobody serves them", "pages:\n  advertise: http://a\n",
       "o.yaml:2:14", "pages.listen"},
      {"should refuse other endpoints", "routing:\n  endpoints: names\n", "o.yaml:2:14",
       "service, tasks"},
      {"should refuse a drain without unit", "routing:\n  drain: 5\n", "o.yaml:2:10", "drain"},
      {"should refuse no entry point", "routing:\n  entry_points: []\n", "o.yaml:2:17",
       "at least one"},
      {"should refuse an entry point with a comma", "routing:\n  entry_points: ['a,b']\n",
       "o.yaml:2:17", "entry_points"},
      {"should refuse Traefik 2", "traefik:\n  version: \"2.11\"\n", "o.yaml:2:12", "3.0 or newer"},
      {"should refuse no refresh", "traefik:\n  swarm_refresh_seconds: 0\n", "o.yaml:2:26",
       "1 to 3600"},
      {"should refuse a refresh with a unit", "traefik:\n  swarm_refresh_seconds: 5s\n",
       "o.yaml:2:26", "1 to 3600"},
      {"should refuse instances that are no list", "traefik:\n  instances: x\n", "o.yaml:2:14",
       "must be a list"},
      {"should refuse an instance without a name",
       "traefik:\n  instances:\n    - entry_point: http://a\n", "o.yaml",
       "traefik.instances[0].name is needed"},
      {"should refuse an instance's unknown key",
       "traefik:\n  instances:\n    - name: a\n      url: http://a\n", "o.yaml:4:7",
       "traefik.instances[0].url is not a known key"},
      {"should refuse a name twice", "traefik:\n  instances:\n    - name: a\n    - name: a\n",
       "o.yaml:4:13", "another instance"},
      {"should refuse an entry point that is no URL",
       "traefik:\n  instances:\n    - {name: a, entry_point: 'a:80'}\n", "o.yaml:3:30",
       "entry_point"},
      {"should refuse a pool whose name has a dot", "routing:\n  pools: [a.b]\n", "o.yaml:2:10",
       "letters, digits, - and _ only"},
      {"should refuse a pool whose name has a slash", "routing:\n  pools: [../a]\n", "o.yaml:2:10",
       "letters, digits, - and _ only"},
      {"should refuse an instance of a pool that there is not",
       "traefik:\n  instances:\n    - {name: a, pool: b}\n", "o.yaml:3:23",
       "is 'b', which is not in routing.pools"},
      {"should refuse a relative folder of sites", "sites:\n  directory: data\n", "o.yaml:2:14",
       "absolute path"},
      {"should refuse an unknown level", "log:\n  level: loud\n", "o.yaml:2:10", "debug, info"},
  };
  for (const Case& c : cases) CheckRefused(c);
}

TEST_CASE("With TLS the provider is told by https, and pages need a listener of their own") {
  const auto config =
      Read("provider: {listen: 10.0.0.1:9081, tls: {certificate: /c, key: /k, client_ca: /a}}\n");
  REQUIRE(config.has_value());
  CHECK(config->ProviderUrl() == "https://10.0.0.1:9081");
  CHECK(config->PagesUrl().empty());
  CHECK(config->provider.tls == provider::http::TlsFiles{"/c", "/k", "/a"});
  const auto pages =
      Read("provider: {tls: {certificate: /c, key: /k}}\npages: {listen: 10.0.0.1:9082}\n");
  REQUIRE(pages.has_value());
  CHECK(pages->PagesUrl() == "http://10.0.0.1:9082");
  const auto elsewhere = Read("pages: {listen: 0.0.0.0:9082, advertise: http://p:1/}\n");
  REQUIRE(elsewhere.has_value());
  CHECK(elsewhere->PagesUrl() == "http://p:1");
  CHECK(elsewhere->ProviderUrl() == "http://127.0.0.1:9081");
}

TEST_CASE("All problems are told at once") {
  const auto config = Read("api:\n  listen: x\nlog:\n  level: y\n  colour: z\n");
  REQUIRE_FALSE(config.has_value());
  CHECK(config.error().fields.size() == 3);
  CHECK_THAT(config.error().message, ContainsSubstring("o.yaml:2:11: "));
  CHECK_THAT(config.error().message, ContainsSubstring("o.yaml:4:10: "));
  CHECK_THAT(config.error().message, ContainsSubstring("o.yaml:5:3: "));
}

TEST_CASE("An empty file is a good one") {
  for (const char* yaml : {"", "# nothing\n", "api:\n", "---\n"}) {
    INFO(yaml);
    const auto config = Read(yaml);
    REQUIRE(config.has_value());
    CHECK(config->state_directory == "/var/lib/orchestrator");
    CHECK(config->database == "/var/lib/orchestrator/orchestrator.db");
    CHECK(config->api.listen.text() == "127.0.0.1:9080");
    CHECK(config->api.tokens);
    CHECK(config->provider.listen.text() == "127.0.0.1:9081");
    CHECK(config->ProviderUrl() == "http://127.0.0.1:9081");
    CHECK(config->docker.host == "unix:///var/run/docker.sock");
    CHECK(config->routing.default_mode == site::RoutingMode::kProvider);
    CHECK(config->routing.entry_points == std::vector<std::string>{"web"});
    CHECK(config->traefik.instances.empty());
    CHECK(config->log.level == "info");
  }
}

TEST_CASE("Every key of the file is read") {
  const auto config = Read(R"(
state_directory: /state
api: {listen: "unix:/run/api.sock", auth: none}
provider:
  listen: 0.0.0.0:9081
  tokens: [aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb]
  advertise: http://host:1/
store: {url: "sqlite:///db/x.db"}
docker: {host: null, network: n, subnet: 10.20.0.0/16, endpoint_mode: dnsrr}
routing: {default_mode: labels, endpoints: tasks, drain: 9s, entry_points: websecure, pools: [p, default, p]}
traefik:
  version: "3.6"
  swarm_refresh_seconds: 2
  instances:
    - {name: a, entry_point: "http://a/", tls_entry_point: "https://a:8443/"}
    - {name: b, pool: p}
sites: {directory: /s, dynamic_image: d, static_image: t}
log: {level: warn, format: json}
)");
  REQUIRE(config.has_value());
  CHECK(config->state_directory == "/state");
  CHECK(config->api.listen.unix_socket == "/run/api.sock");
  CHECK_FALSE(config->api.tokens);
  CHECK(config->provider.tokens.size() == 2);
  CHECK(config->ProviderUrl() == "http://host:1");
  CHECK(config->database == "/db/x.db");
  CHECK_FALSE(config->docker.host.has_value());
  CHECK(config->docker.network == "n");
  CHECK(config->docker.subnet == "10.20.0.0/16");
  CHECK(config->docker.endpoint_mode == "dnsrr");
  CHECK(config->routing.default_mode == site::RoutingMode::kLabels);
  CHECK(config->routing.entry_points == std::vector<std::string>{"websecure"});
  CHECK(config->routing.follow_tasks);
  CHECK(config->routing.drain == std::chrono::seconds(9));
  CHECK(config->traefik.version == "3.6");
  CHECK(config->traefik.swarm_refresh_seconds == 2);
  REQUIRE(config->traefik.instances.size() == 2);
  CHECK(config->traefik.instances[0].entry_point == "http://a");
  CHECK(config->traefik.instances[0].pool == "default");
  CHECK(config->traefik.instances[1].entry_point.empty());
  CHECK(config->traefik.instances[1].pool == "p");
  CHECK(config->routing.pools == std::vector<std::string>{"default", "p"});
  CHECK(config->sites.directory == "/s");
  CHECK(config->sites.static_image == "t");
  CHECK(config->log.json);
}

TEST_CASE("The environment goes before the file") {
  const auto config = Read("log:\n  level: warn\n  format: json\n",
                           {{"ORCHESTRATOR_LOG_LEVEL", "debug"},
                            {"ORCHESTRATOR_STATE_DIRECTORY", "/elsewhere"},
                            {"ORCHESTRATOR_ROUTING_ENTRY_POINTS", "[a, b]"},
                            {"ORCHESTRATOR_DOCKER_HOST", ""}});
  REQUIRE(config.has_value());
  CHECK(config->log.level == "debug");
  CHECK(config->log.json);
  CHECK(config->database == "/elsewhere/orchestrator.db");
  CHECK(config->routing.entry_points == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(config->docker.host.has_value());
}

TEST_CASE("A problem with the environment names its variable") {
  struct Variable {
    const char* name;
    const char* value;
  };
  for (const Variable& c : {Variable{"ORCHESTRATOR_LOG_LEVEL", "loud"},
                            {"ORCHESTRATOR_API_LISTEN", "nowhere"},
                            {"ORCHESTRATOR_LOG_FORMAT", "[unclosed"},
                            {"ORCHESTRATOR_PROVIDER_TOKENS_FILE", "/does/not/exist"}}) {
    INFO(c.name);
    const auto config = Read("", {{c.name, c.value}});
    REQUIRE_FALSE(config.has_value());
    REQUIRE(config.error().fields.size() == 1);
    CHECK(config.error().fields[0].pointer == c.name);
  }
}

TEST_CASE("A variable may name a file with the value") {
  const tests::TemporaryDirectory directory;
  const std::string path = directory.Write("token", "cccccccccccccccc\n");
  const auto config = Read("", {{"ORCHESTRATOR_PROVIDER_TOKENS_FILE", path}});
  REQUIRE(config.has_value());
  CHECK(config->provider.tokens == std::vector<std::string>{"cccccccccccccccc"});
}

TEST_CASE("Load reads the file, or the environment alone without one") {
  const tests::TemporaryDirectory directory;
  const Environment none = [](const std::string&) { return std::optional<std::string>(); };
  const std::string path = directory.Write("o.yaml", "log: {level: error}\n");
  CHECK(Load(path, none)->log.level == "error");
  CHECK(Load("", none)->log.level == "info");

  const auto missing = Load(directory.path() / "none.yaml", none);
  REQUIRE_FALSE(missing.has_value());
  CHECK_THAT(missing.error().message, ContainsSubstring("No such file"));
}

TEST_CASE("A folder is no configuration file") {
  const tests::TemporaryDirectory directory;
  const auto config = Load(directory.path(), ProcessEnvironment);
  REQUIRE_FALSE(config.has_value());
  CHECK_THAT(config.error().message, ContainsSubstring("cannot read"));
}

TEST_CASE("The example is a configuration") {
  const auto example =
      std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path() /
      "examples" / "orchestrator.yaml";
  std::ifstream file(example);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  REQUIRE(text.contains("docker:"));
  const auto config = Read(text);
  INFO((config ? "" : config.error().message));
  CHECK(config.has_value());
}

}  // namespace
}  // namespace orchestrator::config
