#include "provider/http/socket_client.h"

#include <atomic>

#include <fmt/format.h>

#include "provider/http/configured_httplib.h"

namespace provider::http {
namespace {

class ClientSocket final : public Socket {
 public:
  ClientSocket(const std::string& url, const httplib::Headers& headers) : client_(url, headers) {
    client_.set_tcp_nodelay(true);
    client_.set_socket_options([this](int descriptor) { descriptor_ = descriptor; });
  }

  bool Connect() { return client_.is_valid() && client_.connect(); }

  Frame Read(std::string& payload) override {
    switch (client_.read(payload)) {
      case httplib::ws::Text:
        return Frame::kText;
      case httplib::ws::Binary:
        return Frame::kBinary;
      default:
        return Frame::kClosed;
    }
  }
  bool SendText(const std::string& text) override { return client_.send(text); }
  bool SendBinary(std::string_view bytes) override {
    return client_.send(bytes.data(), bytes.size());
  }
  void Close(CloseReason reason, const std::string& text) override {
    client_.close(static_cast<httplib::ws::CloseStatus>(reason), text);
  }
  void Abort() override { shutdown(descriptor_, SHUT_RDWR); }

 private:
  std::atomic<int> descriptor_ = -1;
  httplib::ws::WebSocketClient client_;
};

}  // namespace

std::expected<std::unique_ptr<Socket>, std::string> OpenSocket(const std::string& url,
                                                               const HeaderList& headers) {
  auto socket =
      std::make_unique<ClientSocket>(url, httplib::Headers(headers.begin(), headers.end()));
  if (!socket->Connect()) {
    return std::unexpected(fmt::format("cannot open a WebSocket at {}", url));
  }
  return socket;
}

}  // namespace provider::http
