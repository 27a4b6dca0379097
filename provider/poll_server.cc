#include "provider/poll_server.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "provider/base/secret.h"
#include "provider/pages.h"
#include "traefik/base/json_text.h"

namespace provider {
namespace {

constexpr std::size_t kLongestInstanceName = 64;

http::ServerResponse Problem(int status, std::string_view title, std::string_view detail) {
  http::ServerResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.headers = {{"Cache-Control", "no-store"}};
  response.body = fmt::format(R"({{"type":"about:blank","title":{},"status":{},"detail":{}}})",
                              traefik::JsonString(title), status, traefik::JsonString(detail));
  response.body += '\n';
  return response;
}

http::ServerResponse ErrorPage(int status) {
  return Problem(status, "Request refused", "this listener answers GET /configuration only");
}

// A name that is fit for logs and tables; the address where the client gave none.
std::string InstanceName(const http::ServerRequest& request) {
  const std::string_view name = request.Header("X-Traefik-Instance");
  const bool fit = !name.empty() && name.size() <= kLongestInstanceName &&
                   std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; });
  return fit ? std::string(name) : request.remote_address;
}

Pool* FindPool(Pools& pools, const http::ServerRequest& request) {
  const std::string_view name = request.Query("pool");
  return pools.Find(name.empty() ? kDefaultPool : name);
}

bool AcceptsGzip(std::string_view accept_encoding) {
  for (std::size_t at = accept_encoding.find("gzip"); at != std::string_view::npos;
       at = accept_encoding.find("gzip", at + 4)) {
    std::string_view parameters = accept_encoding.substr(at + 4);
    parameters = parameters.substr(0, parameters.find(','));
    std::string compact(parameters);
    std::erase(compact, ' ');
    if (compact != ";q=0" && compact != ";q=0.0") return true;
  }
  return false;
}

}  // namespace

std::chrono::seconds ParsePreferWait(std::string_view prefer) {
  while (!prefer.empty()) {
    const std::size_t end = std::min(prefer.find_first_of(",;"), prefer.size());
    std::string_view preference = prefer.substr(0, end);
    prefer.remove_prefix(std::min(end + 1, prefer.size()));
    while (preference.starts_with(' ')) preference.remove_prefix(1);
    while (preference.ends_with(' ')) preference.remove_suffix(1);
    if (!preference.starts_with("wait=")) continue;
    const std::string_view digits = preference.substr(5);
    unsigned seconds = 0;
    const auto [last, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (error == std::errc{} && last == digits.data() + digits.size()) {
      return std::chrono::seconds(seconds);
    }
  }
  return std::chrono::seconds(0);
}

PollServer::PollServer(Pools& pools, PollServerOptions options)
    : pools_(pools),
      options_(std::move(options)),
      server_(
          [this](const http::ServerRequest& request) { return Handle(request); }, ErrorPage,
          {.connections = 512, .body_bytes = 0, .answer_time = std::chrono::seconds(60)},
          {.admit =
               [this](const http::ServerRequest& request) -> std::optional<http::ServerResponse> {
             if (auto page = FindPage(request.path)) {
               ++counters_.pages;
               return page;
             }
             return Refuse(request);
           },
           .streams_body = {},
           .serve_socket = {}},
          options_.tls) {}

bool PollServer::IsAllowed(const http::ServerRequest& request) const {
  if (options_.tokens.empty()) return true;
  const std::string_view given = BearerToken(request.Header("Authorization"));
  // Every token is compared, so that the time tells nothing about which one matched.
  return std::ranges::count_if(options_.tokens, [&](const std::string& token) {
           return MatchesToken(token, given);
         }) > 0;
}

// Before any body is read.
std::optional<http::ServerResponse> PollServer::Refuse(const http::ServerRequest& request) {
  ++counters_.attempts;
  std::optional<http::ServerResponse> refusal;
  if (request.path != "/configuration") {
    refusal = Problem(404, "Not found", "this listener answers GET /configuration only");
  } else if (request.method != "GET" && request.method != "HEAD") {
    refusal = Problem(405, "Method not allowed", "use GET");
    refusal->headers.emplace_back("Allow", "GET, HEAD");
  } else if (!IsAllowed(request)) {
    refusal = Problem(401, "Unauthorized", "send one of the provider's tokens as a bearer token");
    refusal->headers.emplace_back("WWW-Authenticate", "Bearer");
  } else if (!FindPool(pools_, request)) {
    refusal = Problem(404, "No such pool",
                      fmt::format("there is no pool '{}' (routing.pools in the configuration)",
                                  request.Query("pool")));
  } else if (const auto format = request.Query("format"); !format.empty() && format != "json") {
    refusal = Problem(400, "Unknown format", "format may be json, or left out");
  }
  if (refusal) ++counters_.refused;
  return refusal;
}

http::ServerResponse PollServer::Handle(const http::ServerRequest& request) {
  Pool& pool = *FindPool(pools_, request);  // see Refuse
  const std::string instance = InstanceName(request);
  if (request.method == "HEAD") return Poll(request, pool, instance);  // of no Traefik
  pool.instances.RecordPollBegin(instance, request.remote_address);
  http::ServerResponse response = Poll(request, pool, instance);
  pool.instances.RecordPollEnd(instance);
  return response;
}

// What is current when there is something new and the instance has applied what it was given
// before; until then, changes are gathered.
std::shared_ptr<const Snapshot> PollServer::Hold(const http::ServerRequest& request,
                                                 const Pool& pool, const std::string& instance,
                                                 Publisher::Clock::time_point deadline) {
  auto snapshot =
      pool.publisher.WaitForOther(request.connection->mark, deadline, request.is_disconnected);
  if (snapshot->id() == request.connection->mark || !pool.instances.IsApplying(instance)) {
    return snapshot;
  }
  ++counters_.gathered;
  pool.instances.WaitApplied(
      instance, deadline, [&] { return pool.publisher.is_closed() || request.is_disconnected(); });
  return pool.publisher.Current();
}

http::ServerResponse PollServer::Poll(const http::ServerRequest& request, Pool& pool,
                                      const std::string& instance) {
  http::ServerResponse response;
  auto snapshot = pool.publisher.Current();
  const auto asked = ParsePreferWait(request.Header("Prefer"));
  const auto wait = std::min(asked, options_.longest_wait);
  if (wait.count() > 0 && snapshot && request.connection->mark != 0 &&
      (request.connection->mark == snapshot->id() || pool.instances.IsApplying(instance))) {
    // The count is taken first, so that a burst cannot get past the limit together.
    if (++counters_.holding <= static_cast<std::int64_t>(options_.held_polls)) {
      ++counters_.held;
      snapshot = Hold(request, pool, instance, Publisher::Clock::now() + wait);
      response.headers.emplace_back("Preference-Applied", fmt::format("wait={}", wait.count()));
    }
    --counters_.holding;
  }
  if (!snapshot) {
    ++counters_.unavailable;
    response = Problem(503, "Not ready", "the state is being loaded; nothing is known yet");
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }

  const bool gzip = AcceptsGzip(request.Header("Accept-Encoding"));
  const traefik::Form form =
      request.Query("format") == "json" ? traefik::Form::kJson : snapshot->form();
  const bool is_json = form == traefik::Form::kJson;
  response.content_type = is_json ? "application/json" : "application/yaml";
  response.shared_body =
      snapshot->BytesOf(form, gzip ? Snapshot::Encoding::kGzip : Snapshot::Encoding::kPlain);
  if (!response.shared_body) {
    ++counters_.unavailable;
    response = Problem(503, "Not ready", "the last document is known in its own form only");
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }
  if (gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  if (response.shared_body == snapshot->gzip()) response.shared_file = snapshot->GzipFile();
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back(
      "ETag", fmt::format("\"{}{}{}\"", snapshot->etag(), form == snapshot->form() ? "" : "-json",
                          gzip ? "-gzip" : ""));
  response.headers.emplace_back("X-Revision", std::to_string(snapshot->revision()));
  if (snapshot->is_stale()) response.headers.emplace_back("X-Stale", "true");
  if (request.method == "HEAD") return response;
  response.on_sent = [this, &pool, instance, connection = request.connection, id = snapshot->id(),
                      revision = snapshot->revision(), size = response.shared_body->size(),
                      plain_size = snapshot->plain_size()](bool complete) {
    if (!complete) {
      ++counters_.failed;
      return;
    }
    ++counters_.served;
    counters_.bytes += size;
    connection->mark = id;
    pool.instances.RecordDelivered(instance, revision, plain_size);
  };
  return response;
}

}  // namespace provider
