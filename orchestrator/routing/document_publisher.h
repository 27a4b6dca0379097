#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <thread>

#include "orchestrator/routing/routes.h"
#include "orchestrator/store/store.h"
#include "provider/assembly.h"
#include "provider/publisher.h"

namespace orchestrator::routing {

// Follows the store and publishes the document that its state means: all of it once at the start,
// then the fragments of what changed. While the store cannot be read, the last document stays.
//
// Owns one thread. `store` and `publisher` must live longer.
class DocumentPublisher {
 public:
  DocumentPublisher(const store::Store& store, provider::Publisher& publisher,
                    provider::Assembly assembly, RouteOptions options);
  ~DocumentPublisher();
  DocumentPublisher(const DocumentPublisher&) = delete;
  DocumentPublisher& operator=(const DocumentPublisher&) = delete;

  std::uint64_t published() const { return published_; }

 private:
  void Run(const std::stop_token& stop);
  void Apply(const store::Changes& changes);

  const store::Store& store_;
  provider::Publisher& publisher_;
  provider::Assembly assembly_;  // only the thread touches it
  const RouteOptions options_;
  std::atomic<std::uint64_t> published_ = 0;  // how many documents
  std::jthread thread_;
};

}  // namespace orchestrator::routing
