#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace provider::http {

// The server's end of a WebSocket. Read is called by one thread; sending and Abort may be called by
// others at the same time. Pings are answered, and sent, by the implementation.
class Socket {
 public:
  enum class Frame { kText, kBinary, kClosed };
  enum class CloseReason : std::uint16_t {  // RFC 6455, section 7.4.1
    kNormal = 1000,
    kGoingAway = 1001,
    kPolicyViolation = 1008,
    kInternalError = 1011,
    kTryAgainLater = 1013,
  };

  virtual ~Socket() = default;

  // Blocks until a whole message is there, or the connection has ended.
  virtual Frame Read(std::string& payload) = 0;

  // Blocks while the reader is slow; false when it is gone or was too slow.
  virtual bool SendText(const std::string& text) = 0;
  virtual bool SendBinary(std::string_view bytes) = 0;

  virtual void Close(CloseReason reason, const std::string& text) = 0;

  // Ends the connection at once: Read and sends return.
  virtual void Abort() = 0;
};

}  // namespace provider::http
