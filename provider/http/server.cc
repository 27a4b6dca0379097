#include "provider/http/server.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "provider/base/pause.h"
#include "provider/http/byte_range.h"
#include "provider/http/connection_threads.h"
#include "provider/http/tracking_server.h"

namespace provider::http {
namespace {

constexpr std::size_t kLongestPath = 4096 + 256;
constexpr std::uint64_t kLargestDrained = 64 << 10;
constexpr std::size_t kWaitingConnections = 128;
constexpr std::chrono::milliseconds kWatchPeriod{250};
constexpr std::chrono::seconds kSlowHead{2};  // while others wait for a thread
constexpr int kSendBuffer = 256 << 10;

// A client that is refused need not send its whole body first: what comes after is not read.
void RefuseBody() { shutdown(serving->descriptor, SHUT_RD); }

// httplib's queue of connections.
class ConnectionQueue final : public httplib::TaskQueue {
 public:
  explicit ConnectionQueue(std::shared_ptr<ConnectionThreads> threads)
      : threads_(std::move(threads)) {}

  bool enqueue(std::function<void()> serve) override { return threads_->Run(std::move(serve)); }
  void shutdown() override { threads_->End(); }

 private:
  const std::shared_ptr<ConnectionThreads> threads_;
};

// One end of a WebSocket.
class HttplibSocket final : public Socket {
 public:
  HttplibSocket(httplib::ws::WebSocket& socket, int descriptor)
      : socket_(socket), descriptor_(descriptor) {}

  Frame Read(std::string& payload) override {
    switch (socket_.read(payload)) {
      case httplib::ws::Text:
        return Frame::kText;
      case httplib::ws::Binary:
        return Frame::kBinary;
      default:
        return Frame::kClosed;
    }
  }
  bool SendText(const std::string& text) override { return socket_.send(text); }
  bool SendBinary(std::string_view bytes) override {
    return socket_.send(bytes.data(), bytes.size());
  }
  void Close(CloseReason reason, const std::string& text) override {
    socket_.close(static_cast<httplib::ws::CloseStatus>(reason), text);
  }
  void Abort() override { shutdown(descriptor_, SHUT_RDWR); }

 private:
  httplib::ws::WebSocket& socket_;
  const int descriptor_;
};

// The query of the request's target. httplib's own parameters also hold those of a form in the
// body.
std::multimap<std::string, std::string> QueryOf(std::string_view target) {
  std::multimap<std::string, std::string> query;
  const std::size_t mark = target.find('?');
  target.remove_prefix(mark == std::string_view::npos ? target.size() : mark + 1);
  while (!target.empty()) {
    const std::string_view pair = target.substr(0, target.find('&'));
    target.remove_prefix(std::min(pair.size() + 1, target.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    query.emplace(httplib::decode_query_component(std::string(pair.substr(0, equals))),
                  httplib::decode_query_component(std::string(value)));
  }
  return query;
}

ServerRequest FromHttplib(const httplib::Request& from) {
  ServerRequest request;
  request.method = from.method;
  request.path = from.path;
  request.query = QueryOf(from.target);
  request.headers.assign(from.headers.begin(), from.headers.end());
  request.body = from.body;
  request.remote_address = from.remote_addr;
  request.remote_port = static_cast<std::uint16_t>(from.remote_port);
  request.connection = &serving->connection;
  request.is_disconnected = from.is_connection_closed;
  if (serving->tls) {
    // Behind what TLS says at the end, httplib does not see the connection's own end.
    request.is_disconnected = [session = serving->tls, descriptor = serving->descriptor] {
      pollfd ended{descriptor, POLLRDHUP, 0};
      return poll(&ended, 1, 0) != 0 || httplib::tls::is_peer_closed(session, descriptor);
    };
  }
  return request;
}

// While it lives, `bytes` are sent from `file`, if there is one.
class SentFileScope {
 public:
  SentFileScope(std::string_view bytes, const MemoryFile* file) {
    if (file) sent_file = {bytes.data(), bytes.size(), file->descriptor()};
  }
  ~SentFileScope() { sent_file = {}; }
  SentFileScope(const SentFileScope&) = delete;
  SentFileScope& operator=(const SentFileScope&) = delete;
};

ByteSink ToSink(httplib::DataSink& sink) {
  return [&sink](std::string_view bytes) { return sink.write(bytes.data(), bytes.size()); };
}

// Makes the body into the part that the request asks for. Several ranges at once are not supported:
// all is sent, as RFC 9110 allows.
void ApplyRange(ServerResponse& response, httplib::Response& to) {
  RangedBody& body = *response.ranged;
  to.set_header("Accept-Ranges", "bytes");
  if (body.whole_only) return;
  const auto range = ChooseRange(serving->range, body.size);
  if (!range) return;
  if (range->length == 0) {
    to.status = 416;
    to.set_header("Content-Range", fmt::format("bytes */{}", body.size));
    response.ranged.reset();
    return;
  }
  to.status = 206;
  to.set_header("Content-Range", fmt::format("bytes {}-{}/{}", range->first,
                                             range->first + range->length - 1, body.size));
  body.size = range->length;
  body.read = [read = std::move(body.read), first = range->first](
                  std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
    return read(first + offset, length, sink);
  };
}

void ToHttplib(ServerResponse response, httplib::Response& to) {
  to.status = response.status;
  serving->failed = response.status >= 400;
  for (const auto& [name, value] : response.headers) to.set_header(name, value);
  const auto on_sent = [on_sent = std::move(response.on_sent)](bool complete) {
    if (on_sent) on_sent(complete);
  };
  if (response.ranged) ApplyRange(response, to);
  if (response.stream) {
    to.set_chunked_content_provider(
        response.content_type,
        [write = std::move(response.stream)](std::size_t, httplib::DataSink& sink) {
          if (!write(ToSink(sink))) return false;
          sink.done();
          return true;
        },
        on_sent);
  } else if (response.ranged && response.ranged->size > 0) {
    const std::uint64_t size = response.ranged->size;
    to.set_content_provider(
        size, response.content_type,
        [body = *std::move(response.ranged)](std::size_t offset, std::size_t length,
                                             httplib::DataSink& sink) {
          return body.read(offset, length, ToSink(sink));
        },
        on_sent);
  } else if (response.shared_body) {
    auto body = std::move(response.shared_body);
    const std::size_t size = body->size();
    to.set_content_provider(
        size, response.content_type,
        [body, file = std::move(response.shared_file)](std::size_t offset, std::size_t length,
                                                       httplib::DataSink& sink) {
          if (offset >= body->size()) return false;
          send_flags = 0;
          const SentFileScope scope(*body, file.get());
          return sink.write(body->data() + offset, std::min(length, body->size() - offset));
        },
        on_sent);
  } else {
    to.set_content(std::move(response.body), response.content_type);
  }
}

bool SomeoneAnswers(const std::string& path) {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool answers =
      connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(descriptor);
  return answers;
}

}  // namespace

std::string_view FindHeader(const HeaderList& headers, std::string_view name) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  for (const auto& [key, value] : headers) {
    if (std::ranges::equal(key, name, {}, lower, lower)) return value;
  }
  return {};
}

std::string_view ServerRequest::Query(std::string_view name) const {
  const auto found = query.find(std::string(name));
  return found == query.end() ? std::string_view() : std::string_view(found->second);
}

class Server::Implementation {
 public:
  Implementation(Handler handler, ErrorPage error_page, ServerLimits limits, Hooks hooks,
                 std::shared_ptr<TlsContext> tls)
      : handler_(std::move(handler)),
        error_page_(std::move(error_page)),
        limits_(limits),
        hooks_(std::move(hooks)),
        threads_(std::make_shared<ConnectionThreads>(limits.connections, kWaitingConnections)),
        server_(std::move(tls), hooks_.serve_socket != nullptr) {
    server_.new_task_queue = [this] { return new ConnectionQueue(threads_); };
    server_.set_tcp_nodelay(true);
    server_.set_payload_max_length(std::numeric_limits<std::size_t>::max());  // see ReadBody
    server_.set_read_timeout(limits.read_timeout.count());
    server_.set_write_timeout(limits.write_timeout.count());
    server_.set_keep_alive_timeout(limits.idle_timeout.count());
    server_.set_keep_alive_max_count(std::size_t{1} << 40);
    // Without SO_REUSEPORT: a second instance on the same port must fail.
    server_.set_socket_options([](int descriptor) {
      const int on = 1;
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      // What a slow reader has not taken yet; a larger one only takes what is read out of the
      // cache.
      const int buffer = kSendBuffer;
      setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    });
    InstallHandlers();
  }

  std::expected<std::uint16_t, std::string> Start(const ListenAddress& address) {
    auto port = Bind(address);
    if (!port) return port;
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    watch_ = std::jthread([this](const std::stop_token& stop) { Watch(stop); });
    server_.wait_until_ready();
    return port;
  }

  void Stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    server_.connections().CutIdle(std::numeric_limits<std::size_t>::max(), {},
                                  ConnectionTable::Clock::duration::max(),
                                  ConnectionTable::Clock::now());
    server_.connections().WaitForAll(std::chrono::steady_clock::now() + limits_.stop_grace);
    is_ending_ = true;  // those that still wait for a thread open later
    thread_.join();
    watch_.request_stop();
    watch_.join();
    if (!socket_file_.empty()) unlink(socket_file_.c_str());
  }

 private:
  // Keeps connections to their times, and makes room for new ones.
  void Watch(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      Pause(stop, kWatchPeriod);  // and looks once more when it is stopped
      const auto now = ConnectionTable::Clock::now();
      server_.connections().CutLate({limits_.head_time, limits_.body_time, limits_.answer_time},
                                    now);
      if (is_ending_) server_.connections().CutAll();
      server_.connections().CutIdle(threads_->waiting(), kWatchPeriod, kSlowHead, now);
    }
  }

  static void Enter(TrackingServer& server, ConnectionTable::Phase phase) {
    server.connections().Enter(serving->descriptor, phase);
  }

  // An answer to what shall not reach the handler.
  std::optional<ServerResponse> Refuse(const httplib::Request& from,
                                       const ServerRequest& request) const {
    if (from.path.size() > kLongestPath) return error_page_(414);
    if (!HasPlainEnd(from)) return error_page_(400);
    if (from.is_multipart_form_data()) return error_page_(415);
    if (!TakesBody(from.method) && DeclaredBody(from) > 0) return error_page_(400);
    if (hooks_.admit) {
      if (auto refusal = hooks_.admit(request)) return refusal;
    }
    const bool streams = hooks_.streams_body && hooks_.streams_body(request);
    const bool is_known = from.has_header("Content-Length") || limits_.body_bytes == 0;
    if (!streams && is_known && DeclaredBody(from) > limits_.body_bytes) return error_page_(413);
    return {};
  }

  // Whether there is nothing more to be read, so that it can be served without httplib's routing.
  bool IsWhole(const httplib::Request& from) const {
    return (from.method == "GET" || from.method == "HEAD") && !hooks_.serve_socket;
  }

  void Serve(const ServerRequest& request, httplib::Response& to) {
    ServerResponse response = handler_(request);
    // The head waits for the body behind it, so that both are sent together.
    if (response.shared_body && request.method == "GET") send_flags = MSG_MORE;
    ToHttplib(std::move(response), to);
    Enter(server_, ConnectionTable::Phase::kSending);
  }

  // Of a body that may take any time, but must not keep a thread for a byte now and then: looks at
  // what has come since the last look.
  class Pace {
   public:
    explicit Pace(const ServerLimits& limits) : limits_(limits) {}

    bool IsTooSlow(std::size_t size) {
      come_ += size;
      const auto time = std::chrono::steady_clock::now() - begin_;
      if (time <= limits_.body_time) return false;
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
      if (come_ < limits_.body_rate * static_cast<std::size_t>(seconds)) return true;
      come_ = 0;
      begin_ += time;
      return false;
    }

   private:
    const ServerLimits& limits_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::size_t come_ = 0;
  };

  void ServeWithBody(const httplib::Request& from, httplib::Response& to,
                     const httplib::ContentReader& reader) {
    ServerRequest request = FromHttplib(from);
    bool whole = false;
    if (hooks_.streams_body && hooks_.streams_body(request)) {
      request.read_body = [&](const ByteSink& sink) {
        Pace pace(limits_);
        whole = reader([&](const char* data, std::size_t size) {
          return !pace.IsTooSlow(size) && sink(std::string_view(data, size));
        });
        return whole;
      };
      ToHttplib(handler_(request), to);
      if (whole) return;
      serving->failed = true;  // the rest of the body is no request
      RefuseBody();
      return;
    }
    bool too_large = false;
    Enter(server_, ConnectionTable::Phase::kReadingBody);
    whole = reader([&](const char* data, std::size_t size) {
      too_large = request.body.size() + size > limits_.body_bytes;
      if (!too_large) request.body.append(data, size);
      return !too_large;
    });
    Enter(server_, ConnectionTable::Phase::kAnswering);
    if (whole) return ToHttplib(handler_(request), to);
    RefuseBody();
    ToHttplib(error_page_(too_large ? 413 : 400), to);
  }

  void InstallHandlers() {
    server_.set_pre_routing_handler([this](const httplib::Request& from, httplib::Response& to) {
      Enter(server_, ConnectionTable::Phase::kAnswering);
      const ServerRequest request = FromHttplib(from);
      auto refusal = Refuse(from, request);
      if (!refusal) {
        if (!IsWhole(from)) return httplib::Server::HandlerResponse::Unhandled;
        Serve(request, to);
        return httplib::Server::HandlerResponse::Handled;
      }
      if (DeclaredBody(from) > kLargestDrained) RefuseBody();
      ToHttplib(*std::move(refusal), to);
      Enter(server_, ConnectionTable::Phase::kReading);  // what comes after it, for a while
      return httplib::Server::HandlerResponse::Handled;
    });
    const auto serve = [this](const httplib::Request& from, httplib::Response& to) {
      Serve(FromHttplib(from), to);
    };
    const auto serve_body = [this](const httplib::Request& from, httplib::Response& to,
                                   const httplib::ContentReader& reader) {
      ServeWithBody(from, to, reader);
      Enter(server_, ConnectionTable::Phase::kSending);
    };
    static constexpr const char* kAnyPath = R"([\s\S]*)";  // a dot would not match a line
    server_.Get(kAnyPath, serve);
    server_.Options(kAnyPath, serve);
    server_.Post(kAnyPath, serve_body);
    server_.Put(kAnyPath, serve_body);
    server_.Patch(kAnyPath, serve_body);
    server_.Delete(kAnyPath, serve_body);
    if (hooks_.serve_socket) {
      server_.WebSocket(kAnyPath,
                        [this](const httplib::Request& from, httplib::ws::WebSocket& socket) {
                          HttplibSocket ours(socket, serving->descriptor);
                          hooks_.serve_socket(FromHttplib(from), ours);
                        });
    }
    server_.set_error_handler([this](const httplib::Request&, httplib::Response& to) {
      // Handlers' own errors come with a body; what httplib refuses by itself has none.
      if (to.body.empty() && to.content_length_ == 0) ToHttplib(error_page_(to.status), to);
    });
    // These have no body at all (RFC 9110, 8.6); httplib gives them one of no bytes.
    server_.set_post_routing_handler([](const httplib::Request&, httplib::Response& to) {
      if (to.status == 204 || to.status == 304) to.headers.erase("Content-Length");
    });
    server_.set_exception_handler(
        [this](const httplib::Request&, httplib::Response& to, const std::exception_ptr&) {
          ToHttplib(error_page_(500), to);
        });
  }

  std::expected<std::uint16_t, std::string> Bind(const ListenAddress& address) {
    const auto failure = [&](std::string_view reason) {
      return std::unexpected(fmt::format("cannot listen on {}: {}", address.text(), reason));
    };
    if (address.is_unix()) {
      if (SomeoneAnswers(address.unix_socket)) return failure("another process listens there");
      unlink(address.unix_socket.c_str());
      server_.set_address_family(AF_UNIX);
      const mode_t mask = umask(0077);
      const bool bound = server_.bind_to_port(address.unix_socket, 80);
      const int error = errno;
      umask(mask);
      if (!bound) return failure(std::strerror(error));
      socket_file_ = address.unix_socket;
      return std::uint16_t{0};
    }
    errno = 0;
    const bool any = address.port == 0;
    const int port = any ? server_.bind_to_any_port(address.host)
                         : (server_.bind_to_port(address.host, address.port) ? address.port : -1);
    // NOLINTNEXTLINE(clang-analyzer-unix.Errno): httplib leaves it as the failing call set it
    const int error = port < 0 ? errno : 0;
    if (error == EADDRINUSE) return failure("the port is in use; is another instance running?");
    if (port < 0) return failure(error != 0 ? std::strerror(error) : "unknown address");
    return static_cast<std::uint16_t>(port);
  }

  Handler handler_;
  ErrorPage error_page_;
  const ServerLimits limits_;
  const Hooks hooks_;
  const std::shared_ptr<ConnectionThreads> threads_;
  TrackingServer server_;
  std::string socket_file_;
  std::thread thread_;
  std::atomic<bool> is_ending_ = false;  // every connection is cut
  std::jthread watch_;
};

Server::Server(Handler handler, ErrorPage error_page, ServerLimits limits, Hooks hooks,
               std::shared_ptr<TlsContext> tls)
    : implementation_(std::make_unique<Implementation>(std::move(handler), std::move(error_page),
                                                       limits, std::move(hooks), std::move(tls))) {}

Server::~Server() { Stop(); }

std::expected<std::uint16_t, std::string> Server::Start(const ListenAddress& address) {
  return implementation_->Start(address);
}

void Server::Stop() { implementation_->Stop(); }

}  // namespace provider::http
