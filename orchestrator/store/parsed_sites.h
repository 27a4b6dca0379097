#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "orchestrator/error.h"
#include "orchestrator/site/site.h"

namespace orchestrator::store {

// Reads sites, and remembers those that were read last by their text: all who follow the store read
// the same ones, shortly after each other. Thread-safe.
class ParsedSites {
 public:
  // About so many are remembered.
  static constexpr std::size_t kMost = 4096;

  // As site::Parse.
  Result<site::Site> Parse(const std::string& text);

 private:
  using Sites = std::unordered_map<std::string, std::shared_ptr<const site::Site>>;

  std::shared_ptr<const site::Site> Find(const std::string& text);
  void Keep(const std::string& text, std::shared_ptr<const site::Site> site);

  std::mutex mutex_;
  Sites recent_;  // guarded by mutex_
  Sites older_;   // guarded by mutex_; goes when there are enough recent ones
};

}  // namespace orchestrator::store
