#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "provider/http/client.h"
#include "provider/http/server.h"

namespace tests {

// What a visitor gets: status and body, with status 0 where nobody answers.
struct Visit {
  int status = 0;
  std::string body;
};

// Asks a Traefik for a host and path; at an https:// URL by the host's name in TLS, too.
Visit VisitSite(provider::http::Client& client, const std::string& traefik_url,
                const std::string& host, const std::string& path = "/");

// A web server of our own that an external site can point at; answers with its text and the path.
class Upstream {
 public:
  explicit Upstream(std::string text, const std::string& address = "127.0.0.1");

  std::string url() const { return "http://" + address_ + ":" + std::to_string(port_); }

 private:
  std::string address_;
  provider::http::Server server_;
  std::uint16_t port_ = 0;
};

// Visits hosts one after the other, again and again, until it is told to stop.
class Load {
 public:
  // `texts`: what the body of a good answer has, for each host; none: anything.
  Load(std::string traefik_url, std::vector<std::string> hosts,
       std::vector<std::string> texts = {});
  ~Load();

  struct Result {
    std::size_t sent = 0;
    std::size_t failed = 0;
    std::string first_failure;
    std::size_t wrong = 0;  // good statuses with what another host has
    std::string first_wrong;
  };
  Result Stop();

  std::size_t sent() const { return sent_; }

 private:
  void Run(const std::stop_token& stop);

  const std::string traefik_url_;
  const std::vector<std::string> hosts_;
  const std::vector<std::string> texts_;
  std::atomic<std::size_t> sent_ = 0;
  Result result_;
  std::jthread thread_;
};

}  // namespace tests
