#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "traefik/codec/problem.h"
#include "traefik/codec/value.h"

// Changes to decoded configurations.
namespace traefik::codec {

// The object that is the member `name` of an object; made where there is none.
Value& ObjectAt(Value& object, std::string_view name);

// The objects of one kind ("http", "routers") of a configuration; made where there are none.
Value& NamedAt(Value& configuration, std::string_view protocol, std::string_view kind);

// The same for a list.
Value& ListAt(Value& object, std::string_view name);

// Sets a member of an object; new ones are put where their name comes in byte order.
void Put(Value& object, std::string_view name, Value value);

// All named objects of `from` ("http.routers.x") into `into`, in the place of those of the same
// name; lists are added to lists.
void Merge(Value& into, const Value& from);

// Calls for every kind of object that has a name: "http", "routers", name, object.
void ForEachNamed(Value& configuration,
                  const std::function<void(std::string_view protocol, std::string_view kind,
                                           Member& member)>& visit);

// Where a name is to be looked up: "http", "services".
struct ReferenceTarget {
  std::string_view protocol;
  std::string_view kind;
};

// Calls for every name by which one object needs another, which may be changed.
void ForEachReference(
    Value& configuration,
    const std::function<void(const ReferenceTarget&, const Path&, std::string& name)>& visit);

}  // namespace traefik::codec
