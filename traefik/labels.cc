#include "traefik/labels.h"

#include <algorithm>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace traefik {
namespace {

constexpr std::string_view kEnable = "traefik.enable";
constexpr std::string_view kNetwork = "traefik.swarm.network";
constexpr std::string_view kVirtualAddress = "traefik.swarm.lbswarm";

std::string Join(const std::vector<std::string>& values) {
  return fmt::format("{}", fmt::join(values, ","));
}

void Encode(const std::string& name, const Router& router, Labels& labels) {
  const std::string prefix = fmt::format("traefik.http.routers.{}.", name);
  labels[prefix + "rule"] = router.rule;
  labels[prefix + "service"] = router.service;
  if (!router.entry_points.empty()) labels[prefix + "entrypoints"] = Join(router.entry_points);
  if (!router.middlewares.empty()) labels[prefix + "middlewares"] = Join(router.middlewares);
  if (router.priority != 0) labels[prefix + "priority"] = std::to_string(router.priority);
  if (!router.tls) return;
  labels[prefix + "tls"] = "true";
  if (!router.tls->cert_resolver.empty()) {
    labels[prefix + "tls.certresolver"] = router.tls->cert_resolver;
  }
}

void Encode(const std::string& name, const Service& service, Labels& labels) {
  const std::string prefix = fmt::format("traefik.http.services.{}.loadbalancer.", name);
  if (service.server_port) labels[prefix + "server.port"] = std::to_string(*service.server_port);
  if (!service.server_urls.empty()) {
    labels[prefix + "server.url"] = service.server_urls.front();
    // Otherwise Traefik passes over services without a task that runs.
    labels[std::string(kVirtualAddress)] = "true";
  }
  if (service.sticky) labels[prefix + "sticky.cookie.name"] = service.sticky->name;
  if (service.health_check) {
    labels[prefix + "healthcheck.path"] = service.health_check->path;
    if (service.health_check->interval.count() > 0) {
      labels[prefix + "healthcheck.interval"] =
          fmt::format("{}ms", service.health_check->interval.count());
    }
  }
}

void Encode(const std::string& name, const Buffering& buffering, Labels& labels) {
  labels[fmt::format("traefik.http.middlewares.{}.buffering.maxRequestBodyBytes", name)] =
      std::to_string(buffering.max_request_body_bytes);
}

void Encode(const std::string& name, const Headers& headers, Labels& labels) {
  for (const auto& [header, value] : headers.custom_response_headers) {
    labels[fmt::format("traefik.http.middlewares.{}.headers.customresponseheaders.{}", name,
                       header)] = value;
  }
  for (const auto& [header, value] : headers.custom_request_headers) {
    labels[fmt::format("traefik.http.middlewares.{}.headers.customrequestheaders.{}", name,
                       header)] = value;
  }
}

void Encode(const std::string& name, const Retry& retry, Labels& labels) {
  const std::string prefix = fmt::format("traefik.http.middlewares.{}.retry.", name);
  labels[prefix + "attempts"] = std::to_string(retry.attempts);
  labels[prefix + "initialinterval"] = fmt::format("{}ms", retry.initial_interval.count());
}

void Encode(const std::string& name, const ErrorPages& pages, Labels& labels) {
  const std::string prefix = fmt::format("traefik.http.middlewares.{}.errors.", name);
  labels[prefix + "status"] = fmt::format("{}", fmt::join(pages.statuses, ","));
  if (pages.rewritten_status != 0) {
    for (const int status : pages.statuses) {
      labels[fmt::format("{}statusrewrites.{}", prefix, status)] =
          std::to_string(pages.rewritten_status);
    }
  }
  labels[prefix + "service"] = pages.service;
  labels[prefix + "query"] = pages.query;
}

void Encode(const std::string& name, const ReplacePath& replace, Labels& labels) {
  labels[fmt::format("traefik.http.middlewares.{}.replacepath.path", name)] = replace.path;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool StartsWithIgnoringCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && EqualsIgnoringCase(text.substr(0, prefix.size()), prefix);
}

}  // namespace

Labels EncodeLabels(const Configuration& configuration, std::string_view network) {
  Labels labels{{std::string(kEnable), "true"}, {std::string(kNetwork), std::string(network)}};
  for (const auto& [name, router] : configuration.routers) Encode(name, router, labels);
  for (const auto& [name, service] : configuration.services) Encode(name, service, labels);
  for (const auto& middleware : configuration.middlewares) {
    std::visit([&](const auto& kind) { Encode(middleware.first, kind, labels); },
               middleware.second);
  }
  return labels;
}

Labels DisabledLabels() { return {{std::string(kEnable), "false"}}; }

bool BelongsTo(std::string_view key, std::string_view name) {
  if (EqualsIgnoringCase(key, kEnable) || StartsWithIgnoringCase(key, "traefik.swarm."))
    return true;
  for (const std::string_view section :
       {"traefik.http.routers.", "traefik.http.services.", "traefik.http.middlewares.",
        "traefik.http.serverstransports.", "traefik.tcp.routers.", "traefik.tcp.services.",
        "traefik.tcp.middlewares.", "traefik.tcp.serverstransports.", "traefik.udp.routers.",
        "traefik.udp.services.", "traefik.tls.options."}) {
    if (!StartsWithIgnoringCase(key, section)) continue;
    const std::string_view rest = key.substr(section.size());
    if (!StartsWithIgnoringCase(rest, name)) return false;
    const std::string_view after = rest.substr(name.size());
    return after.empty() || after.front() == '.' || after.front() == '-';
  }
  return false;
}

}  // namespace traefik
