#include "orchestrator/docker/transport.h"

#include <algorithm>
#include <charconv>
#include <compare>
#include <utility>

#include <fmt/format.h>

#include "orchestrator/docker/codec.h"

namespace orchestrator::docker {
namespace {

struct ApiNumber {
  int major = 0;
  int minor = 0;

  friend auto operator<=>(const ApiNumber&, const ApiNumber&) = default;
};

constexpr ApiNumber kOldestSpoken{1, 41};
constexpr ApiNumber kNewestSpoken{1, 52};

ApiNumber ParseApiNumber(std::string_view text) {
  ApiNumber number;
  const char* const last = text.data() + text.size();
  const auto [dot, error] = std::from_chars(text.data(), last, number.major);
  if (error == std::errc{} && dot != last) std::from_chars(dot + 1, last, number.minor);
  return number;
}

Error FromAnswer(std::string_view what, const provider::http::ClientResponse& response) {
  const std::string message = ReadErrorMessage(response.body);
  const auto error = [&](ErrorKind kind) {
    return Error{kind, fmt::format("{}: {}", what, message),
                 fmt::format("status {}", response.status)};
  };
  // The engine says 500 or 400 for this one, depending on its version.
  if (message.contains("update out of sequence")) return error(ErrorKind::kOutOfSequence);
  switch (response.status) {
    case 400:
    case 403:
      return error(ErrorKind::kInvalid);
    case 404:
      return error(ErrorKind::kNotFound);
    case 409:
      return error(ErrorKind::kConflict);
    case 502:
    case 503:
    case 504:
      return error(ErrorKind::kUnavailable);
    default:
      if (message.contains("context deadline exceeded") || message.contains("code = Unavailable")) {
        return error(ErrorKind::kUnavailable);
      }
      return error(ErrorKind::kInternal);
  }
}

}  // namespace

std::expected<EngineAddress, std::string> EngineAddress::Parse(std::string_view text) {
  EngineAddress address;
  if (text.starts_with("unix://")) {
    address.unix_socket = text.substr(7);
    if (!address.unix_socket.starts_with('/')) {
      return std::unexpected("needs an absolute path, as in unix:///var/run/docker.sock");
    }
    address.base_url = "http://docker";
    return address;
  }
  for (const std::string_view scheme : {"tcp://", "http://"}) {
    if (!text.starts_with(scheme)) continue;
    address.base_url = fmt::format("http://{}", text.substr(scheme.size()));
    while (address.base_url.ends_with('/')) address.base_url.pop_back();
    return address;
  }
  return std::unexpected("must start with unix:// or tcp://");
}

Result<std::string> ChooseApiVersion(std::string_view oldest, std::string_view newest) {
  const ApiNumber chosen = std::min(ParseApiNumber(newest), kNewestSpoken);
  if (chosen < kOldestSpoken || chosen < ParseApiNumber(oldest)) {
    return Failure(Error{
        ErrorKind::kInvalid,
        fmt::format("the Docker engine speaks API {} to {}; this program speaks {}.{} to {}.{}",
                    oldest, newest, kOldestSpoken.major, kOldestSpoken.minor, kNewestSpoken.major,
                    kNewestSpoken.minor)});
  }
  return fmt::format("{}.{}", chosen.major, chosen.minor);
}

Transport::Transport(provider::http::Client& client, EngineAddress address,
                     std::chrono::milliseconds timeout)
    : client_(client), address_(std::move(address)), timeout_(timeout) {}

provider::http::ClientRequest Transport::MakeRequest(std::string method, const std::string& path,
                                                     std::string body) const {
  provider::http::ClientRequest request;
  request.method = std::move(method);
  request.url = address_.base_url + path;
  request.unix_socket = address_.unix_socket;
  request.body = std::move(body);
  request.timeout = timeout_;
  if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  return request;
}

Error Transport::FromFailure(std::string_view what, const provider::http::ClientFailure& failure) {
  if (failure.kind == provider::http::ClientFailure::Kind::kCancelled) {
    return {ErrorKind::kCancelled, fmt::format("{}: cancelled", what)};
  }
  {
    const std::lock_guard lock(mutex_);
    api_version_.clear();
  }
  return {ErrorKind::kUnavailable,
          fmt::format("{}: the Docker engine does not answer: {}", what, failure.message)};
}

Result<provider::http::ClientResponse> Transport::Exchange(std::string_view what,
                                                           std::string method,
                                                           const std::string& path,
                                                           std::string body,
                                                           const std::stop_token& stop) {
  auto response = client_.Send(MakeRequest(std::move(method), path, std::move(body)), stop);
  if (response) return *std::move(response);
  return Failure(FromFailure(what, response.error()));
}

Result<std::string> Transport::ApiVersion(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (!api_version_.empty()) return api_version_;
  }
  const auto response = Exchange("asking for the API version", "GET", "/version", "", stop);
  if (!response) return Failure(response.error());
  if (response->status != 200) return Failure(FromAnswer("asking for the API version", *response));
  const auto answer = ReadVersion(response->body);
  if (!answer) return Failure(answer.error());
  auto chosen = ChooseApiVersion(answer->oldest_api, answer->newest_api);
  if (!chosen) return chosen;
  const std::lock_guard lock(mutex_);
  api_version_ = *chosen;
  return chosen;
}

Result<std::string> Transport::Call(std::string_view what, std::string method,
                                    std::string path_and_query, std::string body,
                                    const std::stop_token& stop) {
  const auto version = ApiVersion(stop);
  if (!version) return Failure(version.error());
  auto response = Exchange(what, std::move(method), fmt::format("/v{}{}", *version, path_and_query),
                           std::move(body), stop);
  if (!response) return Failure(response.error());
  if (response->status >= 200 && response->status < 300) return std::move(response->body);
  return Failure(FromAnswer(what, *response));
}

Result<void> Transport::Stream(std::string_view what, std::string method,
                               std::string path_and_query, std::string content_type,
                               const provider::http::StreamHooks& hooks,
                               const std::stop_token& stop) {
  const auto version = ApiVersion(stop);
  if (!version) return Failure(version.error());
  provider::http::ClientRequest request =
      MakeRequest(std::move(method), fmt::format("/v{}{}", *version, path_and_query), "");
  request.timeout = std::chrono::milliseconds(0);
  if (!content_type.empty()) request.headers.emplace_back("Content-Type", std::move(content_type));
  const auto response = provider::http::Client::Stream(request, hooks, stop);
  if (!response) return Failure(FromFailure(what, response.error()));
  if (response->status >= 200 && response->status < 300) return {};
  return Failure(FromAnswer(what, *response));
}

Result<std::unique_ptr<provider::http::HijackedConnection>> Transport::Hijack(
    std::string_view what, std::string path_and_query, std::string body,
    const std::stop_token& stop) {
  const auto version = ApiVersion(stop);
  if (!version) return Failure(version.error());
  auto opened = provider::http::HijackedConnection::Open(
      MakeRequest("POST", fmt::format("/v{}{}", *version, path_and_query), std::move(body)), stop);
  if (!opened) return Failure(FromFailure(what, opened.error()));
  if (!opened->connection) return Failure(FromAnswer(what, opened->refusal));
  return std::move(opened->connection);
}

}  // namespace orchestrator::docker
