#include "tests/bench/endpoint_bench.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "provider/poll_server.h"
#include "provider/snapshot.h"
#include "tests/bench/http_load.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/traefik_process.h"
#include "tests/support/web.h"

namespace tests {
namespace {

constexpr int kRounds = 3;
constexpr std::chrono::seconds kTime{2};
constexpr const char* kPath = "/configuration";

// A document of about `bytes` when it is packed: what cannot be packed better.
std::shared_ptr<const provider::Snapshot> MakeDocument(std::size_t bytes) {
  static constexpr std::string_view kDigits =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
  std::mt19937 random(1);
  std::vector<provider::Section> sections{{"http/routers", {}}};
  constexpr std::size_t kPart = 64 << 10;
  for (std::size_t left = bytes * 4 / 3; left > 0;) {  // six bits a character
    const std::size_t size = std::min(left, kPart);
    std::string text = fmt::format("\"r{}\":\"", left);
    for (std::size_t i = 0; i < size; ++i) text += kDigits[random() % kDigits.size()];
    sections[0].parts.push_back(provider::Pack(text + '"'));
    left -= size;
  }
  return std::make_shared<const provider::Snapshot>(1, std::move(sections), traefik::Form::kMerged);
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

void BenchEndpoint() {
  struct Size {
    const char* sites;
    std::size_t bytes;
    double target;
  };
  const Size sizes[] = {{"100", 2'700, 0.5}, {"10,000", 145'000, 0.9}, {"100,000", 1'400'000, 1.3}};
  for (const Size& size : sizes) {
    provider::Pools pools{{}};
    provider::Publisher& publisher = pools.Default().publisher;
    provider::PollServer server(pools, {});
    const auto document = MakeDocument(size.bytes);
    publisher.Publish(document);
    const auto port = server.Start({"127.0.0.1", 0, {}});
    if (!port) throw std::runtime_error(port.error());

    const TemporaryDirectory directory;
    std::ofstream(directory.path() / "configuration", std::ios::binary) << *document->gzip();
    const std::uint16_t nginx_port = FreePort();
    directory.Write("nginx.conf",
                    fmt::format("worker_processes 1; daemon off; pid {0}/pid; error_log stderr;\n"
                                "user root;\n"
                                "events {{ worker_connections 1024; }}\n"
                                "http {{ access_log off; sendfile on; tcp_nopush on;\n"
                                "  keepalive_requests 1000000000; default_type application/yaml;\n"
                                "  open_file_cache max=10;\n"
                                "  server {{ listen 127.0.0.1:{1}; root {0};\n"
                                "    add_header Content-Encoding gzip; }} }}\n",
                                directory.path().string(), nginx_port));
    Process nginx({"nginx", "-e", "stderr", "-p", directory.path().string(), "-c",
                   (directory.path() / "nginx.conf").string()},
                  directory.path() / "log");
    provider::http::Client client;
    provider::http::ClientRequest probe;
    probe.url = fmt::format("http://127.0.0.1:{}{}", nginx_port, kPath);
    if (!Eventually([&] { return client.Send(probe).has_value(); })) {
      throw std::runtime_error("nginx does not answer: " + nginx.Output());
    }
    std::vector<double> ratios;
    for (const int connections : {1, 16, 64}) {
      std::vector<double> own_rates;
      std::vector<double> nginx_rates;
      for (int round = 0; round < kRounds; ++round) {
        own_rates.push_back(RequestsPerSecond(*port, kPath, connections, kTime));
        nginx_rates.push_back(RequestsPerSecond(nginx_port, kPath, connections, kTime));
      }
      ratios.push_back(Median(own_rates) / Median(nginx_rates));
      const nlohmann::json line{{"benchmark", "endpoint_beside_nginx"},
                                {"unit", "requests/s"},
                                {"sites", size.sites},
                                {"bytes", document->gzip()->size()},
                                {"connections", connections},
                                {"endpoint", Median(own_rates)},
                                {"nginx", Median(nginx_rates)},
                                {"ratio", ratios.back()}};
      std::printf("%s\n", line.dump().c_str());
      std::fflush(stdout);
    }
    nginx.Signal(SIGTERM);  // it ends its worker, too
    nginx.Wait(std::chrono::seconds(5));
    const nlohmann::json line{{"benchmark", "endpoint_beside_nginx_median"},
                              {"sites", size.sites},
                              {"bytes", document->gzip()->size()},
                              {"ratio", Median(ratios)},
                              {"target", size.target}};
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
    publisher.Close();
    server.Stop();
  }
}

}  // namespace tests
