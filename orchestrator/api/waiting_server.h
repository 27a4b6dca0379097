#pragma once

#include <expected>
#include <mutex>
#include <string>

#include "orchestrator/api/answer.h"
#include "provider/http/server.h"

namespace orchestrator::api {

// What is at the API's address while there is no store to work on: it is alive, not ready, and
// answers everything else with 503 and why. Ends its connections when destroyed. Thread-safe.
class WaitingServer {
 public:
  WaitingServer();

  // See provider::http::Server::Start.
  std::expected<std::uint16_t, std::string> Start(const provider::http::ListenAddress& address) {
    return server_.Start(address);
  }

  // What is waited for, for people.
  void SetProblem(std::string problem);

 private:
  Response Handle(const Request& request) const;

  mutable std::mutex mutex_;
  std::string problem_ = "the orchestrator is starting";  // guarded by mutex_
  provider::http::Server server_;
};

}  // namespace orchestrator::api
