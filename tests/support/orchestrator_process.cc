#include "tests/support/orchestrator_process.h"

#include <csignal>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "tests/support/eventually.h"
#include "tests/support/traefik_process.h"

namespace tests {
namespace {

using namespace std::chrono_literals;

}  // namespace

OrchestratorProcess::OrchestratorProcess(const std::string& configuration,
                                         const std::string& provider_host)
    : state_(directory_.path() / "state"),
      provider_host_(provider_host),
      api_port_(FreePort()),
      provider_port_(FreePort()) {
  const std::string tokens =
      provider_host == "127.0.0.1" ? "" : fmt::format(", tokens: [{}]", ProviderToken());
  directory_.Write(
      "orchestrator.yaml",
      fmt::format("state_directory: {}\napi: {{listen: \"127.0.0.1:{}\"}}\n"
                  "provider: {{listen: \"{}\"{}}}\n{}",
                  state_.string(), api_port_, provider_listen(), tokens, configuration));
}

OrchestratorProcess::~OrchestratorProcess() = default;

std::string OrchestratorProcess::provider_listen() const {
  return fmt::format("{}:{}", provider_host_, provider_port_);
}

std::string OrchestratorProcess::provider_url() const {
  return fmt::format("http://{}/configuration", provider_listen());
}

void OrchestratorProcess::Launch(const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> all = environment;
  all.emplace("ORCHESTRATOR_SITES_DIRECTORY", sites().string());
  process_ = std::make_unique<Process>(
      std::vector<std::string>{OrchestratorProgram(), "serve", "--config", config_file().string()},
      directory_.path() / "log", all);
}

void OrchestratorProcess::Start(const std::map<std::string, std::string>& environment) {
  Launch(environment);
  const bool ready = Eventually(
      [&] { return !process_->IsRunning() || CallRaw("GET", "/readyz", "", {}).status == 200; },
      20s);
  // With a crash point it may be gone again already: the test finds out.
  if (!ready) throw std::runtime_error("the orchestrator does not start: " + Log());
}

void OrchestratorProcess::StartUnready() {
  Launch({});
  if (!Eventually([&] { return Poll().status == 200; }, 20s)) {
    throw std::runtime_error("the provider does not answer: " + Log());
  }
}

int OrchestratorProcess::StartAndFail() {
  process_ = std::make_unique<Process>(
      std::vector<std::string>{OrchestratorProgram(), "serve", "--config", config_file().string()},
      directory_.path() / "log");
  const auto status = process_->Wait(20s);
  if (!status) throw std::runtime_error("the orchestrator started, though it should not");
  return *status;
}

void OrchestratorProcess::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait(10s);
}

int OrchestratorProcess::Stop() {
  process_->Signal(SIGTERM);
  const auto status = process_->Wait(20s);
  if (!status) throw std::runtime_error("the orchestrator does not stop");
  return *status;
}

bool OrchestratorProcess::WaitForEnd(std::chrono::milliseconds limit) {
  return process_->Wait(limit).has_value();
}

Answer OrchestratorProcess::CallRaw(const std::string& method, const std::string& path,
                                    const std::string& body,
                                    const provider::http::HeaderList& headers) {
  provider::http::ClientRequest request;
  request.method = method;
  request.url = fmt::format("http://127.0.0.1:{}{}", api_port_, path);
  request.headers = headers;
  request.body = body;
  request.timeout = 120s;
  auto response = client_.Send(request);
  if (!response) return {};
  return {response->status, std::move(response->headers), std::move(response->body)};
}

std::string OrchestratorProcess::Token() const {
  std::string token;
  std::ifstream(state_ / "admin.token") >> token;
  return token;
}

Answer OrchestratorProcess::Call(const std::string& method, const std::string& path,
                                 const std::string& body) {
  provider::http::HeaderList headers{{"Authorization", "Bearer " + Token()}};
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  return CallRaw(method, path, body, headers);
}

Answer OrchestratorProcess::Poll(const provider::http::HeaderList& headers) {
  provider::http::ClientRequest request;
  request.url = provider_url();
  request.headers = headers;
  if (provider_host_ != "127.0.0.1") {
    request.headers.emplace_back("Authorization", "Bearer " + ProviderToken());
  }
  request.timeout = 60s;
  auto response = client_.Send(request);
  if (!response) return {};
  return {response->status, std::move(response->headers), std::move(response->body)};
}

Finished OrchestratorProcess::Command(std::vector<std::string> arguments,
                                      std::chrono::milliseconds limit) {
  arguments.insert(arguments.begin(), OrchestratorProgram());
  return RunProgram(arguments, {{"ORCHESTRATOR_CONFIG", config_file().string()}}, limit);
}

}  // namespace tests
