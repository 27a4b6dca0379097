#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "orchestrator/docker/engine.h"
#include "orchestrator/docker/transport.h"
#include "provider/http/client.h"

namespace orchestrator::docker {

// The swarm's part of the Docker Engine API. Thread-safe; `client` must live longer.
class EngineClient final : public Engine {
 public:
  EngineClient(provider::http::Client& client, EngineAddress address,
               std::chrono::milliseconds timeout = std::chrono::seconds(20));

  Result<EngineInfo> Info(const std::stop_token& stop) override;
  Result<std::vector<Service>> ListServices(std::string_view prefix,
                                            const std::stop_token& stop) override;
  Result<std::vector<Service>> ListServicesById(std::span<const std::string> ids,
                                                const std::stop_token& stop) override;
  Result<Service> FindService(std::string_view name, const std::stop_token& stop) override;
  Result<void> CreateService(const ServiceSpec& spec, const std::stop_token& stop) override;
  Result<void> UpdateService(const Service& current, const ServiceSpec& wanted,
                             const std::stop_token& stop) override;
  Result<void> RemoveService(std::string_view name, const std::stop_token& stop) override;
  Result<std::vector<Task>> ListTasks(std::string_view service_name,
                                      const std::stop_token& stop) override;
  Result<std::vector<Task>> ListWantedTasksOfAll(std::string_view label,
                                                 const std::stop_token& stop) override;
  Result<std::vector<Task>> ListTasksOfAll(std::string_view label,
                                           const std::stop_token& stop) override;
  Result<void> ReadServiceLog(std::string_view service_name, const LogQuery& query,
                              const LogSink& sink, const std::stop_token& stop) override;
  Result<void> ReadTaskLog(std::string_view task_id, const LogQuery& query, const LogSink& sink,
                           const std::stop_token& stop) override;
  Result<void> FollowServices(std::chrono::system_clock::time_point since,
                              const std::function<void(const Event&)>& sink,
                              const std::stop_token& stop) override;
  Result<std::string> EnsureOverlay(const Overlay& overlay, const std::stop_token& stop) override;

 private:
  Result<void> ReadLog(std::string_view what, std::string_view path, const LogQuery& query,
                       const LogSink& sink, const std::stop_token& stop);

  Transport transport_;
};

}  // namespace orchestrator::docker
