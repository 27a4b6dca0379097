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

// A text member of an object; empty where there is none.
inline std::string_view TextOf(const Value& object, std::string_view name) {
  const Value* value = object.Find(name);
  return value && value->text() ? std::string_view(*value->text()) : std::string_view();
}

// A switch of an object that is on.
inline bool IsTrue(const Value& object, std::string_view name) {
  const Value* value = object.Find(name);
  const bool* flag = value ? std::get_if<bool>(&value->data) : nullptr;
  return flag && *flag;
}

// The objects of one kind ("http", "routers") of a configuration; none where there are none.
inline const Object& ObjectsOf(const Value& configuration, std::string_view protocol,
                               std::string_view kind) {
  static const Object kNone;
  const Value* section = configuration.Find(protocol);
  const Value* named = section ? section->Find(kind) : nullptr;
  return named && named->object() ? *named->object() : kNone;
}

// The object of that name, as "http", "services", "x"; null where there is none.
inline const Value* FindNamed(const Value& configuration, std::string_view protocol,
                              std::string_view kind, std::string_view name) {
  const Value* section = configuration.Find(protocol);
  const Value* named = section ? section->Find(kind) : nullptr;
  return named ? named->Find(name) : nullptr;
}

// JSON on one line.
std::string ToJson(const Value& value);

}  // namespace traefik::codec
