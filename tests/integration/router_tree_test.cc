// The tree of routers against the flat ones: two real Traefiks, one with the document as it was
// written and one with it compiled, have to give every request the same answer.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <curl/curl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "provider/http/client.h"
#include "provider/http/server.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/traefik_process.h"
#include "tests/support/web.h"
#include "traefik/codec/decoder.h"
#include "traefik/compile.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr int kEntryPoints = 12;

struct Request {
  int entry_point;
  bool tls;
  std::string method;
  std::string host;
  std::string path;
  bool has_header;
};

std::string Describe(const Request& request) {
  return fmt::format("{} {}://{}{} at e{}{}", request.method, request.tls ? "https" : "http",
                     request.host, request.path, request.entry_point,
                     request.has_header ? " with the header" : "");
}

// Answers of a Traefik with the documents that it is given.
class RoutingTraefik {
 public:
  // `more` goes into the static configuration below the providers.
  explicit RoutingTraefik(const std::string& more = {})
      : server_([this](const provider::http::ServerRequest&) { return Document(); },
                [](int status) {
                  provider::http::ServerResponse response;
                  response.status = status;
                  return response;
                },
                {}) {
    const auto port = server_.Start({"127.0.0.1", 0, {}});
    REQUIRE(port);
    std::string entry_points;
    for (int i = 0; i < kEntryPoints; ++i) {
      ports_.push_back(FreePort());
      entry_points += fmt::format("  e{}:\n    address: \"127.0.0.1:{}\"\n", i, ports_.back());
    }
    traefik_ = std::make_unique<TraefikProcess>(fmt::format(
        "{}log: {{level: ERROR}}\nproviders:\n  providersThrottleDuration: 5ms\n"
        "  http: {{endpoint: \"http://127.0.0.1:{}/configuration\", pollInterval: 10ms}}\n{}",
        entry_points, *port, more));
    curl_easy_setopt(curl_.get(), CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl_.get(), CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl_.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl_.get(), CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl_.get(), CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(
        curl_.get(), CURLOPT_WRITEFUNCTION,
        +[](char*, std::size_t size, std::size_t count, void*) { return size * count; });
    curl_easy_setopt(curl_.get(), CURLOPT_HEADERFUNCTION, TakeHeader);
    curl_easy_setopt(curl_.get(), CURLOPT_HEADERDATA, this);
  }

  ~RoutingTraefik() { traefik_->Stop(); }

  // Until it serves `document`, in which a router says that it is the one with this number.
  void Serve(std::string document, int number) {
    {
      const std::lock_guard lock(mutex_);
      document_ = std::move(document);
    }
    const bool serves = Eventually(
        [&] {
          return Ask({0, false, "GET", "number.invalid", "/", false}) ==
                 fmt::format("418 {}", number);
        },
        30s, 2ms);
    INFO(traefik_->Log());
    REQUIRE(serves);
  }

  // The status, the router that answered, and what of the middlewares can be seen.
  std::string Ask(const Request& request) {
    header_.clear();
    const std::string connect_to =
        fmt::format("::127.0.0.1:{}", ports_[static_cast<std::size_t>(request.entry_point)]);
    curl_slist* to = curl_slist_append(nullptr, connect_to.c_str());
    curl_slist* headers = request.has_header ? curl_slist_append(nullptr, "X-A: 1") : nullptr;
    const std::string url =
        fmt::format("{}://{}{}", request.tls ? "https" : "http", request.host, request.path);
    curl_easy_setopt(curl_.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_.get(), CURLOPT_CONNECT_TO, to);
    curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl_.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
    const CURLcode code = curl_easy_perform(curl_.get());
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(to);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) return curl_easy_strerror(code);
    return fmt::format("{} {}", status, header_);
  }

  std::string Log() const { return traefik_->Log(); }

 private:
  static std::size_t TakeHeader(char* data, std::size_t size, std::size_t count, void* self) {
    std::string_view line(data, size * count);
    std::string& header = static_cast<RoutingTraefik*>(self)->header_;
    for (const std::string_view name : {"X-Router: ", "X-Outermost: ", "X-Passed-"}) {
      if (!line.starts_with(name)) continue;
      line.remove_prefix(name.size());
      header += (header.empty() ? "" : " ");
      header += line.substr(0, line.find('\r'));
      break;
    }
    return size * count;
  }

  provider::http::ServerResponse Document() {
    const std::lock_guard lock(mutex_);
    provider::http::ServerResponse response;
    response.status = document_.empty() ? 503 : 200;
    response.body = document_;
    return response;
  }

  std::mutex mutex_;
  std::string document_;  // guarded by mutex_
  provider::http::Server server_;
  std::vector<std::uint16_t> ports_;
  std::unique_ptr<TraefikProcess> traefik_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_{curl_easy_init(), curl_easy_cleanup};
  std::string header_;
};

// Flat routers at two entry points, with all that may come in the way of a tree.
class RouterGenerator {
 public:
  explicit RouterGenerator(unsigned seed) : random_(seed) {}

  bool Chance(int percent) { return Below(100) < percent; }
  int Below(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }

  std::string Host() {
    // Longer than the star: of `a.x` and `*.x` Traefik takes any for TLS options.
    static const std::vector<std::string> labels = {"aa",     "ab",      "abc", "bb",
                                                    "site-1", "site-12", "s_x"};
    static const std::vector<std::string> domains = {"example", "example.org", "a.example", "x"};
    return labels[static_cast<std::size_t>(Below(7))] + "." +
           domains[static_cast<std::size_t>(Below(4))];
  }

  std::string Path() {
    static const std::vector<std::string> paths = {"/", "/a", "/a/b", "/b", "/admin/x"};
    return paths[static_cast<std::size_t>(Below(5))];
  }

  std::string HostMatcher() {
    switch (Below(12)) {
      case 0:
        return "Host(`*." + Host() + "`)";
      case 1:
        return "Host(`*.example`)";
      case 2:
        return "HostRegexp(`^[ab]+\\.`)";
      case 3:
        return "HostRegexp(`\\.org\\.?$`)";
      case 4:
        return "!Host(`" + Host() + "`)";
      case 5:
        return "Host(`" + Upper(Host()) + "`)";
      default:
        return "Host(`" + Host() + "`)";
    }
  }

  std::string OtherMatcher() {
    switch (Below(6)) {
      case 0:
        return "Method(`POST`)";
      case 1:
        return "Header(`X-A`, `1`)";
      case 2:
        return "!PathPrefix(`" + Path() + "`)";
      case 3:
        return "Path(`" + Path() + "`)";
      default:
        return "PathPrefix(`" + Path() + "`)";
    }
  }

  std::string Rule() {
    if (Chance(7)) return OtherMatcher();
    if (Chance(30)) return "Host(`" + Host() + "`)";
    if (Chance(5)) return "HostRegexp(`^[a-z]*$`)";
    std::string hosts = HostMatcher();
    for (int more = Below(4) == 0 ? Below(4) : 0; more > 0; --more) hosts += " || " + HostMatcher();
    if (Chance(50)) return hosts;
    std::string rule = "(" + hosts + ") && " + OtherMatcher();
    if (Chance(15)) rule = "!(" + rule + ") && " + HostMatcher();
    if (Chance(10)) rule += " || " + HostMatcher() + " && " + OtherMatcher();
    return rule;
  }

  // Middlewares that many routers share.
  json Chain() {
    switch (Below(6)) {
      case 0:
        return {"max-request-one"};
      case 1:
        return {"max-request-one", "max-request-two"};
      case 2:
        return {"max-request-two", "max-request-one"};
      case 3:
        return {"max-request-refusing"};
      default:
        return json::array();
    }
  }

  static json ChainMiddlewares() {
    json middlewares;
    for (const char* name : {"max-request-one", "max-request-two"}) {
      middlewares[name]["headers"]["customResponseHeaders"] = {
          {"X-Outermost", name}, {fmt::format("X-Passed-{}", name), "yes"}};
    }
    middlewares["max-request-refusing"]["ipAllowList"]["sourceRange"] = {"192.0.2.1"};
    return middlewares;
  }

  // Priorities all differ, since between equal ones Traefik does not promise an order.
  void Add(json& http, const std::string& prefix, int entry_point) {
    std::set<std::int64_t> priorities;
    const int count = 3 + Below(25);
    const bool is_mixed = Chance(40);
    const int with_priorities = Chance(50) ? 30 : 2;
    const json chain = Chain();
    const int without_chain = Chance(50) ? 2 : 20;
    for (int i = 0; i < count; ++i) {
      const std::string name = fmt::format("{}-{}", prefix, i);
      json router{{"rule", Rule()}, {"service", "noop@internal"}};
      router["middlewares"] = Chance(without_chain) ? Chain() : chain;
      router["middlewares"].push_back(name);
      std::int64_t priority = static_cast<std::int64_t>(router["rule"].get<std::string>().size());
      while (Chance(with_priorities) || priorities.contains(priority)) {
        priority = Below(2000) - 500;
        if (priority == 0) priority = 1;
        router["priority"] = priority;
      }
      priorities.insert(priority);
      const std::string first = fmt::format("e{}", entry_point);
      const std::string second = fmt::format("e{}", entry_point + 1);
      router["entryPoints"] = json{first};
      if (is_mixed && Chance(30)) router["entryPoints"] = json{second, first};
      if (is_mixed && Chance(10)) router["entryPoints"] = json{second};
      if (is_mixed && Chance(25)) router["tls"] = json::object();
      if (is_mixed && Chance(5)) router["tls"] = {{"options", "old"}};
      if (is_mixed && Chance(8)) router["observability"] = {{"accessLogs", false}};
      if (Chance(3)) router["ruleSyntax"] = "v2";
      if (i > 0 && Chance(4)) AddParent(http, name, router);
      http["routers"][name] = router;
      http["middlewares"][name] = {{"headers", {{"customResponseHeaders", {{"X-Router", name}}}}}};
    }
  }

  Request AskFor(int entry_point) {
    Request request{entry_point + (Chance(25) ? 1 : 0),
                    Chance(20),
                    Chance(25) ? "POST" : "GET",
                    Host(),
                    Path(),
                    Chance(30)};
    if (Chance(15)) request.host = "q." + Host();
    if (Chance(5)) request.host = "nobody.invalid";
    if (Chance(5)) request.host = Upper(request.host);
    if (Chance(8) && !request.tls) request.host += ".";
    return request;
  }

 private:
  static std::string Upper(std::string text) {
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return text;
  }

  // Puts a tree of its own into the flat document.
  void AddParent(json& http, const std::string& name, json& router) {
    json parent{{"rule", HostMatcher()},
                {"entryPoints", router["entryPoints"]},
                {"priority", ++last_parent_priority_}};
    if (router.contains("tls")) parent["tls"] = router["tls"];
    for (const char* option : {"entryPoints", "tls", "observability"}) router.erase(option);
    router["parentRefs"] = json{name + "-parent"};
    http["routers"][name + "-parent"] = parent;
  }

  std::mt19937 random_;
  std::int64_t last_parent_priority_ = 3000;
};

traefik::codec::Value Decode(const json& document) {
  traefik::codec::Problems problems;
  const auto value = traefik::codec::DecodeDocument(document.dump(), problems);
  for (const auto& error : problems.errors) FAIL(error.pointer << ": " << error.detail);
  return value;
}

int Rounds() {
  const char* rounds = std::getenv("TEST_TREE_ROUNDS");
  return rounds ? std::atoi(rounds) : 60;
}

TEST_CASE("A tree of routers answers every request as the flat routers do") {
  RoutingTraefik flat;
  RoutingTraefik compiled;
  int trees = 0;
  int chains = 0;  // with one at a root
  for (int round = 1; round <= Rounds(); ++round) {
    RouterGenerator generator(static_cast<unsigned>(round));
    json document;
    document["tls"]["options"]["old"]["minVersion"] = "VersionTLS12";
    json& http = document["http"];
    http["routers"]["number"] = {{"rule", "Host(`number.invalid`)"},
                                 {"service", "noop@internal"},
                                 {"entryPoints", {"e0"}},
                                 {"priority", 100'000},
                                 {"middlewares", {"number"}}};
    http["middlewares"] = RouterGenerator::ChainMiddlewares();
    http["middlewares"]["number"] = {
        {"headers", {{"customResponseHeaders", {{"X-Router", std::to_string(round)}}}}}};
    for (int entry_point = 0; entry_point < kEntryPoints; entry_point += 2) {
      generator.Add(http, fmt::format("c{}", entry_point), entry_point);
    }
    const auto configuration = Decode(document);
    const std::size_t root = 1U << static_cast<unsigned>(generator.Below(6));
    const std::string tree = traefik::Compile(
        configuration, {.large = 0, .limits = {.root_hosts = root, .leaf_hosts = 1 + root / 3}});
    trees += tree.contains("\"tree-") ? 1 : 0;
    chains += tree.contains(R"("middlewares":["max-request-one"],"entryPoints")") ? 1 : 0;
    flat.Serve(document.dump(), round);
    compiled.Serve(tree, round);
    for (int entry_point = 0; entry_point < kEntryPoints; entry_point += 2) {
      for (int i = 0; i < 40; ++i) {
        const Request request = generator.AskFor(entry_point);
        const std::string expected = flat.Ask(request);
        const std::string answer = compiled.Ask(request);
        if (answer == expected) continue;
        for (const auto& [name, router] : http["routers"].items()) {
          if (name.starts_with(fmt::format("c{}-", entry_point))) {
            UNSCOPED_INFO(name << ": " << router.dump());
          }
        }
        FAIL("round " << round << ", root hosts " << root << ": " << Describe(request)
                      << "\nflat: " << expected << "\ntree: " << answer);
      }
    }
  }
  CHECK(trees > Rounds() / 2);
  CHECK(chains > Rounds() / 8);
}

TEST_CASE("A tree takes no request from routers of other providers") {
  const auto router = [](const std::string& name, const std::string& rule, int priority) {
    json http;
    http["routers"][name] = {{"rule", rule},
                             {"service", "noop@internal"},
                             {"entryPoints", {"e0"}},
                             {"middlewares", {name}}};
    if (priority != 0) http["routers"][name]["priority"] = priority;
    http["middlewares"][name] = {{"headers", {{"customResponseHeaders", {{"X-Router", name}}}}}};
    return http;
  };
  const auto site = [](int number) { return fmt::format("site-{}.example", number); };
  const TemporaryDirectory directory;
  json foreign = router("foreign", "Host(`" + site(9) + "`)", 0);
  foreign.merge_patch(router("others", "HostRegexp(`.`)", -1000));
  foreign.merge_patch(router("path", "Host(`" + site(10) + "`) && PathPrefix(`/blog`)", 100'005));
  const std::string file = directory.Write("foreign.yaml", json{{"http", foreign}}.dump());
  RoutingTraefik traefik("  file: {filename: " + file + "}\n");

  json http = router("number", "Host(`number.invalid`)", 0);
  http["middlewares"]["number"]["headers"]["customResponseHeaders"]["X-Router"] = "1";
  for (int i = 0; i < 100; ++i) {
    if (i != 9) http.merge_patch(router(fmt::format("r{}", i), "Host(`" + site(i) + "`)", 0));
  }
  http.merge_patch(router("far", "Host(`" + site(11) + "`) && PathPrefix(`/far-away`)", 100'009));
  http.merge_patch(router("app", "Host(`app.example`) && PathPrefix(`/app`)", 0));
  const std::string tree = traefik::Compile(
      Decode(json{{"http", http}}), {.large = 0, .limits = {.root_hosts = 16, .leaf_hosts = 4}});
  REQUIRE(tree.contains("parentRefs"));
  traefik.Serve(tree, 1);
  struct Case {
    const char* sentence;
    std::string host;
    const char* answer;
    const char* path = "/";
  };
  const Case cases[] = {
      {"should route its own", site(10), "418 r10"},
      {"should leave a host between its own to its router", site(9), "418 foreign"},
      {"should leave a longer host to a wildcard", site(10) + ".org", "418 others"},
      {"should leave a host that begins alike to a wildcard", "site-1", "418 others"},
      {"should leave all others", "other.example", "418 others"},
      {"should leave a path of its own host", site(10), "418 path", "/blog/x"},
      {"should keep a path of its own", site(11), "418 far", "/far-away"},
      {"should leave what it has no router for on its own host", "app.example", "418 others"},
      {"should keep what it has", "app.example", "418 app", "/app"},
  };
  for (const Case& c : cases) {
    INFO(c.sentence);
    CHECK(traefik.Ask({0, false, "GET", c.host, c.path, false}) == c.answer);
  }
}

}  // namespace
}  // namespace tests
