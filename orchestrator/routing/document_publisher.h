#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "orchestrator/routing/pool_document.h"
#include "orchestrator/store/store.h"

namespace orchestrator::routing {

// Follows the store and tells each pool's document what happened to its sites: all of it once at
// the start, then what changed. A site that moves from one pool to another leaves its former
// document only when the new one is served with it. While the store cannot be read, the documents
// stay as they are.
//
// Owns one thread, which alone calls Apply and Follow of `documents`. `store` and `documents` must
// live longer.
class DocumentPublisher {
 public:
  DocumentPublisher(const store::Store& store, std::vector<PoolDocument*> documents);
  ~DocumentPublisher();
  DocumentPublisher(const DocumentPublisher&) = delete;
  DocumentPublisher& operator=(const DocumentPublisher&) = delete;

 private:
  void Run(const std::stop_token& stop);
  bool Distribute(const store::Changes& changes, std::chrono::steady_clock::time_point committed);
  void Sort(const store::Change& change, std::vector<std::vector<PoolChange>>& shares);
  void Depart();

  const store::Store& store_;
  const std::vector<PoolDocument*> documents_;
  std::map<std::string_view, std::size_t> by_name_;       // in documents_
  std::unordered_map<std::int64_t, std::size_t> places_;  // of sites in documents_, by id

  bool is_beginning_ = true;  // nothing has been distributed yet

  // A site that is to leave a document when another has it; both by index.
  struct Departure {
    site::SiteId id;
    std::size_t from;
    std::size_t to;
  };
  std::vector<Departure> departures_;
  std::jthread thread_;
};

}  // namespace orchestrator::routing
