#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "orchestrator/error.h"

namespace orchestrator::json {

// Parses strictly: one JSON text, nested at most 64 deep, no duplicate keys, valid UTF-8.
Result<nlohmann::json> Parse(std::string_view text);

// "/a/b" + "c/d" → "/a/b/c~1d" (RFC 6901).
std::string Pointer(std::string_view parent, std::string_view key);
std::string Pointer(std::string_view parent, std::size_t index);

// Takes members out of a JSON object and collects everything that is wrong with them, each with its
// pointer. A missing member and null are the same: nothing is returned and nothing is said.
//
// Refers to the object and the problem list; both must live longer.
class ObjectReader {
 public:
  // A value that is no object is a problem; all members are then missing.
  ObjectReader(const nlohmann::json& value, std::string pointer,
               std::vector<FieldProblem>& problems);

  const nlohmann::json* Find(std::string_view key);
  std::optional<std::string> String(std::string_view key);
  std::optional<bool> Boolean(std::string_view key);
  std::optional<double> Number(std::string_view key);
  std::optional<std::int64_t> Integer(std::string_view key);
  std::optional<std::vector<std::string>> Strings(std::string_view key);

  bool Has(std::string_view key) const;
  void Fail(std::string_view key, std::string detail);
  std::string PointerTo(std::string_view key) const { return Pointer(pointer_, key); }

  // Call last: members that nobody asked for are problems, with the nearest known name suggested.
  void RefuseUnknown();

 private:
  const nlohmann::json& value_;
  const std::string pointer_;
  std::vector<FieldProblem>& problems_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace orchestrator::json
