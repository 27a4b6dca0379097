#include "tests/support/traefik_process.h"

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tests {

std::uint16_t FreePort() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  close(descriptor);
  return ntohs(address.sin_port);
}

std::string TraefikProgram() {
  const char* program = std::getenv("TRAEFIK");
  return program ? program : "traefik";
}

TraefikProcess::TraefikProcess(const std::string& static_configuration, std::uint16_t port)
    : port_(port == 0 ? FreePort() : port) {
  directory_.Write("traefik.yaml",
                   fmt::format("entryPoints:\n  web:\n    address: \"127.0.0.1:{}\"\n"
                               "  udp:\n    address: \"127.0.0.1:0/udp\"\n{}"
                               "global:\n  checkNewVersion: false\n  sendAnonymousUsage: false\n",
                               port_, static_configuration));
  Start();
}

void TraefikProcess::Start() {
  process_ = std::make_unique<Process>(
      std::vector<std::string>{TraefikProgram(),
                               "--configFile=" + (directory_.path() / "traefik.yaml").string()},
      directory_.path() / "log");
}

void TraefikProcess::Stop() {
  process_->Signal(SIGTERM);
  process_->Wait(std::chrono::seconds(15));
}

std::string LongPollConfiguration(const std::string& endpoint, const std::string& instance,
                                  const std::string& token) {
  std::string headers =
      fmt::format("      Prefer: wait=20\n      X-Traefik-Instance: {}\n", instance);
  if (!token.empty()) headers += fmt::format("      Authorization: Bearer {}\n", token);
  return fmt::format(
      "providers:\n  providersThrottleDuration: 10ms\n  http:\n    endpoint: \"{}\"\n"
      "    pollInterval: 10ms\n    pollTimeout: 30s\n    headers:\n{}",
      endpoint, headers);
}

}  // namespace tests
