#include "orchestrator/json/reader.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace orchestrator::json {
namespace {

using nlohmann::json;

constexpr int kDeepest = 64;

// nlohmann's parser is iterative but its writer and destructor are not: depth is capped beforehand.
bool IsTooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

Error Malformed(std::string detail) {
  return {ErrorKind::kInvalid,
          "the body is not the JSON that is expected",
          {},
          {{"", std::move(detail)}}};
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

// A json of any type as a short name for people.
std::string TypeName(const json& value) {
  return value.is_null() ? "null" : fmt::format("a JSON {}", value.type_name());
}

}  // namespace

Result<json> Parse(std::string_view text) {
  if (IsTooDeep(text)) {
    return Failure(Malformed(fmt::format("is nested more than {} levels deep", kDeepest)));
  }
  std::vector<std::set<std::string>> keys;
  std::string duplicate;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) duplicate = key;
    }
    return true;
  };
  try {
    json value = json::parse(text.begin(), text.end(), watch);
    if (!duplicate.empty()) {
      return Failure(Malformed(fmt::format("names the key '{}' twice in one object", duplicate)));
    }
    return value;
  } catch (const json::exception& error) {
    std::string_view what = error.what();
    if (const auto bracket = what.find("] "); bracket != std::string_view::npos) {
      what.remove_prefix(bracket + 2);
    }
    return Failure(Malformed(std::string(what)));
  }
}

std::string Pointer(std::string_view parent, std::string_view key) {
  std::string pointer(parent);
  pointer += '/';
  for (const char c : key) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer += c;
  }
  return pointer;
}

std::string Pointer(std::string_view parent, std::size_t index) {
  return fmt::format("{}/{}", parent, index);
}

ObjectReader::ObjectReader(const json& value, std::string pointer,
                           std::vector<FieldProblem>& problems)
    : value_(value), pointer_(std::move(pointer)), problems_(problems) {
  if (!value_.is_object()) {
    problems_.push_back({pointer_, fmt::format("must be an object, not {}", TypeName(value_))});
  }
}

const json* ObjectReader::Find(std::string_view key) {
  known_.emplace(key);
  if (!value_.is_object()) return nullptr;
  const auto found = value_.find(key);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

bool ObjectReader::Has(std::string_view key) const {
  return value_.is_object() && value_.contains(key) && !value_.at(std::string(key)).is_null();
}

std::optional<std::string> ObjectReader::String(std::string_view key) {
  const json* value = Find(key);
  if (!value) return {};
  if (value->is_string()) return value->get<std::string>();
  Fail(key, fmt::format("must be a text, not {}", TypeName(*value)));
  return {};
}

std::optional<bool> ObjectReader::Boolean(std::string_view key) {
  const json* value = Find(key);
  if (!value) return {};
  if (value->is_boolean()) return value->get<bool>();
  Fail(key, fmt::format("must be true or false, not {}", TypeName(*value)));
  return {};
}

std::optional<double> ObjectReader::Number(std::string_view key) {
  const json* value = Find(key);
  if (!value) return {};
  if (value->is_number()) return value->get<double>();
  Fail(key, fmt::format("must be a number, not {}", TypeName(*value)));
  return {};
}

std::optional<std::int64_t> ObjectReader::Integer(std::string_view key) {
  const json* value = Find(key);
  if (!value) return {};
  const bool too_large =
      value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t{INT64_MAX};
  if (value->is_number_integer() && !too_large) return value->get<std::int64_t>();
  Fail(key, value->is_number() ? "must be a whole number of at most 19 digits"
                               : fmt::format("must be a number, not {}", TypeName(*value)));
  return {};
}

std::optional<std::vector<std::string>> ObjectReader::Strings(std::string_view key) {
  const json* value = Find(key);
  if (!value) return {};
  if (!value->is_array()) {
    Fail(key, fmt::format("must be a list of texts, not {}", TypeName(*value)));
    return {};
  }
  std::vector<std::string> strings;
  bool good = true;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const json& item = (*value)[i];
    if (item.is_string()) {
      strings.push_back(item.get<std::string>());
    } else {
      problems_.push_back(
          {Pointer(PointerTo(key), i), fmt::format("must be a text, not {}", TypeName(item))});
      good = false;
    }
  }
  if (!good) return {};
  return strings;
}

void ObjectReader::Fail(std::string_view key, std::string detail) {
  problems_.push_back({PointerTo(key), std::move(detail)});
}

void ObjectReader::RefuseUnknown() {
  if (!value_.is_object()) return;
  for (const auto& [key, unused] : value_.items()) {
    if (known_.contains(key)) continue;
    const auto nearest = std::ranges::min_element(
        known_, {}, [&](const std::string& name) { return EditDistance(key, name); });
    const bool near = nearest != known_.end() && EditDistance(key, *nearest) <= 3;
    Fail(key, near ? fmt::format("is not known; did you mean '{}'?", *nearest)
                   : fmt::format("is not known; known are: {}",
                                 fmt::join(known_.begin(), known_.end(), ", ")));
  }
}

}  // namespace orchestrator::json
