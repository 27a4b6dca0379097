#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "provider/http/configured_httplib.h"
#include "provider/http/connection_table.h"
#include "provider/http/head_stream.h"
#include "provider/http/message.h"
#include "provider/http/plain_stream.h"
#include "provider/http/tls_context.h"

// Part of server.cc: httplib's server with what it lacks.
namespace provider::http {

struct Peer {
  std::string address;  // empty for a Unix socket
  int port = 0;
};

// What a thread knows while it serves one connection, from its first request to its end.
struct Serving {
  Connection connection;
  int descriptor = -1;
  httplib::tls::session_t tls = nullptr;  // null without TLS
  Peer remote = {};
  Peer local = {};
  bool failed = false;  // an answer said so: nothing else is read from this connection
  std::string range;    // the header of the current request, where it counts
};

inline thread_local Serving* serving = nullptr;

inline bool TakesBody(const std::string& method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

// Whether all who read the request agree on where it ends: one length in digits, or chunks.
inline bool HasPlainEnd(const httplib::Request& request) {
  const auto [first, last] = request.headers.equal_range("Content-Length");
  for (auto length = first; length != last; ++length) {
    const std::string& digits = length->second;
    if (digits.empty() || digits.size() > 18 || digits != first->second) return false;
    if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return false;
  }
  return !request.has_header("Transfer-Encoding") ||
         (request.get_header_value_count("Transfer-Encoding") == 1 &&
          httplib::detail::is_chunked_transfer_encoding(request.headers));
}

inline std::uint64_t DeclaredBody(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding") ? std::numeric_limits<std::uint64_t>::max()
                                                 : request.get_header_value_u64("Content-Length");
}

// A request without a length has no body (RFC 9112, 6.3), but httplib waits for one after it has
// answered, and takes the next request for it.
inline void SayThatBodyIsEmpty(httplib::Request& request) {
  if (TakesBody(request.method) && !request.has_header("Content-Length") &&
      !request.has_header("Transfer-Encoding")) {
    request.set_header("Content-Length", "0");
  }
}

// Gives Range its name back. What it says: only a GET has ranges (RFC 9110, 14.2), and two headers
// are no range.
inline std::string TakeRange(httplib::Request& request) {
  const auto [first, last] = request.headers.equal_range(kHiddenRange);
  std::vector<std::string> values;
  for (auto header = first; header != last; ++header) values.push_back(header->second);
  request.headers.erase(first, last);
  for (const std::string& value : values) request.headers.emplace("Range", value);
  return request.method == "GET" && values.size() == 1 ? values.front() : "";
}

// httplib's server, which also knows its open connections, so that they can be ended, and whose TLS
// is chosen when it is made.
class TrackingServer final : public httplib::Server {
 public:
  // `tls` may be null.
  TrackingServer(std::shared_ptr<TlsContext> tls, bool serves_sockets)
      : tls_(std::move(tls)), serves_sockets_(serves_sockets) {}

  ConnectionTable& connections() { return connections_; }

 private:
  // As httplib's own, which is private, with the connection remembered.
  bool process_and_close_socket(socket_t descriptor) override {
    Serving now;
    now.descriptor = descriptor;
    serving = &now;
    connections_.Open(descriptor);
    bool good = false;
    // Only handlers are guarded by httplib, not what runs while a body is sent or a socket is open.
    try {
      good = tls_ ? ServeTls(now) : ServePlain(now);
    } catch (const std::exception&) {
      good = false;  // the connection is closed; there is nobody to tell
    }
    serving = nullptr;
    connections_.Close(descriptor);
    return good;
  }

  bool ServePlain(Serving& now) {
    PlainStream stream(now.descriptor);
    return ServeRequests(now, stream, [] { return true; });
  }

  // One after the other, as long as the connection `stays` after each.
  bool ServeRequests(Serving& now, httplib::Stream& stream, const std::function<bool()>& stays) {
    bool good = false;
    for (std::size_t left = keep_alive_max_count_; left > 0; --left) {
      if (!stream.is_readable() && !WaitForFirstByte(now.descriptor)) break;
      bool closed = false;
      good = ServeRequest(now, stream, left == 1, closed);
      if (!good || closed || !stays()) break;
    }
    return good;
  }

  // The handshake has the time of a request's head.
  bool ServeTls(Serving& now) {
    if (!WaitForFirstByte(now.descriptor)) return false;
    const std::shared_ptr<SSL_CTX> context = tls_->Current();
    const std::unique_ptr<void, void (*)(void*)> session(
        httplib::tls::create_session(context.get(), now.descriptor), httplib::tls::free_session);
    if (!session) return false;
    connections_.Enter(now.descriptor, ConnectionTable::Phase::kReading);
    httplib::tls::TlsError error;
    if (!httplib::tls::accept_nonblocking(session.get(), now.descriptor, read_timeout_sec_,
                                          read_timeout_usec_, &error)) {
      std::string peer;
      int port = 0;
      httplib::detail::get_remote_ip_and_port(now.descriptor, peer, port);
      const char* const reason = ERR_reason_error_string(error.backend_code);
      tls_->CountFailure(peer, reason ? reason : "it did not finish the handshake");
      return false;
    }
    connections_.Enter(now.descriptor, ConnectionTable::Phase::kIdle);
    now.tls = session.get();
    httplib::detail::SSLSocketStream stream(now.descriptor, session.get(), read_timeout_sec_,
                                            read_timeout_usec_, write_timeout_sec_,
                                            write_timeout_usec_);
    // When the files are others, they say who is let in.
    const bool good = ServeRequests(now, stream, [&] { return tls_->Current() == context; });
    // Said once: nobody waits for the other side to say it, too.
    if (good) SSL_shutdown(static_cast<SSL*>(session.get()));
    return good;
  }

  // Between requests a connection makes room for others like any that waits.
  bool WaitForFirstByte(int descriptor) const {
    constexpr time_t kSlice = 250'000;  // microseconds
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(keep_alive_timeout_sec_);
    while (svr_sock_ != INVALID_SOCKET && std::chrono::steady_clock::now() < deadline) {
      const auto ready = httplib::detail::select_read(descriptor, 0, kSlice);
      if (ready != 0) return ready > 0;
    }
    return false;
  }

  bool ServeRequest(Serving& now, httplib::Stream& stream, bool close, bool& closed) {
    connections_.Enter(now.descriptor, ConnectionTable::Phase::kReading);
    send_flags = 0;
    if (now.remote.address.empty()) {
      stream.get_remote_ip_and_port(now.remote.address, now.remote.port);
      stream.get_local_ip_and_port(now.local.address, now.local.port);
    }
    bool is_socket = false;
    HeadStream head_stream(stream);
    const bool served = process_request(
        head_stream, now.remote.address, now.remote.port, now.local.address, now.local.port, close,
        closed,
        [&](httplib::Request& request) {
          now.range = TakeRange(request);
          SayThatBodyIsEmpty(request);
          // Offering another protocol is no reason to refuse (RFC 9110, 7.8).
          if (!serves_sockets_) request.headers.erase("Upgrade");
        },
        &is_socket);
    closed = closed || now.failed;
    connections_.Enter(now.descriptor, ConnectionTable::Phase::kIdle);
    return served;
  }

  const std::shared_ptr<TlsContext> tls_;
  const bool serves_sockets_;
  ConnectionTable connections_;
};

}  // namespace provider::http
