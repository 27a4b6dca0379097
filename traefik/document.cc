#include "traefik/document.h"

#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "traefik/base/json_text.h"
#include "traefik/layout.h"

namespace traefik {
namespace {

// Writes the members of one JSON object in the order of the calls.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  ~ObjectWriter() { out_ += '}'; }
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;

  std::string& Key(std::string_view key) {
    if (!first_) out_ += ',';
    first_ = false;
    AppendJsonString(out_, key);
    out_ += ':';
    return out_;
  }

  void String(std::string_view key, std::string_view value) { AppendJsonString(Key(key), value); }

  void Strings(std::string_view key, const std::vector<std::string>& values) {
    AppendJsonStrings(Key(key), values);
  }

  void Integer(std::string_view key, std::int64_t value) {
    fmt::format_to(std::back_inserter(Key(key)), "{}", value);
  }

 private:
  std::string& out_;
  bool first_ = true;
};

RouterText Render(const std::string& name, const Router& router) {
  RouterText text;
  text.name = name;
  text.rule = router.rule;
  text.priority = router.priority;
  text.entry_points = router.entry_points;
  for (const std::string& middleware : router.middlewares) {
    AppendMembers(text.middlewares, JsonString(middleware));
  }
  {
    ObjectWriter object(text.body);
    object.String("rule", router.rule);
    object.String("service", router.service);
    if (router.priority != 0) object.Integer("priority", router.priority);
  }
  // Its members alone.
  text.body.erase(0, 1);
  text.body.pop_back();
  if (router.tls) {
    ObjectWriter tls(text.tls);
    text.has_resolver = !router.tls->cert_resolver.empty();
    if (text.has_resolver) tls.String("certResolver", router.tls->cert_resolver);
  }
  return text;
}

void RenderServers(std::string& out, const std::vector<std::string>& urls) {
  char separator = '[';
  for (const std::string& url : urls) {
    out += separator;
    ObjectWriter(out).String("url", url);
    separator = ',';
  }
  out += ']';
}

void Render(std::string& out, const Service& service) {
  ObjectWriter object(out);
  ObjectWriter balancer(object.Key("loadBalancer"));
  if (!service.server_urls.empty()) RenderServers(balancer.Key("servers"), service.server_urls);
  if (!service.servers_transport.empty()) {
    balancer.String("serversTransport", service.servers_transport);
  }
  if (service.sticky) {
    ObjectWriter sticky(balancer.Key("sticky"));
    ObjectWriter(sticky.Key("cookie")).String("name", service.sticky->name);
  }
  if (service.health_check) {
    ObjectWriter check(balancer.Key("healthCheck"));
    check.String("path", service.health_check->path);
    if (service.health_check->interval.count() > 0) {
      check.String("interval", fmt::format("{}ms", service.health_check->interval.count()));
    }
  }
}

void Render(std::string& out, const ServersTransport& transport) {
  ObjectWriter object(out);
  object.Integer("maxIdleConnsPerHost", transport.most_idle_per_host);
  ObjectWriter timeouts(object.Key("forwardingTimeouts"));
  timeouts.String("idleConnTimeout", fmt::format("{}ms", transport.idle_timeout.count()));
  if (transport.dial_timeout.count() > 0) {
    timeouts.String("dialTimeout", fmt::format("{}ms", transport.dial_timeout.count()));
  }
}

void Render(std::string& out, const Buffering& buffering) {
  ObjectWriter object(out);
  ObjectWriter(object.Key("buffering"))
      .Integer("maxRequestBodyBytes", buffering.max_request_body_bytes);
}

void Render(std::string& out, const Headers& headers) {
  ObjectWriter object(out);
  ObjectWriter members(object.Key("headers"));
  const auto add = [&](const char* key, const std::map<std::string, std::string>& values) {
    if (values.empty()) return;
    ObjectWriter custom(members.Key(key));
    for (const auto& [name, value] : values) custom.String(name, value);
  };
  add("customRequestHeaders", headers.custom_request_headers);
  add("customResponseHeaders", headers.custom_response_headers);
}

void Render(std::string& out, const Retry& retry) {
  ObjectWriter object(out);
  ObjectWriter members(object.Key("retry"));
  members.Integer("attempts", retry.attempts);
  members.String("initialInterval", fmt::format("{}ms", retry.initial_interval.count()));
}

void Render(std::string& out, const ErrorPages& pages) {
  ObjectWriter object(out);
  ObjectWriter members(object.Key("errors"));
  std::string& list = members.Key("status");
  char separator = '[';
  for (const int status : pages.statuses) {
    list += separator;
    AppendJsonString(list, std::to_string(status));
    separator = ',';
  }
  list += ']';
  if (pages.rewritten_status != 0) {
    ObjectWriter rewrites(members.Key("statusRewrites"));
    for (const int status : pages.statuses) {
      rewrites.Integer(std::to_string(status), pages.rewritten_status);
    }
  }
  members.String("service", pages.service);
  members.String("query", pages.query);
}

void Render(std::string& out, const ReplacePath& replace) {
  ObjectWriter object(out);
  ObjectWriter(object.Key("replacePath")).String("path", replace.path);
}

template <typename Objects>
std::string RenderMembers(const Objects& objects) {
  std::string out;
  for (const auto& [name, object] : objects) {
    if (!out.empty()) out += ',';
    AppendJsonString(out, name);
    out += ':';
    Render(out, object);
  }
  return out;
}

// The texts of every section of a document, in the order of the fragments.
using Texts = std::map<std::string_view, std::vector<std::string_view>>;

}  // namespace

Fragment RenderFragment(const Configuration& configuration) {
  Fragment fragment;
  for (const auto& [name, router] : configuration.routers) {
    fragment.routers.push_back(Render(name, router));
  }
  fragment.services = RenderMembers(configuration.services);
  fragment.servers_transports = RenderMembers(configuration.servers_transports);
  for (const auto& [name, middleware] : configuration.middlewares) {
    // An empty block would make Traefik refuse the whole document; without it, one router is
    // disabled.
    const auto* headers = std::get_if<Headers>(&middleware);
    if (headers && *headers == Headers()) continue;
    std::string& out = fragment.middlewares[name];
    std::visit([&](const auto& kind) { Render(out, kind); }, middleware);
  }
  return fragment;
}

Fragment RenderFragment(const codec::Value& configuration) {
  Fragment fragment;
  if (!configuration.object()) return fragment;
  for (const codec::Member& protocol : *configuration.object()) {
    if (!protocol.value.object()) continue;
    for (const codec::Member& kind : *protocol.value.object()) {
      const std::string section = protocol.name + "/" + kind.name;
      if (section == "tls/stores") continue;
      if (section == "http/routers" && kind.value.object()) {
        for (const codec::Member& router : *kind.value.object()) {
          fragment.routers.push_back(RenderRouter(router.name, router.value));
        }
        continue;
      }
      std::string members;
      if (const codec::List* items = kind.value.list()) {
        for (const codec::Value& item : *items) {
          AppendMembers(members, codec::ToJson(item));
        }
      } else if (const codec::Object* objects = kind.value.object()) {
        for (const codec::Member& object : *objects) {
          if (section == "http/middlewares") {
            fragment.middlewares[object.name] = codec::ToJson(object.value);
            continue;
          }
          AppendMember(members, object.name, codec::ToJson(object.value));
        }
      }
      if (members.empty()) continue;
      if (section == "http/services") {
        fragment.services = std::move(members);
      } else if (section == "http/serversTransports") {
        fragment.servers_transports = std::move(members);
      } else {
        fragment.others[section] = std::move(members);
      }
    }
  }
  return fragment;
}

Fragment Joined(Fragment first, const Fragment& second) {
  first.routers.insert(first.routers.end(), second.routers.begin(), second.routers.end());
  AppendMembers(first.services, second.services);
  AppendMembers(first.servers_transports, second.servers_transports);
  for (const auto& [name, value] : second.middlewares) first.middlewares.emplace(name, value);
  for (const auto& [section, members] : second.others)
    AppendMembers(first.others[section], members);
  return first;
}

Configuration ProbeConfiguration(const RevisionProbe& probe, std::uint64_t revision,
                                 std::span<const std::string> entry_points) {
  static constexpr std::string_view kName = "orchestrator-probe";
  Configuration configuration;
  Router& router = configuration.routers[std::string(kName)];
  router.rule = fmt::format("Host(`{}`) && Header(`{}`, `{}`)", probe.host, probe.secret_header,
                            probe.secret);
  router.service = "noop@internal";
  router.entry_points.assign(entry_points.begin(), entry_points.end());
  router.middlewares = {std::string(kName)};
  configuration.middlewares[std::string(kName)] =
      Headers{{{probe.revision_header, std::to_string(revision)}}};
  return configuration;
}

std::string RenderMiddlewares(const std::map<std::string, std::string>& middlewares) {
  std::string out;
  for (const auto& [name, value] : middlewares) AppendMember(out, name, value);
  return out;
}

std::string RenderDefaultStore(const Certificate& certificate) {
  std::string out;
  AppendJsonString(out, "default");
  out += ':';
  {
    ObjectWriter store(out);
    ObjectWriter members(store.Key("defaultCertificate"));
    members.String("certFile", certificate.certificate_pem);
    members.String("keyFile", certificate.key_pem);
  }
  return out;
}

std::string RenderDocument(std::span<const Fragment* const> fragments,
                           const std::optional<Certificate>& default_certificate) {
  Texts texts;
  std::string routers;
  std::map<std::string, std::string> all_middlewares;
  const auto add = [&texts](std::string_view section, std::string_view text) {
    if (!text.empty()) texts[section].push_back(text);
  };
  for (const Fragment* fragment : fragments) {
    for (const RouterText& router : fragment->routers) AppendRouter(routers, router);
    add("http/services", fragment->services);
    add("http/serversTransports", fragment->servers_transports);
    all_middlewares.insert(fragment->middlewares.begin(), fragment->middlewares.end());
    for (const auto& [section, members] : fragment->others) add(section, members);
  }
  add("http/routers", routers);
  const std::string middlewares = RenderMiddlewares(all_middlewares);
  add("http/middlewares", middlewares);
  const std::string store = default_certificate ? RenderDefaultStore(*default_certificate) : "";
  add("tls/stores", store);

  std::vector<SectionShape> shapes;
  std::vector<const std::vector<std::string_view>*> parts;
  std::size_t size = 0;
  for (const auto& [section, members] : texts) {
    shapes.push_back({section, members.size()});
    parts.push_back(&members);
    for (const std::string_view text : members) size += text.size() + 1;
  }
  std::string out;
  out.reserve(size + 4096);
  LayOut(
      shapes, Form::kJson, [&out](std::string_view text) { out += text; },
      [&](std::size_t section, std::size_t part) { out += (*parts[section])[part]; });
  return out;
}

}  // namespace traefik
