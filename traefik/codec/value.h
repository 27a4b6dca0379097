#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace traefik::codec {

struct Value;
struct Member;

using List = std::vector<Value>;
// The members of an object with options are in the schema's order, those of a map in byte order, so
// that equal configurations are equal values.
using Object = std::vector<Member>;

// A part of a decoded configuration. Durations are texts as Go prints them ("1m30s"). What is zero
// and might as well not be given is left out. A value type.
struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Object> data;

  bool is_set() const { return data.index() != 0; }
  const Object* object() const { return std::get_if<Object>(&data); }
  const List* list() const { return std::get_if<List>(&data); }
  const std::string* text() const { return std::get_if<std::string>(&data); }
  const std::int64_t* number() const { return std::get_if<std::int64_t>(&data); }

  // The member of an object; null where there is none, or this is no object.
  const Value* Find(std::string_view name) const;

  friend bool operator==(const Value&, const Value&) = default;
};

struct Member {
  std::string name;
  Value value;

  friend bool operator==(const Member&, const Member&) = default;
};

inline const Value* Value::Find(std::string_view name) const {
  const Object* members = object();
  if (!members) return nullptr;
  for (const Member& member : *members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

// JSON on one line.
std::string ToJson(const Value& value);

}  // namespace traefik::codec
