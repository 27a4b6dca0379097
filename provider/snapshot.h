#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace provider {

// What every poll gets until the next change: a document with its revision. Immutable, so it is
// shared between threads without a lock. The bytes hold the default certificate's key: treat as a
// secret.
struct Snapshot {
  std::uint64_t revision = 0;
  std::shared_ptr<const std::string> plain;
  std::shared_ptr<const std::string> gzip;
  std::string etag;  // without quotes; a hash of the plain bytes
};

}  // namespace provider
