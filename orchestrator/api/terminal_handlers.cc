#include "orchestrator/api/terminal_handlers.h"

#include <charconv>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace orchestrator::api {
namespace {

using Ordered = nlohmann::ordered_json;
using provider::http::Socket;

constexpr unsigned kLargestSide = 1000;

std::optional<unsigned> ParseSide(std::string_view text) {
  unsigned side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return side >= 1 && side <= kLargestSide ? std::optional(side) : std::nullopt;
}

// Shows a session on a socket. The session may end later than the socket: Leave comes first.
class SocketViewer final : public terminal::Viewer {
 public:
  explicit SocketViewer(Socket& socket) : socket_(&socket) {}

  bool Show(std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    if (!socket_) return false;
    if (socket_->SendBinary(bytes)) return true;
    socket_->Abort();  // half a frame may have gone: it comes back for what it missed
    return false;
  }

  void End(std::string_view reason, std::optional<int> exit_code) override {
    const std::lock_guard lock(mutex_);
    if (!socket_) return;
    socket_->SendText(
        Dump({{"exit", exit_code ? Ordered(*exit_code) : Ordered()}, {"reason", reason}}));
    // The reader of the socket returns by this; a closing handshake would block here.
    socket_->Abort();
  }

  void Leave() {
    const std::lock_guard lock(mutex_);
    socket_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Socket* socket_;  // guarded by mutex_; null: the socket has gone
};

// {"size": [rows, columns]} or {"heartbeat": …}; others are for newer servers.
void Obey(terminal::Session& session, const std::string& text) {
  const auto order = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!order.is_object()) return;
  if (order.contains("heartbeat")) session.Touch();
  const auto size = order.find("size");
  if (size == order.end() || !size->is_array() || size->size() != 2) return;
  const auto side = [](const nlohmann::json& value) {
    return ParseSide(value.is_number_integer() ? value.dump() : "");
  };
  const auto rows = side((*size)[0]);
  const auto columns = side((*size)[1]);
  if (rows && columns) session.Resize({*rows, *columns});
}

Result<std::shared_ptr<terminal::Session>> FindOrOpen(const Services& services,
                                                      const Request& request, site::SiteId id,
                                                      const std::string& known) {
  if (!services.terminals) {
    return Failure(Error{ErrorKind::kUnavailable, "no Docker engine is configured (docker.host)"});
  }
  if (!known.empty()) return services.terminals->Find(id, known);
  docker::TerminalSize size;
  size.rows = ParseSide(request.Query("rows")).value_or(size.rows);
  size.columns = ParseSide(request.Query("columns")).value_or(size.columns);
  return services.terminals->Open(id, size, services.stopping);
}

}  // namespace

Response ListTerminals(const Services& services, site::SiteId id) {
  Ordered list = Ordered::array();
  if (services.terminals) {
    for (const auto& session : services.terminals->List(id)) {
      list.push_back({{"idle_seconds", session.idle.count()}, {"attached", session.attached}});
    }
  }
  return Json(200, Dump({{"terminals", std::move(list)}}));
}

void ServeTerminal(const Services& services, const Request& request, site::SiteId id,
                   const std::string& known, Socket& socket) {
  const auto session = FindOrOpen(services, request, id, known);
  if (!session) {
    socket.SendText(Dump({{"exit", nullptr}, {"reason", session.error().message}}));
    const bool later = session.error().kind == ErrorKind::kUnavailable;
    socket.Close(
        later ? Socket::CloseReason::kTryAgainLater : Socket::CloseReason::kPolicyViolation,
        session.error().message.substr(0, 120));
    return;
  }
  const std::stop_callback<std::function<void()>> stopping(services.stopping,
                                                           [&] { socket.Abort(); });
  socket.SendText(Dump({{"session", (*session)->id()}}));
  const auto viewer = std::make_shared<SocketViewer>(socket);
  (*session)->Attach(viewer);
  std::string payload;
  for (bool open = true; open;) {
    switch (socket.Read(payload)) {
      case Socket::Frame::kBinary:
        open = (*session)->Write(payload);
        break;
      case Socket::Frame::kText:
        Obey(**session, payload);
        break;
      case Socket::Frame::kClosed:
        open = false;
        break;
    }
  }
  viewer->Leave();
  (*session)->Detach(viewer.get());
}

}  // namespace orchestrator::api
