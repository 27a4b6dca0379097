#include "tests/bench/codec_bench.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "tests/bench/report.h"
#include "tests/support/process.h"
#include "traefik/check/configuration_check.h"
#include "traefik/codec/decoder.h"
#include "traefik/codec/labels.h"

namespace tests {
namespace {

using Clock = std::chrono::steady_clock;
using traefik::codec::Problems;

constexpr int kRounds = 2000;
constexpr int kRouters = 100'000;

// What a site of this program has as labels.
traefik::codec::Labels SiteLabels() {
  return {
      {"traefik.enable", "true"},
      {"traefik.swarm.network", "director-sites"},
      {"traefik.http.routers.site_0017.rule", "Host(`www.example.com`) || Host(`example.com`)"},
      {"traefik.http.routers.site_0017.entrypoints", "web"},
      {"traefik.http.routers.site_0017.service", "site_0017"},
      {"traefik.http.routers.site_0017.middlewares", "max-request-10485760,orchestrator-retry"},
      {"traefik.http.services.site_0017.loadbalancer.server.port", "80"},
      {"traefik.http.middlewares.max-request-10485760.buffering.maxrequestbodybytes", "10485760"},
      {"traefik.http.middlewares.orchestrator-retry.retry.attempts", "5"},
      {"traefik.http.middlewares.orchestrator-retry.retry.initialinterval", "100ms"},
  };
}

std::string BigDocument() {
  std::string routers;
  std::string services;
  for (int i = 0; i < kRouters; ++i) {
    routers += fmt::format(
        R"j({}"site{}":{{"rule":"Host(`site{}.example.com`)","service":"site{}","entryPoints":["web"]}})j",
        i > 0 ? "," : "", i, i, i);
    services += fmt::format(
        R"({}"site{}":{{"loadBalancer":{{"servers":[{{"url":"http://10.0.0.1:80"}}]}}}})",
        i > 0 ? "," : "", i);
  }
  return fmt::format(R"({{"http":{{"routers":{{{}}},"services":{{{}}}}}}})", routers, services);
}

}  // namespace

void BenchCodec() {
  const auto labels = SiteLabels();
  std::vector<double> decode;
  std::vector<double> encode;
  for (int round = 0; round < kRounds; ++round) {
    Problems problems;
    auto start = Clock::now();
    const auto value = traefik::codec::DecodeLabels(labels, problems);
    decode.push_back(Milliseconds(Clock::now() - start) * 1000);
    start = Clock::now();
    const auto encoded = traefik::codec::EncodeLabels(value);
    encode.push_back(Milliseconds(Clock::now() - start) * 1000);
    if (!problems.errors.empty() || !encoded.lost.empty()) throw std::runtime_error("labels");
  }
  Report("decode_labels_of_a_site", decode, {{"unit", "us"}});
  Report("encode_labels_of_a_site", encode, {{"unit", "us"}});

  const std::string document = BigDocument();
  const auto start = Clock::now();
  Problems problems;
  const auto value = traefik::codec::DecodeDocument(document, problems);
  traefik::check::CheckConfiguration(value, problems);
  const double time = Milliseconds(Clock::now() - start);
  if (!problems.errors.empty()) throw std::runtime_error(problems.errors[0].detail);
  Report("check_document", {time},
         {{"routers", kRouters},
          {"document_bytes", document.size()},
          {"peak_memory_kib", MemoryOf(getpid(), "VmHWM")}});
}

}  // namespace tests
