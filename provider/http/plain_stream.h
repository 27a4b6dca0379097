#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "provider/http/configured_httplib.h"

// Part of server.cc: a connection without TLS, with fewer calls of the system than httplib's own.
namespace provider::http {

// What this thread sends and has in a file, too.
struct SentFile {
  const char* bytes = nullptr;
  std::size_t size = 0;
  int descriptor = -1;
};
inline thread_local SentFile sent_file;

// The socket blocks, and has the time limits of its options: so it is not asked whether it is ready
// before each call, and what is wrong with it is told by the call itself. What was read beyond a
// request is the beginning of the next one.
//
// Of one thread; does not own the socket.
class PlainStream final : public httplib::Stream {
 public:
  explicit PlainStream(int descriptor) : descriptor_(descriptor) {}

  bool is_readable() const override { return begin_ < end_; }
  bool wait_readable() const override { return true; }
  bool wait_writable() const override { return true; }

  // Reads of so few bytes are for all of them: httplib's heads of WebSocket frames.
  ssize_t read(char* data, size_t size) override {
    if (size > kAllOrNothing) return ReadSome(data, size);
    std::size_t done = 0;
    while (done < size) {
      const ssize_t count = ReadSome(data + done, size - done);
      if (count <= 0) return count;
      done += static_cast<std::size_t>(count);
    }
    return static_cast<ssize_t>(done);
  }

  // All of it, or an error.
  ssize_t write(const char* data, size_t size) override {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t count = Send(data + done, size - done);
      if (count <= 0) return -1;
      done += static_cast<std::size_t>(count);
    }
    return static_cast<ssize_t>(done);
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    httplib::detail::get_remote_ip_and_port(descriptor_, ip, port);
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    httplib::detail::get_local_ip_and_port(descriptor_, ip, port);
  }
  socket_t socket() const override { return descriptor_; }
  time_t duration() const override { return 0; }  // only clients limit it

  void set_read_timeout(time_t seconds, time_t microseconds) override {
    httplib::detail::set_socket_opt_time(descriptor_, SOL_SOCKET, SO_RCVTIMEO, seconds,
                                         microseconds);
  }

 private:
  static constexpr std::size_t kAllOrNothing = 8;

  ssize_t Send(const char* data, std::size_t size) const {
    const char* const end = sent_file.bytes + sent_file.size;
    if (std::less_equal<>()(sent_file.bytes, data) && std::less<>()(data, end)) {
      off_t offset = data - sent_file.bytes;
      ssize_t count = -1;
      do {  // of a reader that went away httplib lets no signal come
        count = sendfile(descriptor_, sent_file.descriptor, &offset, size);
      } while (count < 0 && errno == EINTR);
      return count;
    }
    return httplib::detail::send_socket(descriptor_, data, size, CPPHTTPLIB_SEND_FLAGS);
  }

  ssize_t ReadSome(char* data, std::size_t size) {
    if (begin_ == end_) {
      if (size >= buffer_.size()) return Receive(data, size);
      const ssize_t count = Receive(buffer_.data(), buffer_.size());
      if (count <= 0) return count;
      begin_ = 0;
      end_ = static_cast<std::size_t>(count);
    }
    const std::size_t count = std::min(size, end_ - begin_);
    std::memcpy(data, buffer_.data() + begin_, count);
    begin_ += count;
    return static_cast<ssize_t>(count);
  }

  ssize_t Receive(char* data, std::size_t size) {
    const ssize_t count =
        httplib::detail::read_socket(descriptor_, data, size, CPPHTTPLIB_RECV_FLAGS);
    if (count == 0) error_ = httplib::Error::ConnectionClosed;
    if (count < 0) {
      error_ = errno == EAGAIN ? httplib::Error::Timeout : httplib::Error::Read;
    }
    return count;
  }

  const int descriptor_;
  std::array<char, 4096> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace provider::http
