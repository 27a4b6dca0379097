#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "provider/snapshot.h"

namespace provider {

// A document that was served, on disk: for the time in which nothing newer can be known.
struct LastKnownGood {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::uint64_t> keys;  // of the fragments in it, in order
  std::string source;               // names what its revisions are of
  // Of the revision whose routes it has, where that is an earlier one than its own.
  std::optional<std::uint64_t> routes_of = {};
};

// The bytes of a file that ParseLastKnownGood reads. They hold what the document holds: a secret.
std::string LastKnownGoodToText(const LastKnownGood& document);

// The snapshot is marked as stale. The error says in which way the text is damaged: nothing of it
// is to be served then.
std::expected<LastKnownGood, std::string> ParseLastKnownGood(std::string_view text);

}  // namespace provider
