#include "orchestrator/cli/api_client.h"

#include <chrono>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/config/config.h"
#include "provider/http/socket_client.h"

namespace orchestrator::cli {
namespace {

using namespace std::chrono_literals;

std::string FirstLine(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

ErrorKind KindOf(int status) {
  switch (status) {
    case 404:
      return ErrorKind::kNotFound;
    case 409:
      return ErrorKind::kConflict;
    case 412:
      return ErrorKind::kPrecondition;
    case 503:
      return ErrorKind::kUnavailable;
    default:
      return status < 500 ? ErrorKind::kInvalid : ErrorKind::kInternal;
  }
}

Error FromProblem(int status, const std::string& body) {
  Error error{KindOf(status), fmt::format("the API answered with status {}", status)};
  const auto problem = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!problem.is_object()) return error;
  error.message = problem.value("detail", error.message);
  const auto errors = problem.find("errors");
  if (errors == problem.end() || !errors->is_array()) return error;
  for (const auto& field : *errors) {
    if (!field.is_object()) continue;
    error.fields.push_back({field.value("pointer", ""), field.value("detail", "")});
  }
  return error;
}

}  // namespace

Result<ApiClient> ApiClient::Connect(ApiAddress given, const std::string& config_file) {
  const auto from_environment = [](std::string& out, const char* name) {
    if (out.empty()) out = config::ProcessEnvironment(name).value_or("");
  };
  from_environment(given.url, "ORCHESTRATOR_URL");
  from_environment(given.token, "ORCHESTRATOR_TOKEN");
  if (given.url.empty() || given.token.empty()) {
    const auto config = config::Load(config_file, config::ProcessEnvironment);
    if (!config) return Failure(config.error());
    if (given.token.empty()) given.token = FirstLine(config->state_directory / "admin.token");
    if (given.url.empty()) {
      const auto addresses =
          nlohmann::json::parse(FirstLine(config->state_directory / "addresses.json"), nullptr,
                                /*allow_exceptions=*/false);
      given.url = addresses.is_object() ? addresses.value("api", "") : config->api.listen.text();
      if (!given.url.starts_with("unix:")) given.url.insert(0, "http://");
    }
  }
  return ApiClient(std::move(given));
}

ApiClient::ApiClient(ApiAddress address)
    : address_(std::move(address)), client_(std::make_shared<provider::http::Client>()) {
  if (address_.url.starts_with("unix:")) {
    unix_socket_ = address_.url.substr(5);
    address_.url = "http://localhost";
  }
  while (address_.url.ends_with('/')) address_.url.pop_back();
}

Result<ApiAnswer> ApiClient::Call(const std::string& method, const std::string& path,
                                  std::string body) const {
  provider::http::ClientRequest request;
  request.method = method;
  request.url = address_.url + path;
  request.unix_socket = unix_socket_;
  request.timeout = 11min;  // longer than the API itself ever waits
  if (!address_.token.empty()) request.headers = {{"Authorization", "Bearer " + address_.token}};
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  auto response = client_->Send(request);
  if (!response) {
    return Failure(
        Error{ErrorKind::kUnavailable,
              fmt::format("cannot reach the API at {}: {}. Is `orchestrator serve` running?",
                          address_.url, response.error().message)});
  }
  if (response->status >= 400) return Failure(FromProblem(response->status, response->body));
  return ApiAnswer{response->status, std::move(response->headers), std::move(response->body)};
}

Result<void> ApiClient::Follow(const std::string& path,
                               const provider::http::ByteSink& sink) const {
  provider::http::ClientRequest request;
  request.url = address_.url + path;
  request.unix_socket = unix_socket_;
  request.timeout = 0min;
  request.headers = {{"Accept", "text/event-stream"}};
  if (!address_.token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + address_.token);
  }
  const auto response =
      provider::http::Client::Stream(request, {.read_body = {}, .on_body = sink}, {});
  if (!response) {
    return Failure(
        Error{ErrorKind::kUnavailable,
              fmt::format("the API at {} has gone: {}", address_.url, response.error().message)});
  }
  if (response->status >= 400) return Failure(FromProblem(response->status, response->body));
  return {};
}

Result<std::unique_ptr<provider::http::Socket>> ApiClient::OpenSocket(
    const std::string& path) const {
  static constexpr std::string_view kScheme = "http://";
  if (!unix_socket_.empty() || !address_.url.starts_with(kScheme)) {
    return Failure(Error{ErrorKind::kInvalid,
                         "a terminal needs the API at http://host:port (--url, api.listen)"});
  }
  provider::http::HeaderList headers;
  if (!address_.token.empty()) headers.emplace_back("Authorization", "Bearer " + address_.token);
  auto socket =
      provider::http::OpenSocket("ws://" + address_.url.substr(kScheme.size()) + path, headers);
  if (!socket) return Failure(Error{ErrorKind::kUnavailable, socket.error()});
  return *std::move(socket);
}

}  // namespace orchestrator::cli
