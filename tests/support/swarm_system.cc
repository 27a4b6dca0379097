#include "tests/support/swarm_system.h"

#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/traefik_process.h"

namespace tests {
namespace {

using namespace std::chrono_literals;

}  // namespace

SwarmSystem::SwarmSystem(const std::string& default_mode, const std::string& engine,
                         unsigned swarm_refresh_seconds)
    : port_(FreePort()), network_("orchestrator-tests") {
  orchestrator_ = std::make_unique<OrchestratorProcess>(
      fmt::format("docker: {{host: \"{}\", network: {}, endpoint_mode: {}}}\n"
                  "routing: {{default_mode: {}}}\n"
                  "traefik:\n  swarm_refresh_seconds: {}\n"
                  "  instances: [{{name: edge, entry_point: \"{}\"}}]\n"
                  "sites: {{dynamic_image: \"{}\", static_image: \"{}\"}}\n",
                  engine.empty() ? Engine::Host() : engine, network_, Engine::EndpointMode(),
                  default_mode, swarm_refresh_seconds, traefik_url(), Engine::BaseImage(),
                  Engine::NginxImage()),
      Engine::HostAddress());
}

SwarmSystem::~SwarmSystem() {
  orchestrator_.reset();
  traefik_.reset();
  Engine::RemoveSites();
}

void SwarmSystem::Start() {
  orchestrator_->Start();
  StartTraefik();
}

void SwarmSystem::StartTraefik() {
  const bool there =
      Eventually([&] { return Engine::Docker({"network", "inspect", network_}).status == 0; }, 20s);
  if (!there) throw std::runtime_error("the orchestrator made no network: " + orchestrator_->Log());
  traefik_.reset();  // a container of the same name
  const Finished configuration = orchestrator_->Command({"static-config", "--instance", "edge"});
  traefik_ = std::make_unique<TraefikContainer>("orchestrator-tests-traefik", network_,
                                                configuration.output, port_);
}

Visit SwarmSystem::VisitHost(const std::string& host) {
  return VisitSite(client_, traefik_url(), host);
}

bool SwarmSystem::Answers(const std::string& host, const std::string& text,
                          std::chrono::milliseconds limit) {
  return Eventually(
      [&] {
        const Visit visit = VisitHost(host);
        return visit.status == 200 && visit.body.contains(text);
      },
      limit, 50ms);
}

std::string SwarmSystem::PhaseOf(int id) {
  const Answer answer = orchestrator_->Call("GET", fmt::format("/v1/sites/{}/status", id));
  const auto status = nlohmann::json::parse(answer.body, nullptr, false);
  return status.is_object() && answer.status == 200
             ? status.at("routing").at("phase").get<std::string>()
             : fmt::format("status {}", answer.status);
}

bool SwarmSystem::ReachesPhase(int id, const std::string& phase, std::chrono::milliseconds limit) {
  return Eventually([&] { return PhaseOf(id) == phase; }, limit, 50ms);
}

std::string SwarmSystem::DynamicSite(int id, const std::string& host, const std::string& text) {
  const std::string run = fmt::format(
      "#!/bin/sh\nmkdir -p /tmp/www\necho '{}' > /tmp/www/index.html\n"
      "exec httpd -f -p \"$PORT\" -h /tmp/www\n",
      text);
  return nlohmann::json{{"id", id}, {"kind", "dynamic"}, {"hosts", {host}}, {"run", run}}.dump();
}

}  // namespace tests
