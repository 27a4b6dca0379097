#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "orchestrator/error.h"
#include "orchestrator/site/site.h"

// What Director's manager sends, read as its own orchestrator reads it (numbers and truths may be
// texts, unknown members are ignored), and checked more strictly: docs/director-compatibility.md.
namespace orchestrator::director {

// One wrong member, in the words that Director's clients know.
struct InputProblem {
  std::string type;                   // missing, int_type, value_error, …
  std::vector<std::string> location;  // body, then the names; an index is a number as text
  std::string message;
  std::string input;  // JSON
};

struct InputError {
  bool not_json = false;  // the body cannot be read at all
  std::vector<InputProblem> problems;
};

template <typename T>
using Read = std::expected<T, InputError>;

// How much of a SiteInfo has to make sense. What is removed need not be deployable.
enum class Need { kIdentity, kDeployment };

// The site of a SiteInfo. With kIdentity only its id is what was sent.
Read<site::Site> ReadSite(std::string_view body, Need need);

struct BuildCall {
  site::SiteId id;
  std::optional<std::int64_t> memory_bytes;
  std::optional<std::int64_t> swap_bytes;
};

// {"site": SiteInfo, "resource_limits"?: {"memory", "memswap"}}
Read<BuildCall> ReadBuild(std::string_view body);

// An error of our own with fields (/hosts/0, /resources/memory) in the words above, about this
// body.
std::vector<InputProblem> FromFields(const std::vector<FieldProblem>& fields,
                                     std::string_view body);

// JSON as Python writes it: NaN and the infinities become null.
std::string WithoutNonNumbers(std::string_view text);

}  // namespace orchestrator::director
