#include "tests/support/swarm_system.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/traefik_process.h"

namespace tests {
namespace {

using namespace std::chrono_literals;

std::string NameOf(std::size_t traefik) {
  return traefik == 0 ? "edge" : fmt::format("edge{}", traefik + 1);
}

}  // namespace

SwarmSystem::SwarmSystem(const std::string& default_mode, const std::string& engine,
                         unsigned swarm_refresh_seconds, std::size_t traefiks)
    : network_("orchestrator-tests"), traefiks_(traefiks) {
  std::string instances;
  for (std::size_t i = 0; i < traefiks; ++i) {
    ports_.push_back(FreePort());
    tls_ports_.push_back(FreePort());
    instances += fmt::format("{}{{name: {}, entry_point: \"{}\"}}", i == 0 ? "" : ", ", NameOf(i),
                             traefik_url(i));
  }
  orchestrator_ = std::make_unique<OrchestratorProcess>(
      fmt::format("docker: {{host: \"{}\", network: {}, endpoint_mode: {}}}\n"
                  "routing: {{default_mode: {}}}\n"
                  "traefik:\n  swarm_refresh_seconds: {}\n"
                  "  instances: [{}]\n"
                  "sites: {{dynamic_image: \"{}\", static_image: \"{}\"}}\n",
                  engine.empty() ? Engine::Host() : engine, network_, Engine::EndpointMode(),
                  default_mode, swarm_refresh_seconds, instances, Engine::BaseImage(),
                  Engine::NginxImage()),
      Engine::HostAddress());
}

SwarmSystem::~SwarmSystem() {
  orchestrator_.reset();
  traefiks_.clear();
  Engine::RemoveSites();
}

void SwarmSystem::Configure(const std::string& before, const std::string& after) {
  std::ifstream file(orchestrator_->config_file());
  std::string text(std::istreambuf_iterator<char>(file), {});
  const std::size_t at = text.find(before);
  if (at == std::string::npos) throw std::runtime_error("the configuration lacks " + before);
  std::ofstream(orchestrator_->config_file()) << text.replace(at, before.size(), after);
}

void SwarmSystem::UseNetwork(const std::string& name, const std::string& subnet) {
  Configure("network: " + network_, fmt::format("network: {}, subnet: {}", name, subnet));
  network_ = name;
}

void SwarmSystem::UseTls() {
  Configure("routing: {", "routing: {entry_points: [web, websecure], ");
  Configure("name: edge, ", fmt::format("name: edge, tls_entry_point: \"{}\", ", tls_url()));
}

void SwarmSystem::Start() {
  orchestrator_->Start();
  StartTraefik();
}

void SwarmSystem::StartTraefik(std::size_t index) {
  const bool there =
      Eventually([&] { return Engine::Docker({"network", "inspect", network_}).status == 0; }, 20s);
  if (!there) throw std::runtime_error("the orchestrator made no network: " + orchestrator_->Log());
  traefiks_[index].reset();  // a container of the same name
  const Finished configuration =
      orchestrator_->Command({"static-config", "--instance", NameOf(index)});
  traefiks_[index] =
      std::make_unique<TraefikContainer>("orchestrator-tests-traefik-" + NameOf(index), network_,
                                         configuration.output, ports_[index], tls_ports_[index]);
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
