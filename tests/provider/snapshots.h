#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "provider/snapshot.h"

namespace tests {

// A snapshot whose bytes are a text of the revision.
inline std::shared_ptr<const provider::Snapshot> MakeSnapshot(std::uint64_t revision) {
  return std::make_shared<const provider::Snapshot>(
      revision,
      std::vector<provider::Section>{
          {"http/routers", {provider::Pack("\"r\":" + std::to_string(revision))}}},
      traefik::Form::kJson);
}

}  // namespace tests
