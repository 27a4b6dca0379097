#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orchestrator/docker/container_client.h"
#include "orchestrator/docker/image_client.h"
#include "provider/http/server.h"
#include "tests/support/temporary_directory.h"

namespace tests {

// A Docker engine's API on a Unix socket that answers as the test says, with clients of it.
// Thread-safe; `answer` is called by many threads at once, and gets paths without their version.
class FakeDockerApi {
 public:
  using Request = provider::http::ServerRequest;
  using Response = provider::http::ServerResponse;
  using Answer = std::function<Response(const Request& request, const std::string& path)>;

  explicit FakeDockerApi(Answer answer)
      : answer_(std::move(answer)),
        server_([this](const Request& request) { return Handle(request); },
                [](int status) { return Json("{}", status); }, provider::http::ServerLimits{}) {
    server_.Start({{}, 0, socket_}).value();
  }

  static Response Json(std::string body, int status = 200) {
    Response response;
    response.status = status;
    response.content_type = "application/json";
    response.body = std::move(body);
    return response;
  }

  // How often this was asked for, as in "GET /images/json".
  std::size_t Count(std::string_view request) const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const std::string& asked : requests_) count += asked == request ? 1 : 0;
    return count;
  }

 private:
  Response Handle(const Request& request) {
    if (request.path == "/version") {
      return Json(R"({"Version": "20.10", "ApiVersion": "1.41", "MinAPIVersion": "1.12"})");
    }
    const std::string path =
        request.path.substr(std::min(request.path.find('/', 1), request.path.size()));
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request.method + " " + path);
    }
    return answer_(request, path);
  }

  const Answer answer_;
  TemporaryDirectory directory_;
  const std::string socket_ = directory_.path() / "engine";
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  provider::http::Server server_;
  provider::http::Client client_;

 public:
  const orchestrator::docker::EngineAddress address =
      orchestrator::docker::EngineAddress::Parse("unix://" + socket_).value();
  orchestrator::docker::ContainerClient containers{client_, address, std::chrono::seconds(5)};
  orchestrator::docker::ImageClient images{client_, address, std::chrono::seconds(5)};
};

}  // namespace tests
