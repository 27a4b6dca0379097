#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "orchestrator/docker/engine.h"
#include "provider/http/client.h"

namespace orchestrator::docker {

// Where an engine listens: "unix:///var/run/docker.sock", "tcp://host:2375" or "http://host:2375".
struct EngineAddress {
  std::string unix_socket;  // empty for TCP
  std::string base_url;     // without a slash at the end

  // The error is a sentence for the person who typed the address.
  static std::expected<EngineAddress, std::string> Parse(std::string_view text);
};

// The Docker Engine API over HTTP. Speaks the newest version that both sides know, from 1.41 on,
// and asks again after the engine was away, since it may have been upgraded. Thread-safe; `client`
// must live longer.
class EngineClient final : public Engine {
 public:
  EngineClient(provider::http::Client& client, EngineAddress address,
               std::chrono::milliseconds timeout = std::chrono::seconds(20));

  Result<EngineInfo> Info(const std::stop_token& stop) override;
  Result<std::vector<Service>> ListServices(std::string_view label,
                                            const std::stop_token& stop) override;
  Result<Service> FindService(std::string_view name, const std::stop_token& stop) override;
  Result<void> CreateService(const ServiceSpec& spec, const std::stop_token& stop) override;
  Result<void> UpdateService(const Service& current, const ServiceSpec& wanted,
                             const std::stop_token& stop) override;
  Result<void> RemoveService(std::string_view name, const std::stop_token& stop) override;
  Result<std::vector<Task>> ListTasks(std::string_view service_name,
                                      const std::stop_token& stop) override;
  Result<std::string> EnsureOverlay(std::string_view name, const std::stop_token& stop) override;

 private:
  // The body of a good answer.
  Result<std::string> Call(std::string_view what, std::string method, std::string path_and_query,
                           std::string body, const std::stop_token& stop);
  Result<provider::http::ClientResponse> Exchange(std::string_view what, std::string method,
                                                  const std::string& path, std::string body,
                                                  const std::stop_token& stop);
  Result<std::string> ApiVersion(const std::stop_token& stop);

  provider::http::Client& client_;
  const EngineAddress address_;
  const std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::string api_version_;  // guarded by mutex_; empty: to be negotiated
};

// The version to speak with an engine that knows `oldest` … `newest`, both as "1.41".
Result<std::string> ChooseApiVersion(std::string_view oldest, std::string_view newest);

}  // namespace orchestrator::docker
