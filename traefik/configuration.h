#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// Traefik's dynamic configuration, as far as sites need it. Names are Traefik's own. Plain values
// without behaviour; the writers (labels.h, document.h) leave out what is empty or unset.
namespace traefik {

struct RouterTls {
  std::string cert_resolver;  // empty: the default certificate

  friend bool operator==(const RouterTls&, const RouterTls&) = default;
};

struct Router {
  std::string rule;
  std::string service;
  std::vector<std::string> entry_points;
  std::vector<std::string> middlewares;
  std::int64_t priority = 0;  // 0: the length of the rule
  std::optional<RouterTls> tls;

  friend bool operator==(const Router&, const Router&) = default;
};

struct StickyCookie {
  std::string name;  // always set: the default differs between providers

  friend bool operator==(const StickyCookie&, const StickyCookie&) = default;
};

struct HealthCheck {
  std::string path;
  std::chrono::milliseconds interval{0};  // 0: Traefik's default

  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

// One load balancer. A document gives URLs; labels give the port of the service's own tasks, or one
// URL.
struct Service {
  std::vector<std::string> server_urls;
  std::optional<std::uint16_t> server_port;
  std::optional<StickyCookie> sticky;
  std::optional<HealthCheck> health_check;
  std::string servers_transport;  // empty: Traefik's own; labels cannot define one

  friend bool operator==(const Service&, const Service&) = default;
};

// How connections to servers are made. What is left out of a transport in a document is not what
// Traefik's own transport has (two idle connections), so that one's defaults are always written.
struct ServersTransport {
  std::chrono::milliseconds dial_timeout{0};  // name lookup included
  std::chrono::milliseconds idle_timeout{90'000};
  unsigned most_idle_per_host = 200;

  friend bool operator==(const ServersTransport&, const ServersTransport&) = default;
};

struct Buffering {
  std::int64_t max_request_body_bytes = 0;

  friend bool operator==(const Buffering&, const Buffering&) = default;
};

struct Headers {
  std::map<std::string, std::string> custom_response_headers = {};
  std::map<std::string, std::string> custom_request_headers = {};  // empty ones are taken away

  friend bool operator==(const Headers&, const Headers&) = default;
};

// Tries a request again when no connection to a server was made.
struct Retry {
  unsigned attempts = 0;  // in all
  std::chrono::milliseconds initial_interval{0};

  friend bool operator==(const Retry&, const Retry&) = default;
};

// Answers with a page of another service instead of these statuses.
struct ErrorPages {
  std::vector<int> statuses;
  int rewritten_status = 0;  // what visitors get instead; 0: the status itself
  std::string service;
  std::string query;  // path and query of the page

  friend bool operator==(const ErrorPages&, const ErrorPages&) = default;
};

struct ReplacePath {
  std::string path;

  friend bool operator==(const ReplacePath&, const ReplacePath&) = default;
};

using Middleware = std::variant<Buffering, Headers, Retry, ErrorPages, ReplacePath>;

// Routers, services, middlewares and transports by name, in byte order.
struct Configuration {
  std::map<std::string, Router> routers;
  std::map<std::string, Service> services;
  std::map<std::string, Middleware> middlewares;
  std::map<std::string, ServersTransport> servers_transports;

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

// The certificate and key that Traefik shows where no better one is known: PEM texts.
struct Certificate {
  std::string certificate_pem;
  std::string key_pem;

  friend bool operator==(const Certificate&, const Certificate&) = default;
};

}  // namespace traefik
