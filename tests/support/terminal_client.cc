#include "tests/support/terminal_client.h"

#include <utility>

#include <fmt/format.h>

#include "provider/http/socket_client.h"

namespace tests {

using nlohmann::json;
using provider::http::Socket;

TerminalClient::TerminalClient(const OrchestratorProcess& orchestrator, int id,
                               const std::string& session) {
  auto opened = provider::http::OpenSocket(fmt::format("ws://127.0.0.1:{}/v1/sites/{}/terminals{}",
                                                       orchestrator.api_port(), id, session),
                                           {{"Authorization", "Bearer " + orchestrator.Token()}});
  if (opened) socket_ = *std::move(opened);
}

bool TerminalClient::Sees(const std::string& text) {
  std::string payload;
  while (!output_.contains(text)) {
    const auto frame = socket_->Read(payload);
    if (frame == Socket::Frame::kClosed) return false;
    if (frame == Socket::Frame::kBinary) output_ += payload;
    if (frame == Socket::Frame::kText) Keep(json::parse(payload));
  }
  return true;
}

json TerminalClient::End() {
  Sees("\xff\xff never");
  return end_;
}

std::string TerminalClient::Session() {
  std::string payload;
  while (session_.empty() && socket_->Read(payload) != Socket::Frame::kClosed) {
    Keep(json::parse(payload, nullptr, false));
  }
  return session_;
}

void TerminalClient::Keep(const json& message) {
  if (!message.is_object()) return;
  if (message.contains("session")) session_ = message.at("session").get<std::string>();
  if (message.contains("exit")) end_ = message;
}

}  // namespace tests
