#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "provider/http/server.h"
#include "provider/pool.h"

namespace provider {

struct PollServerOptions {
  // Any of them lets a client in, see MatchesToken; empty: no token is asked for.
  std::vector<std::string> tokens;
  std::size_t held_polls = 200;  // more than these are answered at once
  std::chrono::seconds longest_wait{60};
  std::shared_ptr<http::TlsContext> tls = nullptr;  // null: plain HTTP
};

// Counted since the start, attempts apart from outcomes.
struct PollCounters {
  std::atomic<std::uint64_t> attempts = 0;
  std::atomic<std::uint64_t> refused = 0;      // no or wrong token, wrong path, bad query
  std::atomic<std::uint64_t> unavailable = 0;  // nothing true to say yet
  std::atomic<std::uint64_t> held = 0;
  std::atomic<std::uint64_t> gathered = 0;  // held on while their Traefik was applying
  std::atomic<std::uint64_t> served = 0;    // written whole
  std::atomic<std::uint64_t> failed = 0;    // the reader went away or was too slow
  std::atomic<std::uint64_t> bytes = 0;
  std::atomic<std::int64_t> holding = 0;  // now
  std::atomic<std::uint64_t> pages = 0;   // for visitors of sites that cannot answer
};

// Serves GET /configuration to Traefik's HTTP provider on a listener and threads of its own: the
// stored bytes of the current snapshot of the pool that is asked for (`?pool=`), or 503 while there
// is none. A poll with `Prefer: wait=N` is held
// until something changes, but only on a connection that was already given the current revision, so
// that a Traefik which has just started is answered at once. While a probe says that a Traefik is
// still applying what it was given, changes are gathered into its next answer.
//
// Each open connection has a thread. A peer that sends its request slowly, or takes its answer
// slowly, has limited time, and connections without a request make room for new ones.
//
// Also serves the pages that Traefik shows to visitors of sites that cannot answer (pages.h),
// without a token, at once and on a connection that is closed then, so that they never hold up
// polls.
//
// `pools` must live longer. To stop: Pools::Close, then Stop.
class PollServer {
 public:
  PollServer(Pools& pools, PollServerOptions options);

  // See http::Server::Start.
  std::expected<std::uint16_t, std::string> Start(const http::ListenAddress& address) {
    return server_.Start(address);
  }

  void Stop() { server_.Stop(); }

  const PollCounters& counters() const { return counters_; }

 private:
  std::optional<http::ServerResponse> Refuse(const http::ServerRequest& request);
  http::ServerResponse Handle(const http::ServerRequest& request);
  http::ServerResponse Poll(const http::ServerRequest& request, Pool& pool,
                            const std::string& instance);
  std::shared_ptr<const Snapshot> Hold(const http::ServerRequest& request, const Pool& pool,
                                       const std::string& instance,
                                       Publisher::Clock::time_point deadline);
  bool IsAllowed(const http::ServerRequest& request) const;

  Pools& pools_;
  const PollServerOptions options_;
  PollCounters counters_;
  http::Server server_;
};

// The seconds of `Prefer: wait=N` (RFC 7240), 0 where there is none.
std::chrono::seconds ParsePreferWait(std::string_view prefer);

}  // namespace provider
