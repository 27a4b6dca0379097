#include "tests/bench/scale_bench.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/routing/routes.h"
#include "provider/assembly.h"
#include "provider/default_certificate.h"
#include "provider/http/server.h"
#include "provider/prober.h"
#include "tests/bench/report.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/traefik_process.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using orchestrator::routing::RouteOptions;

constexpr int kSizes[] = {100, 1'000, 5'000, 10'000, 20'000, 50'000};
constexpr int kReloads = 3;
constexpr auto kLongestReload = 300s;

std::string HostOf(int id) {
  // Names as people choose them: they do not begin alike.
  static constexpr std::string_view kSyllables[] = {"ba", "ko", "ri", "ta",  "mo",  "ne",
                                                    "lu", "si", "da", "per", "van", "lin"};
  std::string name;
  for (int rest = id; rest > 0; rest /= 12) name += kSyllables[rest % 12];
  return name + ".sites.example.com";
}

// `another`: the number of one more host.
traefik::Fragment FragmentOf(int id, const std::string& upstream, const RouteOptions& options,
                             int another = 0) {
  auto site = MakeExternal(id);
  site.hosts = {{*traefik::HostName::Parse(HostOf(id)), {}}};
  if (another != 0) site.hosts.push_back({*traefik::HostName::Parse(HostOf(another)), {}});
  site.upstreams = {upstream};
  return orchestrator::routing::DocumentFragment(MakeRecord(site), options).value();
}

// Hands a document to Traefik when it changes.
class Endpoint {
 public:
  Endpoint()
      : server_([this](const provider::http::ServerRequest& request) { return Answer(request); },
                [](int) { return provider::http::ServerResponse(); }, {}) {
    const auto port = server_.Start({"127.0.0.1", 0, {}});
    if (!port) throw std::runtime_error(port.error());
    port_ = *port;
  }
  ~Endpoint() { Publish(0, std::make_shared<const std::string>("{}")); }

  std::string url() const { return fmt::format("http://127.0.0.1:{}/configuration", port_); }

  void Publish(std::uint64_t revision, std::shared_ptr<const std::string> document) {
    {
      const std::lock_guard lock(mutex_);
      revision_ = revision;
      document_ = std::move(document);
    }
    changed_.notify_all();
  }

 private:
  provider::http::ServerResponse Answer(const provider::http::ServerRequest& request) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 20s, [&] { return revision_ != request.connection->mark; });
    request.connection->mark = revision_;
    provider::http::ServerResponse response;
    response.shared_body = document_;
    return response;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t revision_ = 0;                   // guarded by mutex_
  std::shared_ptr<const std::string> document_;  // guarded by mutex_
  std::uint16_t port_ = 0;
  provider::http::Server server_;
};

// One nginx worker that answers every site's requests.
class Sites {
 public:
  Sites() : port_(FreePort()) {
    const std::string folder = directory_.path().string();
    const std::string file = directory_.Write(
        "nginx.conf",
        fmt::format(
            "worker_processes 1; daemon off; pid {0}/pid; error_log stderr crit;\n"
            "events {{ worker_connections 1024; }}\n"
            "http {{ access_log off; keepalive_requests 1000000;\n"
            "  client_body_temp_path {0}/b; proxy_temp_path {0}/p; fastcgi_temp_path {0}/f;\n"
            "  uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;\n"
            "  server {{ listen 127.0.0.1:{1}; location / {{ return 204; }} }} }}\n",
            folder, port_));
    nginx_ = std::make_unique<Process>(std::vector<std::string>{"/usr/sbin/nginx", "-c", file},
                                       directory_.path() / "log");
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

 private:
  TemporaryDirectory directory_;
  std::uint16_t port_;
  std::unique_ptr<Process> nginx_;
};

double RequestsPerSecond(const TraefikProcess& traefik, int sites) {
  std::mt19937 random(1);
  std::string hosts;
  for (int i = 0; i < 2'000; ++i) {
    hosts += fmt::format("\"{}\",", HostOf(std::uniform_int_distribution(1, sites)(random)));
  }
  const TemporaryDirectory directory;
  const std::string script = directory.Write(
      "hosts.lua", fmt::format("local hosts = {{{}}}\nlocal i = 0\nrequest = function()\n"
                               "  i = i % #hosts + 1\n"
                               "  return wrk.format('GET', '/', {{Host = hosts[i]}})\nend\n",
                               hosts));
  std::string output;
  for (const char* duration : {"2s", "6s"}) {  // the first one is to warm up
    output = RunProgram({"wrk", "-t1", "-c32", std::string("-d") + duration, "-s", script,
                         traefik.url() + "/"})
                 .output;
  }
  constexpr std::string_view kRate = "Requests/sec:";
  const auto at = output.find(kRate);
  if (at == std::string::npos || output.contains("Non-2xx")) {
    throw std::runtime_error("wrk says: " + output);
  }
  return std::stod(output.substr(at + kRate.size()));
}

void Measure(int sites, bool compiled, const std::string& upstream) {
  const RouteOptions options = MakeRouteOptions();
  const auto certificate = provider::MakeDefaultCertificate();
  std::vector<traefik::Fragment> fragments;
  for (int id = 1; id <= sites; ++id) fragments.push_back(FragmentOf(id, upstream, options));
  fragments.push_back(orchestrator::routing::SharedFragment(options));

  provider::Assembly assembly(options.probe, options.entry_points, certificate,
                              provider::Assembly::Routers::kTree);
  for (std::size_t i = 0; compiled && i < fragments.size(); ++i) assembly.Set(i, fragments[i]);
  const auto document = [&](std::uint64_t revision) {
    if (compiled) return assembly.Build(revision)->plain();
    const auto probe = traefik::RenderFragment(
        traefik::ProbeConfiguration(options.probe, revision, options.entry_points));
    std::vector<const traefik::Fragment*> all{&probe};
    for (const auto& fragment : fragments) all.push_back(&fragment);
    return std::make_shared<const std::string>(traefik::RenderDocument(all, certificate));
  };

  Endpoint endpoint;
  endpoint.Publish(1, document(1));
  TraefikProcess traefik(LongPollConfiguration(endpoint.url(), "bench"));
  provider::http::Client client;
  const provider::ConfiguredInstance instance{"bench", traefik.url()};
  const auto serves = [&](std::uint64_t revision) {
    const bool there = Eventually(
        [&] {
          return provider::Prober::Ask(client, instance, options.probe, "/",
                                       options.probe.revision_header, {})
                     .value_or("") == std::to_string(revision);
        },
        kLongestReload, 2ms);
    if (!there) throw std::runtime_error("Traefik does not take the document: " + traefik.Log());
  };
  serves(1);

  std::vector<double> samples;
  std::size_t bytes = 0;
  for (std::uint64_t revision = 2; revision < 2 + kReloads; ++revision) {
    // One site has one more address.
    const std::size_t place = revision * 7;
    fragments[place] = FragmentOf(static_cast<int>(place) + 1, upstream, options,
                                  static_cast<int>(1'000'000 + revision));
    if (compiled) assembly.Set(place, fragments[place]);
    const auto text = document(revision);
    bytes = text->size();
    const auto start = Clock::now();
    endpoint.Publish(revision, text);
    serves(revision);
    samples.push_back(Milliseconds(Clock::now() - start));
  }
  Report("traefik_reload", std::move(samples),
         {{"sites", sites},
          {"document", compiled ? "compiled" : "naive"},
          {"document_bytes", bytes},
          {"requests_per_second", RequestsPerSecond(traefik, sites)}});
  traefik.Stop();
}

}  // namespace

void BenchScale() {
  const Sites upstream;
  for (const int sites : kSizes) {
    for (const bool compiled : {false, true}) Measure(sites, compiled, upstream.url());
  }
}

}  // namespace tests
