#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "provider/http/client.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace tests {

struct Answer {
  int status = 0;  // 0: no answer
  provider::http::HeaderList headers;
  std::string body;

  std::string Header(std::string_view name) const {
    return std::string(provider::http::FindHeader(headers, name));
  }
};

// The program under test, driven from outside: `orchestrator serve` with a configuration and a
// state folder of its own. Its ports are the same after every start.
class OrchestratorProcess {
 public:
  // `configuration` is YAML without state_directory, api and sites.directory. The provider listens
  // on `provider_host`; elsewhere than on loopback it asks for ProviderToken().
  explicit OrchestratorProcess(const std::string& configuration,
                               const std::string& provider_host = "127.0.0.1");
  ~OrchestratorProcess();

  // Starts it and waits until it answers. The environment is for this start only.
  void Start(const std::map<std::string, std::string>& environment = {});
  // Starts it and waits until its provider serves a document; its API may never answer.
  void StartUnready();
  // Starts it and returns its exit status; it is expected to end by itself.
  int StartAndFail();
  void Kill();  // SIGKILL
  int Stop();   // SIGTERM; the exit status
  bool IsRunning() { return process_ && process_->IsRunning(); }
  // Whether it ended by itself within the time.
  bool WaitForEnd(std::chrono::milliseconds limit);

  Answer Call(const std::string& method, const std::string& path, const std::string& body = {});
  Answer CallRaw(const std::string& method, const std::string& path, const std::string& body,
                 const provider::http::HeaderList& headers);
  Answer Poll(const provider::http::HeaderList& headers = {});
  // `orchestrator ARGUMENTS…` as an operator on this machine.
  Finished Command(std::vector<std::string> arguments,
                   std::chrono::milliseconds limit = std::chrono::minutes(1));

  std::uint16_t api_port() const { return api_port_; }
  pid_t process_id() const { return process_->id(); }
  std::string provider_url() const;
  std::string provider_listen() const;
  static std::string ProviderToken() { return "token-of-the-tests-0123456789"; }
  const std::filesystem::path& state() const { return state_; }
  std::string Token() const;  // of the API
  std::filesystem::path sites() const { return directory_.path() / "sites"; }
  std::filesystem::path config_file() const { return directory_.path() / "orchestrator.yaml"; }
  std::string Log() const { return process_ ? process_->Output() : ""; }

 private:
  void Launch(const std::map<std::string, std::string>& environment);

  TemporaryDirectory directory_;
  std::filesystem::path state_;
  std::string provider_host_;
  std::uint16_t api_port_;
  std::uint16_t provider_port_;
  std::unique_ptr<Process> process_;
  provider::http::Client client_;
};

}  // namespace tests
