#include "orchestrator/files/system_failure.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "orchestrator/files/relative_path.h"

namespace orchestrator::files {
namespace {

struct Reason {
  ErrorKind kind;
  std::string text;
};

Reason ReasonOf(int error) {
  switch (error) {
    case ENOENT:
      return {ErrorKind::kNotFound, "it is not there"};
    case ELOOP:
      return {ErrorKind::kConflict, "a link is in the path, and links are not followed"};
    case ENOTDIR:
      return {ErrorKind::kConflict, "a part of the path is not a folder"};
    case EISDIR:
      return {ErrorKind::kConflict, "it is a folder"};
    case EXDEV:
      return {ErrorKind::kConflict, "another file system is mounted there"};
    case EBUSY:
      return {ErrorKind::kConflict, "it is in use, or something is mounted there"};
    case EEXIST:
      return {ErrorKind::kConflict, "something with this name is there already"};
    case ENOTEMPTY:
      return {ErrorKind::kConflict, "the folder is not empty"};
    case EPERM:
    case EACCES:
      return {ErrorKind::kConflict, "the system does not permit it"};
    case ENAMETOOLONG:
      return {ErrorKind::kInvalid, "the name is too long for this file system"};
    case ENOSPC:
      return {ErrorKind::kNoSpace, "the disk is full"};
    case EDQUOT:
      return {ErrorKind::kNoSpace, "the site's quota is used up"};
    case EFBIG:
      return {ErrorKind::kNoSpace, "the file is too big for this file system"};
    case EMFILE:
    case ENFILE:
      return {ErrorKind::kUnavailable, "too many files are open in this process, try again"};
    case EAGAIN:
      return {ErrorKind::kUnavailable, "folders are being moved too fast, try again"};
    default:
      return {ErrorKind::kUnavailable, std::strerror(error)};
  }
}

}  // namespace

std::string Shown(std::string_view path) {
  return path.empty() ? "the site's directory" : fmt::format("'{}'", SafeText(path));
}

bool IsNoOwnFolder(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV;
}

Failure SystemFailure(int error, std::string_view what, std::string_view path) {
  Reason reason = ReasonOf(error);
  return Refusal(reason.kind, what, path, reason.text);
}

Failure Refusal(ErrorKind kind, std::string_view what, std::string_view path,
                std::string_view why) {
  return Failure(Error{kind, fmt::format("cannot {} {}: {}", what, Shown(path), why)});
}

}  // namespace orchestrator::files
