#include "orchestrator/cli/shell.h"

#include <array>
#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "orchestrator/cli/output.h"

namespace orchestrator::cli {
namespace {

using nlohmann::json;
using provider::http::Socket;

constexpr int kPollMilliseconds = 200;
constexpr int kMostReconnects = 5;

// Raw mode for as long as it lives; nothing where standard input is no terminal.
class RawTerminal {
 public:
  RawTerminal() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    is_terminal_ = true;
    termios raw = before_;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  ~RawTerminal() {
    if (is_terminal_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  bool is_terminal_ = false;
  termios before_{};
};

std::atomic<bool> size_changed = true;

std::string SizeMessage() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return {};
  return json{{"size", {size.ws_row, size.ws_col}}}.dump();
}

// Sends what is typed, and the size when it changes, until the socket or the input ends.
void SendInput(Socket& socket, const std::atomic<bool>& over) {
  std::array<char, 4096> buffer{};
  while (!over) {
    if (size_changed.exchange(false)) {
      if (const std::string size = SizeMessage(); !size.empty()) socket.SendText(size);
    }
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, kPollMilliseconds) <= 0) continue;
    const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0) continue;
    // The end of the input is what Ctrl-D says in a terminal.
    const std::string_view bytes =
        count == 0 ? std::string_view("\x04")
                   : std::string_view(buffer.data(), static_cast<std::size_t>(count));
    if (!socket.SendBinary(bytes) || count == 0) return;
  }
}

struct End {
  bool told = false;          // the server said so: no reason to come back
  std::optional<int> status;  // of the shell
  std::string reason;
};

// Shows what comes until the connection ends.
End ShowOutput(Socket& socket, std::string& session) {
  End end;
  std::string payload;
  for (;;) {
    switch (socket.Read(payload)) {
      case Socket::Frame::kBinary: {
        std::string_view left = payload;
        while (!left.empty()) {
          const ssize_t count = write(STDOUT_FILENO, left.data(), left.size());
          if (count <= 0) return end;
          left.remove_prefix(static_cast<std::size_t>(count));
        }
        break;
      }
      case Socket::Frame::kText: {
        const json message = json::parse(payload, nullptr, /*allow_exceptions=*/false);
        if (!message.is_object()) break;
        const auto text = [&](const char* key) {
          const auto found = message.find(key);
          return found != message.end() && found->is_string() ? found->get<std::string>() : "";
        };
        if (message.contains("session")) session = text("session");
        if (!message.contains("exit")) break;
        end.told = true;
        end.reason = text("reason");
        if (message.at("exit").is_number_integer()) end.status = message.at("exit").get<int>();
        break;
      }
      case Socket::Frame::kClosed:
        return end;
    }
  }
}

}  // namespace

int OpenShell(const ApiClient& api, std::int64_t id) {
  std::signal(SIGWINCH, [](int) { size_changed = true; });
  std::string session;
  End end;
  for (int attempt = 0; attempt <= kMostReconnects; ++attempt) {
    const auto socket = api.OpenSocket(
        fmt::format("/v1/sites/{}/terminals{}{}", id, session.empty() ? "" : "/", session));
    if (!socket && session.empty()) return PrintError(socket.error());
    if (!socket) {
      sleep(1);
      continue;
    }
    attempt = 0;  // it was there: what counts are failures in a row
    const RawTerminal raw;
    size_changed = true;
    std::atomic<bool> over = false;
    std::thread input([&] { SendInput(**socket, over); });
    end = ShowOutput(**socket, session);
    over = true;
    input.join();
    if (end.told) break;
  }
  if (!end.status) {
    return PrintError(
        {ErrorKind::kUnavailable, end.reason.empty() ? "the connection was lost" : end.reason});
  }
  return *end.status;
}

}  // namespace orchestrator::cli
