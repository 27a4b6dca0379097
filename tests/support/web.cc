#include "tests/support/web.h"

#include <stdexcept>

#include <fmt/format.h>

namespace tests {

using namespace std::chrono_literals;

Visit VisitSite(provider::http::Client& client, const std::string& traefik_url,
                const std::string& host, const std::string& path) {
  provider::http::ClientRequest request;
  if (traefik_url.starts_with("https://")) {
    request.url = "https://" + host + path;
    request.place = traefik_url;
  } else {
    request.url = traefik_url + path;
    request.headers = {{"Host", host}};
  }
  request.timeout = 10s;
  auto response = client.Send(request);
  if (!response) return {0, response.error().message};
  return {response->status, std::move(response->body)};
}

Upstream::Upstream(std::string text, const std::string& address)
    : address_(address),
      server_(
          [text = std::move(text)](const provider::http::ServerRequest& request) {
            provider::http::ServerResponse response;
            response.body = text + " " + request.path;
            return response;
          },
          [](int status) {
            provider::http::ServerResponse response;
            response.status = status;
            return response;
          },
          {.connections = 64}) {
  const auto port = server_.Start({address, 0, {}});
  if (!port) throw std::runtime_error(port.error());
  port_ = *port;
}

Load::Load(std::string traefik_url, std::vector<std::string> hosts, std::vector<std::string> texts)
    : traefik_url_(std::move(traefik_url)),
      hosts_(std::move(hosts)),
      texts_(std::move(texts)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Load::~Load() = default;

Load::Result Load::Stop() {
  thread_.request_stop();
  thread_.join();
  return result_;
}

void Load::Run(const std::stop_token& stop) {
  provider::http::Client kept;
  while (!stop.stop_requested()) {
    provider::http::Client fresh;  // every round once with new connections, once with kept ones
    for (std::size_t i = 0; i < hosts_.size() && !stop.stop_requested(); ++i) {
      const std::string& host = hosts_[i];
      for (provider::http::Client* client : {&kept, &fresh}) {
        const Visit visit = VisitSite(*client, traefik_url_, host);
        ++result_.sent;
        ++sent_;
        if (visit.status == 200 && (texts_.empty() || visit.body.contains(texts_[i]))) continue;
        if (visit.status == 200) {
          ++result_.wrong;
          if (result_.first_wrong.empty()) result_.first_wrong = host + ": " + visit.body;
          continue;
        }
        ++result_.failed;
        if (result_.first_failure.empty()) {
          result_.first_failure = fmt::format("{}: {} {}", host, visit.status, visit.body);
        }
      }
    }
  }
}

}  // namespace tests
