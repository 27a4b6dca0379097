#pragma once

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "provider/http/socket.h"
#include "tests/support/orchestrator_process.h"

namespace tests {

// A client of one terminal of a site.
class TerminalClient {
 public:
  // `session` as "/…" goes back to one that is open.
  TerminalClient(const OrchestratorProcess& orchestrator, int id, const std::string& session = {});

  bool open() const { return socket_ != nullptr; }
  provider::http::Socket& socket() { return *socket_; }
  void Type(const std::string& text) { socket_->SendBinary(text); }

  // Reads until the text has come in what the shell writes; false when it ended before.
  bool Sees(const std::string& text);
  // Reads to the end: the last message, {"exit": …, "reason": …}.
  nlohmann::json End();
  // Reads until the session is known; empty when there is none, and End() says why.
  std::string Session();
  const std::string& output() const { return output_; }

 private:
  void Keep(const nlohmann::json& message);

  std::unique_ptr<provider::http::Socket> socket_;
  std::string session_;
  std::string output_;
  nlohmann::json end_;
};

}  // namespace tests
