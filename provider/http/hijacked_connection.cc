#include "provider/http/hijacked_connection.h"

#include <algorithm>
#include <charconv>
#include <mutex>

#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

namespace provider::http {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargestHead = 64 << 10;
constexpr std::size_t kPiece = 64 << 10;
constexpr auto kSlice = 100ms;  // how late a stop is seen

ClientFailure Failed(ClientFailure::Kind kind, std::string message) {
  return {kind, std::move(message)};
}

// The request's head and body as bytes.
std::string Render(const ClientRequest& request) {
  const std::size_t host = request.url.find("://") + 3;
  const std::size_t path = std::min(request.url.find('/', host), request.url.size());
  std::string text = fmt::format(
      "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
      "Content-Length: {}\r\n",
      request.method, path == request.url.size() ? "/" : request.url.substr(path),
      request.url.substr(host, path - host), request.body.size());
  for (const auto& [name, value] : request.headers) {
    text += fmt::format("{}: {}\r\n", name, value);
  }
  return text + "\r\n" + request.body;
}

}  // namespace

class HijackedConnection::Implementation {
 public:
  Implementation() : easy_(curl_easy_init(), curl_easy_cleanup) {}

  std::expected<void, ClientFailure> Connect(const ClientRequest& request) {
    CURL* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.timeout.count()));
    if (!request.unix_socket.empty()) {
      curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    }
    const CURLcode code = curl_easy_perform(easy);
    if (code != CURLE_OK) {
      return std::unexpected(Failed(ClientFailure::Kind::kUnreachable, curl_easy_strerror(code)));
    }
    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket_);
    return {};
  }

  ReadResult Read(std::string& bytes, std::chrono::milliseconds timeout) {
    if (!left_over_.empty()) {
      bytes.swap(left_over_);
      left_over_.clear();
      return ReadResult::kBytes;
    }
    const auto deadline = Clock::now() + timeout;
    bytes.resize(kPiece);
    for (;;) {
      std::size_t count = 0;
      CURLcode code;
      {
        const std::lock_guard lock(mutex_);
        code = curl_easy_recv(easy_.get(), bytes.data(), bytes.size(), &count);
      }
      bytes.resize(code == CURLE_OK ? count : 0);
      if (code == CURLE_OK) return count == 0 ? ReadResult::kEnd : ReadResult::kBytes;
      if (code != CURLE_AGAIN) return ReadResult::kEnd;
      if (!WaitFor(POLLIN, deadline)) return ReadResult::kNothingYet;
      bytes.resize(kPiece);
    }
  }

  bool Write(std::string_view bytes, std::chrono::milliseconds timeout) {
    auto deadline = Clock::now() + timeout;
    while (!bytes.empty()) {
      std::size_t count = 0;
      CURLcode code;
      {
        const std::lock_guard lock(mutex_);
        code = curl_easy_send(easy_.get(), bytes.data(), bytes.size(), &count);
      }
      if (code == CURLE_OK) {
        bytes.remove_prefix(count);
        deadline = Clock::now() + timeout;
      } else if (code != CURLE_AGAIN || !WaitFor(POLLOUT, deadline)) {
        return false;
      }
    }
    return true;
  }

  void Abort() const { shutdown(static_cast<int>(socket_), SHUT_RDWR); }

  // Reads up to the end of the head; what came after it stays for Read.
  std::expected<ClientResponse, ClientFailure> ReadHead(std::chrono::milliseconds timeout,
                                                        const std::stop_token& stop) {
    const auto deadline = Clock::now() + timeout;
    std::string head;
    std::size_t end = std::string::npos;
    while ((end = head.find("\r\n\r\n")) == std::string::npos) {
      if (stop.stop_requested()) {
        return std::unexpected(Failed(ClientFailure::Kind::kCancelled, "cancelled"));
      }
      if (Clock::now() > deadline || head.size() > kLargestHead) {
        return std::unexpected(Failed(ClientFailure::Kind::kTimeout, "no answer in time"));
      }
      std::string bytes;
      if (Read(bytes, kSlice) == ReadResult::kEnd) {
        return std::unexpected(
            Failed(ClientFailure::Kind::kUnreachable, "the connection was closed"));
      }
      head += bytes;
    }
    left_over_ = head.substr(end + 4);
    ClientResponse response;
    static constexpr std::string_view kStatusLine = "HTTP/1.1 ";
    if (head.size() > kStatusLine.size() + 3) {
      std::from_chars(head.data() + kStatusLine.size(), head.data() + kStatusLine.size() + 3,
                      response.status);
    }
    return response;
  }

  std::string ReadRest(std::chrono::milliseconds timeout) {
    std::string body;
    std::string bytes;
    while (body.size() < kLargestHead && Read(bytes, timeout) == ReadResult::kBytes) body += bytes;
    return body;
  }

 private:
  bool WaitFor(short events, Clock::time_point deadline) const {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd wanted{static_cast<int>(socket_), events, 0};
    return left.count() > 0 && poll(&wanted, 1, static_cast<int>(left.count()) + 1) > 0;
  }

  const std::unique_ptr<CURL, void (*)(CURL*)> easy_;
  curl_socket_t socket_ = CURL_SOCKET_BAD;
  std::mutex mutex_;  // a handle of libcurl is for one thread at a time
  std::string left_over_;
};

HijackedConnection::HijackedConnection(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
HijackedConnection::~HijackedConnection() = default;

std::expected<HijackedConnection::Opened, ClientFailure> HijackedConnection::Open(
    const ClientRequest& request, const std::stop_token& stop) {
  auto implementation = std::make_unique<Implementation>();
  if (const auto connected = implementation->Connect(request); !connected) {
    return std::unexpected(connected.error());
  }
  if (!implementation->Write(Render(request), request.timeout)) {
    return std::unexpected(Failed(ClientFailure::Kind::kUnreachable, "the request was not taken"));
  }
  auto answer = implementation->ReadHead(request.timeout, stop);
  if (!answer) return std::unexpected(answer.error());
  Opened opened;
  if (answer->status == 101 || answer->status == 200) {
    opened.connection.reset(new HijackedConnection(std::move(implementation)));
  } else {
    opened.refusal = *std::move(answer);
    opened.refusal.body = implementation->ReadRest(kSlice);
  }
  return opened;
}

HijackedConnection::ReadResult HijackedConnection::Read(std::string& bytes,
                                                        std::chrono::milliseconds timeout) {
  return implementation_->Read(bytes, timeout);
}

bool HijackedConnection::Write(std::string_view bytes, std::chrono::milliseconds timeout) {
  return implementation_->Write(bytes, timeout);
}

void HijackedConnection::Abort() { implementation_->Abort(); }

}  // namespace provider::http
