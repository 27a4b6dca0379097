#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace tests {

// A TCP port of loopback that was free a moment ago.
std::uint16_t FreePort();

// The Traefik binary: TRAEFIK in the environment (tests/run.sh sets it), else `traefik` in PATH.
std::string TraefikProgram();

// A real Traefik on this machine, polling a provider endpoint.
class TraefikProcess {
 public:
  // `static_configuration` is YAML without its entry points; the entry point `web` is added; what
  // it begins with may be more of them, two spaces deep.
  explicit TraefikProcess(const std::string& static_configuration, std::uint16_t port = 0);

  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::string Log() const { return process_->Output(); }
  void Stop();
  void Start();

 private:
  TemporaryDirectory directory_;
  std::uint16_t port_;
  std::unique_ptr<Process> process_;
};

// The static configuration of a Traefik that long-polls `endpoint` as `instance`.
std::string LongPollConfiguration(const std::string& endpoint, const std::string& instance,
                                  const std::string& token = {});

}  // namespace tests
