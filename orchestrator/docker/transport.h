#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "orchestrator/error.h"
#include "provider/http/client.h"
#include "provider/http/hijacked_connection.h"
#include "provider/http/url.h"

namespace orchestrator::docker {

// Where an engine listens: "unix:///var/run/docker.sock", "tcp://host:2375" or "http://host:2375".
struct EngineAddress {
  std::string unix_socket;  // empty for TCP
  std::string base_url;     // without a slash at the end

  // The error is a sentence for the person who typed the address.
  static std::expected<EngineAddress, std::string> Parse(std::string_view text);
};

// The version to speak with an engine that knows `oldest` … `newest`, both as "1.41".
Result<std::string> ChooseApiVersion(std::string_view oldest, std::string_view newest);

using provider::http::Escape;

// Calls of the Docker Engine API over HTTP, with errors in our kinds. Speaks the newest version
// that both sides know, from 1.41 on, and asks again after the engine was away, since it may have
// been upgraded. Thread-safe; `client` must live longer.
class Transport {
 public:
  Transport(provider::http::Client& client, EngineAddress address,
            std::chrono::milliseconds timeout);

  // The body of a good answer. `what` is the beginning of an error's message.
  Result<std::string> Call(std::string_view what, std::string method, std::string path_and_query,
                           std::string body, const std::stop_token& stop);

  // An exchange without a time limit on the calling thread, see provider::http::StreamHooks.
  Result<void> Stream(std::string_view what, std::string method, std::string path_and_query,
                      std::string content_type, const provider::http::StreamHooks& hooks,
                      const std::stop_token& stop);

  // A POST whose connection becomes a stream of raw bytes.
  Result<std::unique_ptr<provider::http::HijackedConnection>> Hijack(std::string_view what,
                                                                     std::string path_and_query,
                                                                     std::string body,
                                                                     const std::stop_token& stop);

  Result<std::string> ApiVersion(const std::stop_token& stop);

 private:
  provider::http::ClientRequest MakeRequest(std::string method, const std::string& path,
                                            std::string body) const;
  Error FromFailure(std::string_view what, const provider::http::ClientFailure& failure);
  Result<provider::http::ClientResponse> Exchange(std::string_view what, std::string method,
                                                  const std::string& path, std::string body,
                                                  const std::stop_token& stop);

  provider::http::Client& client_;
  const EngineAddress address_;
  const std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::string api_version_;  // guarded by mutex_; empty: to be negotiated
};

// g++ 12's std::expected has no and_then.
template <typename Read>
auto Then(const Result<std::string>& body, Read&& read) -> decltype(read(*body)) {
  if (!body) return Failure(body.error());
  return read(*body);
}

inline Result<void> WithoutBody(const Result<std::string>& body) {
  if (!body) return Failure(body.error());
  return {};
}

}  // namespace orchestrator::docker
