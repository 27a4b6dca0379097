#include "provider/http/server.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// The backlog must hold a fleet that connects at once.
#define CPPHTTPLIB_LISTEN_BACKLOG 512
// The body limit of the server holds for every kind of body.
#define CPPHTTPLIB_FORM_URL_ENCODED_PAYLOAD_MAX_LENGTH (std::size_t{1} << 40)
#include <httplib.h>

namespace provider::http {
namespace {

constexpr std::size_t kLongestPath = 2048;
constexpr std::size_t kWaitingConnections = 128;

// Set while a thread serves one connection, from its first request to its end.
thread_local Connection* current_connection = nullptr;

// A thread pool whose tasks are connections: gives each a Connection for as long as it lives.
class ConnectionQueue final : public httplib::TaskQueue {
 public:
  explicit ConnectionQueue(const ServerLimits& limits)
      : pool_(limits.threads, limits.connections, kWaitingConnections) {}

  bool enqueue(std::function<void()> serve) override {
    return pool_.enqueue([serve = std::move(serve)] {
      Connection connection;
      current_connection = &connection;
      serve();
      current_connection = nullptr;
    });
  }

  void shutdown() override { pool_.shutdown(); }

 private:
  httplib::ThreadPool pool_;
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
  request.connection = current_connection;
  request.is_disconnected = from.is_connection_closed;
  return request;
}

void ToHttplib(ServerResponse response, httplib::Response& to) {
  to.status = response.status;
  for (const auto& [name, value] : response.headers) to.set_header(name, value);
  if (!response.shared_body) {
    to.set_content(std::move(response.body), response.content_type);
    return;
  }
  auto body = std::move(response.shared_body);
  const std::size_t size = body->size();
  to.set_content_provider(
      size, response.content_type,
      [body](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        if (offset >= body->size()) return false;
        return sink.write(body->data() + offset, std::min(length, body->size() - offset));
      },
      [on_sent = std::move(response.on_sent)](bool complete) {
        if (on_sent) on_sent(complete);
      });
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
  Implementation(Handler handler, ErrorPage error_page, ServerLimits limits, Admission admission)
      : handler_(std::move(handler)),
        error_page_(std::move(error_page)),
        admission_(std::move(admission)) {
    server_.new_task_queue = [limits] { return new ConnectionQueue(limits); };
    server_.set_tcp_nodelay(true);
    server_.set_payload_max_length(limits.body_bytes);
    server_.set_read_timeout(limits.read_timeout.count());
    server_.set_write_timeout(limits.write_timeout.count());
    server_.set_keep_alive_timeout(limits.idle_timeout.count());
    server_.set_keep_alive_max_count(std::size_t{1} << 40);
    // Without SO_REUSEPORT: a second instance on the same port must fail.
    server_.set_socket_options([](int descriptor) {
      const int on = 1;
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    InstallHandlers();
  }

  std::expected<std::uint16_t, std::string> Start(const ListenAddress& address) {
    auto port = Bind(address);
    if (!port) return port;
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    server_.wait_until_ready();
    return port;
  }

  void Stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
    if (!socket_file_.empty()) unlink(socket_file_.c_str());
  }

 private:
  void InstallHandlers() {
    server_.set_pre_routing_handler([this](const httplib::Request& from, httplib::Response& to) {
      if (from.path.size() > kLongestPath) {
        ToHttplib(error_page_(414), to);
        return httplib::Server::HandlerResponse::Handled;
      }
      if (auto refusal = admission_ ? admission_(FromHttplib(from)) : std::nullopt) {
        ToHttplib(*std::move(refusal), to);
        return httplib::Server::HandlerResponse::Handled;
      }
      return httplib::Server::HandlerResponse::Unhandled;
    });
    const auto serve = [this](const httplib::Request& from, httplib::Response& to) {
      ToHttplib(handler_(FromHttplib(from)), to);
    };
    static constexpr const char* kAnyPath = ".*";
    server_.Get(kAnyPath, serve);
    server_.Post(kAnyPath, serve);
    server_.Put(kAnyPath, serve);
    server_.Patch(kAnyPath, serve);
    server_.Delete(kAnyPath, serve);
    server_.Options(kAnyPath, serve);
    server_.set_error_handler([this](const httplib::Request&, httplib::Response& to) {
      // Handlers' own errors come with a body; what httplib refuses by itself has none.
      if (to.body.empty() && to.content_length_ == 0) ToHttplib(error_page_(to.status), to);
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
  Admission admission_;
  httplib::Server server_;
  std::string socket_file_;
  std::thread thread_;
};

Server::Server(Handler handler, ErrorPage error_page, ServerLimits limits, Admission admission)
    : implementation_(std::make_unique<Implementation>(std::move(handler), std::move(error_page),
                                                       limits, std::move(admission))) {}

Server::~Server() { Stop(); }

std::expected<std::uint16_t, std::string> Server::Start(const ListenAddress& address) {
  return implementation_->Start(address);
}

void Server::Stop() { implementation_->Stop(); }

}  // namespace provider::http
