#include "tests/bench/http_load.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tests {
namespace {

using Clock = std::chrono::steady_clock;

std::size_t LengthIn(std::string_view head) {
  constexpr std::string_view kName = "Content-Length: ";
  const std::size_t at = head.find(kName);
  std::size_t length = 0;
  if (at != std::string_view::npos) {
    head.remove_prefix(at + kName.size());
    std::from_chars(head.data(), head.data() + head.size(), length);
  }
  if (length == 0) throw std::runtime_error("an answer without a length");
  return length;
}

// One connection with one request under way.
class Connection {
 public:
  Connection(std::uint16_t port, const std::string& request)
      : request_(request), socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("nobody listens");
    }
    Ask();
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int descriptor() const { return socket_; }

  // Reads what is there. Whether an answer is complete, and the next one asked for.
  bool Read() {
    if (left_ > 0) {
      Take(recv(socket_, nullptr, std::numeric_limits<int>::max(), MSG_TRUNC));
    } else {
      std::array<char, 4096> bytes;
      const ssize_t count = recv(socket_, bytes.data(), bytes.size(), 0);
      head_.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
      const std::size_t end = head_.find("\r\n\r\n");
      if (count <= 0) throw std::runtime_error("a connection was closed");
      if (end == std::string::npos) return false;
      if (!head_.starts_with("HTTP/1.1 200 ")) throw std::runtime_error("answered: " + head_);
      left_ = LengthIn(head_);
      left_ -= std::min(left_, head_.size() - end - 4);
      head_.clear();
    }
    if (left_ > 0) return false;
    Ask();
    return true;
  }

 private:
  void Ask() {
    if (send(socket_, request_.data(), request_.size(), MSG_NOSIGNAL) < 0) {
      throw std::runtime_error("a connection was closed");
    }
  }

  void Take(ssize_t count) {
    if (count <= 0 || static_cast<std::size_t>(count) > left_) {
      throw std::runtime_error("an answer broke off");
    }
    left_ -= static_cast<std::size_t>(count);
  }

  const std::string& request_;
  int socket_;
  std::string head_;
  std::size_t left_ = 0;  // of the body
};

}  // namespace

double RequestsPerSecond(std::uint16_t port, const std::string& path, int connections,
                         Clock::duration time) {
  const std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAccept-Encoding: gzip\r\n\r\n", path, port);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> open;
  for (int i = 0; i < connections; ++i) {
    open.push_back(std::make_unique<Connection>(port, request));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = open.back().get();
    epoll_ctl(poll, EPOLL_CTL_ADD, open.back()->descriptor(), &event);
  }
  const auto begin = Clock::now();
  std::size_t answers = 0;
  while (Clock::now() - begin < time) {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(poll, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < count; ++i) {
      answers += static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr)->Read();
    }
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  close(poll);
  return static_cast<double>(answers) / took.count();
}

}  // namespace tests
