#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "provider/gzip.h"
#include "provider/snapshot.h"

namespace tests {

// A snapshot whose bytes are a text of the revision.
inline std::shared_ptr<const provider::Snapshot> MakeSnapshot(std::uint64_t revision) {
  auto snapshot = std::make_shared<provider::Snapshot>();
  const std::string text = "{\"revision\":" + std::to_string(revision) + "}";
  snapshot->revision = revision;
  snapshot->plain = std::make_shared<const std::string>(text);
  snapshot->gzip = std::make_shared<const std::string>(provider::Gzip(text));
  snapshot->etag = "tag-" + std::to_string(revision);
  return snapshot;
}

}  // namespace tests
