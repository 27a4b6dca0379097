#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "provider/http/configured_httplib.h"

// Part of server.cc: what httplib must not see of a request's head.
namespace provider::http {

// The name under which httplib gets the header Range. It would refuse a request whose Range it does
// not understand with 416, whatever its method and path, before anyone is asked; such a header is
// to be passed over (RFC 9110, 14.2).
inline constexpr const char* kHiddenRange = "Rang~";

// A connection's stream for one request, with its Range under the other name. Of one thread; the
// stream must live longer.
class HeadStream final : public httplib::Stream {
 public:
  explicit HeadStream(httplib::Stream& stream) : stream_(stream) {}

  bool is_readable() const override { return given_ < held_.size() || stream_.is_readable(); }
  bool wait_readable() const override { return given_ < held_.size() || stream_.wait_readable(); }
  bool wait_writable() const override { return stream_.wait_writable(); }
  bool is_peer_alive() const override { return stream_.is_peer_alive(); }

  ssize_t read(char* data, size_t size) override {
    if (!in_head_) return Receive(data, size);
    if (size == 0) return 0;
    if (at_line_start_) {
      at_line_start_ = false;
      HoldName();
    }
    if (given_ < held_.size()) {
      *data = held_[given_++];
    } else if (const ssize_t count = Receive(data, 1); count <= 0) {
      return count;
    }
    Follow(*data);
    return 1;
  }

  ssize_t write(const char* data, size_t size) override { return stream_.write(data, size); }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    stream_.get_remote_ip_and_port(ip, port);
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    stream_.get_local_ip_and_port(ip, port);
  }
  socket_t socket() const override { return stream_.socket(); }
  time_t duration() const override { return stream_.duration(); }
  void set_read_timeout(time_t seconds, time_t microseconds) override {
    stream_.set_read_timeout(seconds, microseconds);
  }

 private:
  static constexpr std::string_view kName = "range:";

  ssize_t Receive(char* data, std::size_t size) {
    const ssize_t count = stream_.read(data, size);
    if (count <= 0) error_ = stream_.get_error();
    return count;
  }

  // Reads the beginning of a line as long as it may be the name. An error comes again when the rest
  // of the line is read.
  void HoldName() {
    held_.clear();
    given_ = 0;
    while (held_.size() < kName.size()) {
      char byte = 0;
      if (Receive(&byte, 1) <= 0) return;
      const bool upper = byte >= 'A' && byte <= 'Z';
      const bool fits = (upper ? byte - 'A' + 'a' : byte) == kName[held_.size()];
      held_ += byte;
      if (!fits) return;
    }
    held_.replace(0, kName.size() - 1, kHiddenRange);
  }

  // Lines end as httplib has them.
  void Follow(char byte) {
    ++line_size_;
    if (before_ == '\r' && byte == '\n') {
      in_head_ = line_size_ > 2;
      at_line_start_ = true;
      line_size_ = 0;
    }
    before_ = byte;
  }

  httplib::Stream& stream_;
  bool in_head_ = true;
  bool at_line_start_ = false;  // the request's first line has no header
  std::size_t line_size_ = 0;
  char before_ = 0;
  std::string held_;  // read, and not given yet from `given_` on
  std::size_t given_ = 0;
};

}  // namespace provider::http
