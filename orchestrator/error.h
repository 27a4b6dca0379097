#pragma once

#include <expected>
#include <string>
#include <vector>

namespace orchestrator {

enum class ErrorKind {
  kInvalid,  // the input is wrong; `fields` says where
  kNotFound,
  kConflict,       // contradicts what exists (a host of another site, a taken name)
  kPrecondition,   // If-Match does not match
  kOutOfSequence,  // someone else changed the object in between; read again and retry
  kUnavailable,    // the other side is away or does not answer in time; retry later
  kCancelled,      // we were told to stop
  kStorage,        // the database cannot read or write (full disk, read-only, corrupt)
  kNoSpace,        // the site's quota or the disk is full
  kInternal,       // a broken promise of our own or of the other side
};

struct FieldProblem {
  std::string pointer;  // RFC 6901, e.g. /routing/path_prefix
  std::string detail;

  friend bool operator==(const FieldProblem&, const FieldProblem&) = default;
};

// An expected failure, as a value. `message` may be shown to users and says what was tried and why
// it failed; `detail` is for the log.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;
  std::string detail = {};
  std::vector<FieldProblem> fields = {};
};

template <typename T>
using Result = std::expected<T, Error>;

using Failure = std::unexpected<Error>;

}  // namespace orchestrator
