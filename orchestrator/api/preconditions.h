#pragma once

#include <optional>

#include "orchestrator/api/answer.h"
#include "orchestrator/files/precondition.h"

namespace orchestrator::api {

// What a request wants to hold of the file that it names (RFC 9110, 13.1).
struct Preconditions {
  std::optional<files::EntityTags> if_match = {};  // without weak tags: they match nothing here
  std::optional<files::EntityTags> if_none_match = {};  // with weak tags, as if they were strong
};

// Headers of one name are one list. Tags without quotes are taken, too: that is how listings show
// them. kInvalid, as a problem of the whole request, for what is no list.
Result<Preconditions> ReadPreconditions(const Request& request);

// For what changes a file: If-None-Match may only be "*" then.
Result<files::Precondition> ReadPreconditionOfChange(const Request& request);

}  // namespace orchestrator::api
