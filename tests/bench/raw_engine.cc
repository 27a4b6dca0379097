#include "tests/bench/raw_engine.h"

#include <chrono>
#include <stdexcept>

#include "tests/support/engine.h"

namespace tests {

nlohmann::json RawEngine::Call(const std::string& method, const std::string& path,
                               const std::string& body) {
  provider::http::ClientRequest request;
  request.method = method;
  request.url = "http://docker/v1.41" + path;
  request.unix_socket = Engine::Host().substr(7);
  request.body = body;
  request.timeout = std::chrono::seconds(30);
  if (!body.empty()) request.headers = {{"Content-Type", "application/json"}};
  const auto response = client_.Send(request);
  if (!response || response->status >= 300) {
    throw std::runtime_error(response ? response->body : response.error().message);
  }
  return response->body.empty() ? nlohmann::json() : nlohmann::json::parse(response->body);
}

}  // namespace tests
