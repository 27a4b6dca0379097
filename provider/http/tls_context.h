#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

struct ssl_ctx_st;

namespace provider::http {

// PEM files.
struct TlsFiles {
  std::filesystem::path certificate;  // with the chain behind it
  std::filesystem::path key;
  std::filesystem::path client_ca;  // who signs the certificates of clients; empty: they need none

  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

// The TLS side of a server: TLS 1.2 or newer, with the certificates of these files, which are read
// again when they change. Thread-safe.
class TlsContext {
 public:
  // How often it is looked whether the files have changed.
  static constexpr std::chrono::seconds kRecheck{2};

  // The error says which file cannot be used and why. `on_problem` is told, once, when files that
  // have changed cannot be used, those from before are used on then; and of failed handshakes.
  static std::expected<std::unique_ptr<TlsContext>, std::string> Load(
      TlsFiles files, std::function<void(const std::string&)> on_problem);

  // For a new connection.
  std::shared_ptr<ssl_ctx_st> Current();

  // A client that got no further than the handshake; told now and then.
  void CountFailure(const std::string& peer, const std::string& reason);
  std::uint64_t failures() const { return failures_; }

 private:
  using Clock = std::chrono::steady_clock;

  TlsContext(TlsFiles files, std::function<void(const std::string&)> on_problem)
      : files_(std::move(files)), on_problem_(std::move(on_problem)) {}
  std::string State() const;

  static constexpr std::chrono::seconds kTellAgain{10};

  const TlsFiles files_;
  const std::function<void(const std::string&)> on_problem_;
  std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> current_;  // guarded by mutex_, as all below
  std::string state_;                    // of the files when they were read last
  Clock::time_point checked_;
  Clock::time_point told_ = Clock::now() - kTellAgain;
  std::atomic<std::uint64_t> failures_ = 0;
};

}  // namespace provider::http
