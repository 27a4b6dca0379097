#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "provider/http/client.h"

namespace provider::http {

// A connection that was an HTTP exchange at first and carries raw bytes both ways since the server
// agreed (101, or 200 as older Docker engines say).
//
// Read is for one thread, Write for one thread, at the same time if wanted.
class HijackedConnection {
 public:
  // Sends the request and reads the head of the answer. Any other status is returned as an answer
  // with its body.
  struct Opened {
    std::unique_ptr<HijackedConnection> connection;  // null: refused, see `refusal`
    ClientResponse refusal;
  };
  static std::expected<Opened, ClientFailure> Open(const ClientRequest& request,
                                                   const std::stop_token& stop);

  ~HijackedConnection();
  HijackedConnection(const HijackedConnection&) = delete;
  HijackedConnection& operator=(const HijackedConnection&) = delete;

  enum class ReadResult { kBytes, kNothingYet, kEnd };
  // Waits until there are bytes, for `timeout` at most; they are then in `bytes`.
  ReadResult Read(std::string& bytes, std::chrono::milliseconds timeout);

  // Blocks until all is taken; false when the other side has gone or takes nothing for `timeout`.
  bool Write(std::string_view bytes, std::chrono::milliseconds timeout);

  // From any thread: Read and Write end.
  void Abort();

 private:
  class Implementation;
  explicit HijackedConnection(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace provider::http
