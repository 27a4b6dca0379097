#include "tests/bench/route_bench.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/report.h"
#include "tests/support/eventually.h"
#include "tests/support/orchestrator_process.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/traefik_process.h"
#include "tests/support/web.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

std::string HostOf(int id) { return fmt::format("site{}.example.com", id); }

// How often a host is visited until it answers: more often where it takes less, so that the visits
// neither blur the time nor take it from the Traefik that works on the change.
std::chrono::milliseconds PauseFor(int sites) {
  return sites <= 100 ? 1ms : sites <= 500 ? 2ms : 5ms;
}

// From `change`, which gives site 1 the host, to the first answer at that host.
double TimeRoute(provider::http::Client& client, const TraefikProcess& traefik,
                 const std::string& host, int sites, const std::function<void()>& change) {
  const auto begin = Clock::now();
  change();
  if (!Eventually([&] { return VisitSite(client, traefik.url(), host).status == 200; }, 60s,
                  PauseFor(sites))) {
    throw std::runtime_error("the route never came");
  }
  return Milliseconds(Clock::now() - begin);
}

// The same again and again, with another host each time.
std::vector<double> TimeRoutes(provider::http::Client& client, const TraefikProcess& traefik,
                               int sites, int rounds,
                               const std::function<void(const std::string& host)>& change) {
  std::vector<double> samples;
  for (int round = 0; round < rounds; ++round) {
    const std::string host = fmt::format("live{}.example.com", round);
    samples.push_back(TimeRoute(client, traefik, host, sites, [&] { change(host); }));
  }
  return samples;
}

// Hands out documents that are ready, the next one as soon as it is there: what a Traefik takes for
// them alone.
class ReadyDocuments {
 public:
  ReadyDocuments()
      : server_(
            [this](const provider::http::ServerRequest& request) {
              return Answer(*request.connection);
            },
            [](int status) {
              provider::http::ServerResponse response;
              response.status = status;
              return response;
            },
            {.connections = 8}) {
    const auto port = server_.Start({"127.0.0.1", 0, {}});
    if (!port) throw std::runtime_error(port.error());
    url_ = fmt::format("http://127.0.0.1:{}/configuration", *port);
  }
  ~ReadyDocuments() { Give({}); }
  ReadyDocuments(const ReadyDocuments&) = delete;
  ReadyDocuments& operator=(const ReadyDocuments&) = delete;

  const std::string& url() const { return url_; }

  void Give(provider::http::ServerResponse document) {
    const std::lock_guard lock(mutex_);
    document_ = std::move(document);
    ++version_;
    changed_.notify_all();
  }

 private:
  provider::http::ServerResponse Answer(provider::http::Connection& connection) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 20s, [&] { return connection.mark != version_; });
    connection.mark = version_;
    return document_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t version_ = 0;                // guarded by mutex_
  provider::http::ServerResponse document_;  // guarded by mutex_
  std::string url_;
  provider::http::Server server_;
};

// The document as its Traefik has just got it.
provider::http::ServerResponse CurrentDocument(OrchestratorProcess& orchestrator) {
  const Answer answer =
      orchestrator.Poll({{"X-Traefik-Instance", "edge"}, {"Accept-Encoding", "gzip"}});
  if (answer.status != 200) throw std::runtime_error("there is no document");
  provider::http::ServerResponse document;
  document.headers = {{"Content-Encoding", answer.Header("Content-Encoding")}};
  document.content_type = answer.Header("Content-Type");
  document.body = answer.body;
  return document;
}

void BenchProvider(int sites, int rounds, double target) {
  const std::uint16_t port = FreePort();
  OrchestratorProcess orchestrator(fmt::format(
      "docker: {{host: null}}\n"
      "traefik: {{instances: [{{name: edge, entry_point: \"http://127.0.0.1:{}\"}}]}}\n",
      port));
  orchestrator.Start();
  const Upstream upstream("hello");
  json batch{{"upsert", json::array()}};
  for (int id = 1; id <= sites; ++id) {
    batch["upsert"].push_back({{"id", id},
                               {"kind", "external"},
                               {"hosts", {HostOf(id)}},
                               {"upstreams", {upstream.url()}}});
  }
  const Answer answer = orchestrator.Call("POST", "/v1/sites/batch", batch.dump());
  if (answer.status != 200) throw std::runtime_error(answer.body);
  const TraefikProcess traefik(LongPollConfiguration(orchestrator.provider_url(), "edge"), port);
  provider::http::Client client;
  orchestrator.Call("PATCH", "/v1/sites/1?wait=routed&timeout=60s", "{}");
  ReadyDocuments ready;
  ready.Give(CurrentDocument(orchestrator));
  const TraefikProcess other(LongPollConfiguration(ready.url(), "edge"));
  TimeRoute(client, other, HostOf(1), sites, [] {});

  std::vector<double> routed;
  std::vector<double> confirmed;
  std::vector<double> alone;
  for (int round = 0; round < rounds; ++round) {
    const std::string host = fmt::format("live{}.example.com", round);
    const std::string path = fmt::format("/v1/sites/{}", 1 + round);
    routed.push_back(TimeRoute(client, traefik, host, sites, [&] {
      orchestrator.Call("PATCH", path, json{{"hosts", {host}}}.dump());
    }));
    const auto begin = Clock::now();
    orchestrator.Call("PATCH", path + "?wait=routed", json{{"hosts", {"next-" + host}}}.dump());
    confirmed.push_back(Milliseconds(Clock::now() - begin));
    auto document = CurrentDocument(orchestrator);
    alone.push_back(
        TimeRoute(client, other, "next-" + host, sites, [&] { ready.Give(std::move(document)); }));
  }
  Report("change_to_live_route", routed,
         {{"sites", sites}, {"provider", "ours"}, {"target_p50", target}});
  Report("change_confirmed_by_wait_routed", confirmed, {{"sites", sites}});
  Report("ready_document_to_live_route", alone, {{"sites", sites}});
}

json RouterOf(const std::string& host) {
  return {{"rule", "Host(`" + host + "`)"}, {"service", "all"}, {"entryPoints", {"web"}}};
}

// `throttle`: the pause that Traefik makes between two reloads.
void BenchFile(int sites, int rounds, const std::string& throttle) {
  const Upstream upstream("hello");
  const TemporaryDirectory directory;
  json document;
  for (int id = 1; id <= sites; ++id) {
    document["http"]["routers"][fmt::format("site{}", id)] = RouterOf(HostOf(id));
  }
  document["http"]["services"]["all"]["loadBalancer"]["servers"] = {{{"url", upstream.url()}}};
  const auto write = [&] { directory.Write("routes/routes.yml", document.dump()); };
  std::filesystem::create_directory(directory.path() / "routes");
  write();
  const TraefikProcess traefik(
      fmt::format("providers:\n  providersThrottleDuration: {}\n  file:\n    directory: \"{}\"\n",
                  throttle, (directory.path() / "routes").string()));
  provider::http::Client client;
  TimeRoute(client, traefik, HostOf(1), sites, [] {});
  const auto samples = TimeRoutes(client, traefik, sites, rounds, [&](const std::string& host) {
    document["http"]["routers"]["site1"] = RouterOf(host);
    write();
  });
  Report("change_to_live_route", samples,
         {{"sites", sites}, {"provider", "file"}, {"throttle", throttle}});
}

// A connection to Redis that can set keys.
class Redis {
 public:
  explicit Redis(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Redis() { close(socket_); }
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  bool connected() const { return connected_; }

  void Set(const std::string& key, const std::string& value) { Run({"SET", key, value}); }

  void Run(const std::vector<std::string>& words) {
    std::string command = fmt::format("*{}\r\n", words.size());
    for (const std::string& word : words)
      command += fmt::format("${}\r\n{}\r\n", word.size(), word);
    char answer[64];
    if (send(socket_, command.data(), command.size(), 0) < 0 ||
        recv(socket_, answer, sizeof answer, 0) <= 0 || answer[0] != '+') {
      throw std::runtime_error("Redis refused a command");
    }
  }

 private:
  int socket_;
  bool connected_ = false;
};

void BenchRedis(int sites, int rounds, const std::string& throttle) {
  const Upstream upstream("hello");
  const TemporaryDirectory directory;
  const std::uint16_t port = FreePort();
  const Process server(
      {"redis-server", "--port", std::to_string(port), "--bind", "127.0.0.1", "--save", "",
       "--notify-keyspace-events", "KEA", "--dir", directory.path().string()},
      directory.path() / "log");
  if (!Eventually([&] { return Redis(port).connected(); })) {
    throw std::runtime_error("redis-server does not answer: " + server.Output());
  }
  Redis redis(port);
  for (int id = 1; id <= sites; ++id) {
    const std::string router = fmt::format("traefik/http/routers/site{}/", id);
    redis.Set(router + "rule", "Host(`" + HostOf(id) + "`)");
    redis.Set(router + "service", "all");
    redis.Set(router + "entryPoints/0", "web");
  }
  redis.Set("traefik/http/services/all/loadBalancer/servers/0/url", upstream.url());
  const TraefikProcess traefik(fmt::format(
      "providers:\n  providersThrottleDuration: {}\n  redis:\n    endpoints: [\"127.0.0.1:{}\"]\n",
      throttle, port));
  provider::http::Client client;
  TimeRoute(client, traefik, HostOf(1), sites, [] {});
  const auto samples = TimeRoutes(client, traefik, sites, rounds, [&](const std::string& host) {
    redis.Set("traefik/http/routers/site1/rule", "Host(`" + host + "`)");
  });
  Report("change_to_live_route", samples,
         {{"sites", sites}, {"provider", "redis"}, {"throttle", throttle}});
}

}  // namespace

void BenchRoute() {
  BenchProvider(100, 60, 12);
  BenchProvider(500, 60, 35);
  for (const char* throttle : {"2s", "10ms"}) {  // Traefik's default, and what ours has
    BenchFile(500, 10, throttle);
    BenchRedis(500, 10, throttle);
  }
  BenchProvider(5'000, 20, 300);
}

}  // namespace tests
