#include "tests/bench/poll_bench.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "orchestrator/command/site_commands.h"
#include "orchestrator/routing/document_publisher.h"
#include "orchestrator/store/sqlite_store.h"
#include "provider/default_certificate.h"
#include "provider/poll_server.h"
#include "tests/bench/report.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using namespace orchestrator;
using Clock = std::chrono::steady_clock;

// A connection that polls the provider and tells when the first byte of an answer came.
class PollConnection {
 public:
  explicit PollConnection(std::uint16_t port)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect to the provider");
    }
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~PollConnection() { close(socket_); }
  PollConnection(const PollConnection&) = delete;
  PollConnection& operator=(const PollConnection&) = delete;

  int descriptor() const { return socket_; }

  void Ask() {
    static constexpr std::string_view kRequest =
        "GET /configuration HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nPrefer: "
        "wait=30\r\n\r\n";
    if (send(socket_, kRequest.data(), kRequest.size(), 0) < 0) throw std::runtime_error("send");
    answer_.assign(1 << 16, '\0');
    size_ = 0;
    whole_ = 0;
  }

  // Takes what has come, or waits for it. Whether the answer is whole now.
  bool Take() {
    if (answer_.size() < whole_) answer_.resize(whole_);
    const ssize_t count = recv(socket_, answer_.data() + size_, answer_.size() - size_, 0);
    if (count <= 0) throw std::runtime_error("the provider closed the connection");
    size_ += static_cast<std::size_t>(count);
    if (whole_ == 0) {
      const std::size_t end = std::string_view(answer_).substr(0, size_).find("\r\n\r\n");
      if (end == std::string::npos) return false;
      whole_ = end + 4 + std::stoul(answer_.substr(answer_.find("Content-Length: ") + 16));
    }
    return size_ >= whole_;
  }

  // When the first byte of the answer came.
  Clock::time_point Poll() {
    Ask();
    bool whole = Take();
    const auto first = Clock::now();
    while (!whole) whole = Take();
    return first;
  }

 private:
  int socket_;
  std::string answer_;
  std::size_t size_ = 0;
  std::size_t whole_ = 0;
};

// The provider over a store with this many sites.
class Provider {
 public:
  explicit Provider(int sites) : sites_(sites) {
    site::Batch batch;
    for (int id = 1; id <= sites; ++id) {
      const nlohmann::json external{{"id", id},
                                    {"kind", "external"},
                                    {"hosts", {fmt::format("site{}.example.com", id)}},
                                    {"upstreams", {"http://192.0.2.1"}}};
      batch.upsert.push_back(*site::Parse(external.dump()));
    }
    if (!commands_.Apply(batch)) throw std::runtime_error("the batch was refused");
    const auto port = server_.Start({"127.0.0.1", 0, {}});
    if (!port) throw std::runtime_error(port.error());
    port_ = *port;
    Eventually([&] { return pools_.Default().publisher.Current() != nullptr; });
  }
  ~Provider() { pools_.Close(); }

  std::uint16_t port() const { return port_; }

  // Changes one site while so many polls are held. When it was committed.
  Clock::time_point Change(int number, int polls) {
    if (!Eventually([&] { return server_.counters().holding == polls; }, 10s, 1ms)) {
      throw std::runtime_error("the polls are not held");
    }
    const std::string patch = fmt::format(R"({{"hosts": ["changed{}.example.com"]}})", number);
    if (!commands_.Patch({1 + number % sites_}, patch, {})) throw std::runtime_error("refused");
    return Clock::now();
  }

 private:
  const int sites_;
  const TemporaryDirectory directory_;
  const std::unique_ptr<store::Store> store_ =
      store::OpenSqlite(directory_.path() / "bench.db").value();
  const routing::RouteOptions routes_{
      .entry_points = {"web"},
      .network = "network",
      .probe = {"probe.invalid", "X-Probe", "secret", "X-Revision"}};
  command::SiteCommands commands_{*store_, {.routes = routes_, .has_engine = false}};
  provider::Pools pools_{{}};
  provider::PollServer server_{pools_, {}};
  routing::Recorder recorder_{nullptr, {.last_known_good = directory_.path() / "last-known-good"}};
  routing::PoolDocument document_{
      *store_,
      pools_.Default(),
      recorder_,
      nullptr,
      {.routes = routes_,
       .limits = {},
       .make_assembly =
           [this] {
             return provider::Assembly(routes_.probe, {"web"}, provider::MakeDefaultCertificate(),
                                       provider::Assembly::Routers::kTree);
           },
       .before = {}}};
  const routing::DocumentPublisher follower_{*store_, {&document_}};
  std::uint16_t port_ = 0;
};

// From the commit of a change to the first byte at a Traefik that waits for it.
void BenchOnePoll() {
  constexpr int kSites = 500;
  constexpr int kRounds = 500;
  Provider provider(kSites);
  std::vector<double> samples;
  std::binary_semaphore polled(0);
  Clock::time_point first_byte;
  std::jthread poller([&] {
    PollConnection connection(provider.port());
    connection.Poll();
    for (int round = 0; round < kRounds; ++round) {
      first_byte = connection.Poll();
      polled.release();
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    const auto committed = provider.Change(round, 1);
    polled.acquire();
    samples.push_back(Milliseconds(first_byte - committed));
  }
  Report("commit_to_first_byte_of_poll", samples, {{"sites", kSites}});
}

// From the commit of a change to the last byte at the last of many Traefiks.
void BenchManyPolls() {
  constexpr int kSites = 100;
  constexpr int kPolls = 200;
  constexpr int kRounds = 100;
  Provider provider(kSites);
  std::vector<std::unique_ptr<PollConnection>> connections;
  std::vector<pollfd> waiting;
  for (int i = 0; i < kPolls; ++i) {
    connections.push_back(std::make_unique<PollConnection>(provider.port()));
    connections.back()->Poll();
  }
  std::vector<double> samples;
  for (int round = 0; round < kRounds; ++round) {
    waiting.clear();
    for (const auto& connection : connections) {
      connection->Ask();
      waiting.push_back({connection->descriptor(), POLLIN, 0});
    }
    const auto committed = provider.Change(round, kPolls);
    for (int left = kPolls; left > 0;) {
      if (poll(waiting.data(), waiting.size(), 10'000) <= 0) throw std::runtime_error("no answer");
      for (std::size_t i = 0; i < waiting.size(); ++i) {
        if ((waiting[i].revents & POLLIN) == 0 || !connections[i]->Take()) continue;
        waiting[i].fd = -1;  // not asked about any more
        --left;
      }
    }
    samples.push_back(Milliseconds(Clock::now() - committed));
  }
  Report("commit_to_last_byte_of_held_polls", samples,
         {{"sites", kSites}, {"polls", kPolls}, {"target_max", 20}});
}

}  // namespace

void BenchPoll() {
  BenchOnePoll();
  BenchManyPolls();
}

}  // namespace tests
